"""Load a room's named SQL statements from its `queries.sql`, and from further `*_queries.sql` where it has many."""

import re
from pathlib import Path

_HEADING = re.compile(r"^-- name: (?P<name>[a-z_0-9]+)$", re.MULTILINE)
_ANY_HEADING = re.compile(r"^[ \t]*--[ \t]*name[ \t]*:.*$", re.MULTILINE | re.IGNORECASE)


class Queries:
    """The statements of `.sql` files, as attributes: `QUERIES.insert_endpoint`.

    A file is a row of blocks: a line `-- name: insert_endpoint`, comment lines that say what it does, the statement.
    """

    def __init__(self, *paths: Path) -> None:
        """Read the files; a name twice, a name without a statement or text before the first name is a mistake."""
        self._statements: dict[str, str] = {}
        for path in paths:
            found = _read(path)
            if twice := found.keys() & self._statements.keys():
                raise ValueError(f"{path}: {min(twice)} is the name of another file's statement")
            self._statements |= found

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement is named {name}") from None

    def items(self) -> dict[str, str]:
        """All statements by name, for the test that prepares each of them."""
        return dict(self._statements)


def load_queries(module_file: str) -> Queries:
    """The statements beside a module: `QUERIES = load_queries(__file__)`."""
    folder = Path(module_file).parent
    return Queries(folder / "queries.sql", *sorted(folder.glob("*_queries.sql")))


def _read(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    for heading in _ANY_HEADING.findall(text):
        if not _HEADING.fullmatch(heading):
            # It would become a comment of the statement before it.
            raise ValueError(f"{path}: {heading.strip()!r} does not read `-- name: verb_noun`")
    head, *rest = _HEADING.split(text)
    if not _is_comment(head):
        raise ValueError(f"{path}: a statement stands before the first name")
    names = rest[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: two statements have the same name")
    statements = {name: text.strip().rstrip(";") for name, text in zip(names, rest[1::2], strict=True)}
    for name, statement in statements.items():
        if _is_comment(statement):
            raise ValueError(f"{path}: {name} has no statement")
    return statements


def _is_comment(text: str) -> bool:
    return all(not line.strip() or line.startswith("--") for line in text.splitlines())
