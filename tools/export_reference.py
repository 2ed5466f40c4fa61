"""Write docs/reference from the code: settings, errors, the OpenAPI document, manifests. `--check` only compares."""

import dataclasses
import importlib
import inspect
import io
import json
import pkgutil
import sys
import tokenize
from pathlib import Path

import worksphere_hub
from worksphere_hub.app.api import document
from worksphere_hub.app.settings import PREFIX, Settings, names
from worksphere_hub.errors import HubError
from worksphere_hub.sdk.manifest.manifest import Manifest

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def settings_page() -> str:
    """Every setting with its default and the comment beside it."""
    lines = [
        "# Settings",
        "",
        "Environment variables, or `hub.toml` in the working directory: the name in lower case without `HUB_`,",
        "settings of a room in a table of its name (`[webhooks]`, `lease = 20`). The environment wins.",
        "An unknown name is refused.",
        "",
        "| setting | default | what it does |",
        "|---|---|---|",
    ]
    for name, (section, field) in names().items():
        owner = Settings if not section else type(getattr(Settings(), section))
        default = getattr(getattr(Settings(), section), field.name) if section else getattr(Settings(), field.name)
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown(default)} | {comment_of(owner, field.name)} |")
    return "\n".join(lines) + "\n"


def shown(default: object) -> str:
    """A default as a person would write it."""
    if default is None or default == ():
        return "unset"
    if isinstance(default, tuple):
        return "`" + ",".join(str(part) for part in default) + "`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def comment_of(owner: type, field: str) -> str:
    """The comment at the end of a field's line."""
    source = inspect.getsource(owner)
    rows = {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for number, line in enumerate(source.splitlines(), 1):
        if line.strip().startswith(f"{field}:"):
            if number not in rows:
                raise SystemExit(f"{owner.__name__}.{field} has no comment to say what it does")
            return rows[number]
    raise SystemExit(f"{owner.__name__}.{field} is not where it should be")


def errors_page() -> str:
    """Every code the hub answers with."""
    for module in pkgutil.walk_packages(worksphere_hub.__path__, "worksphere_hub."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, tuple[int, str]] = {}
    waiting = [HubError]
    while waiting:
        kind = waiting.pop()
        if kind.code not in found or not issubclass(kind, tuple(HubError.__subclasses__())):
            found.setdefault(kind.code, (kind.status, kind.title()))
        waiting.extend(sorted(kind.__subclasses__(), key=lambda each: each.__name__, reverse=True))
    lines = [
        "# Errors",
        "",
        "Answers are `application/problem+json`. `code` is stable; `detail` says what was wrong with the one request.",
        "",
        "| code | status | title |",
        "|---|---|---|",
        *(f"| `{code}` | {status} | {title} |" for code, (status, title) in sorted(found.items())),
    ]
    return "\n".join(lines) + "\n"


def manifest_schema() -> str:
    """The JSON Schema of manifests, for editors; the hub checks more than it can say."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def pages() -> dict[str, str]:
    """Each generated file and its text."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "manifest.schema.json": manifest_schema(),
        "openapi.json": json.dumps(document(), indent=1, ensure_ascii=False) + "\n",
    }


def main() -> int:
    """Write the pages, or say which are stale."""
    assert dataclasses.is_dataclass(Settings)
    stale = [
        name
        for name, text in pages().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is stale: run `make schema`")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
