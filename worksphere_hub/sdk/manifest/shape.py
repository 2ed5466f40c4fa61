"""PURE: what of a document has not the shape of a manifest, in sentences; and the document without it.

Whoever writes a manifest wants to hear everything at once. So what has the wrong shape is told, taken out, and what is
left is looked at further.
"""

import copy
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from pydantic import ValidationError

from worksphere_hub.sdk.manifest.auth import AuthMethod
from worksphere_hub.sdk.manifest.kinds import Part
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.texts import bare, hints, members

_ROUNDS = 6
_SHOWN = 60
# What stands in for a field that is missing, so that the others can be looked at.
_STAND_IN: Mapping[str, Any] = {
    "slug": "missing",
    "name": "missing",
    "version": "0.0.0",
    "category": "missing",
    "summary": "missing",
    "hosts": [],
    "auth": {"missing": {"type": "none", "label": "missing"}},
}
_METHODS = {get_args(hints(kind)["type"])[0]: kind for kind in get_args(get_args(AuthMethod)[0])}
_PATTERNS = {
    r"^[a-z][a-z0-9_]{0,62}$": "must be small letters, digits and _, beginning with a letter, 63 at most",
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": "must be small letters, digits and dashes, 63 at most",
    r"^[a-z][a-z0-9-]{0,39}$": "must be small letters, digits and dashes, beginning with a letter, 40 at most",
    r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$": "must be three numbers such as 1.4.0",
    r"^https?://[^\s]+$": "must be a URL that begins with https://",
    r"^(\*|[A-Z]+) /\S*$": "must be a method and a path such as `GET /v2/users/*`, with * for anything",
}
_DATE = "must be a date such as 2026-11-23"
_SENTENCES = {
    "missing": "is missing; add it",
    "union_tag_not_found": f"lacks its `type`: one of {', '.join(_METHODS)}",
    **dict.fromkeys(("date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
}
_KINDS: Mapping[type[object], str] = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number",
}  # fmt: skip
_SHOULD = re.compile(r"^(?:Input|String|List|Dictionary|Value|Tuple|Number) should ")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field: its dotted path, and what is wrong with it and what to do."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Shaped:
    """A document as a manifest, if there is one in it, with what was wrong and had to be taken out."""

    manifest: Manifest | None
    problems: tuple[Problem, ...]
    removed: frozenset[str]


def shape(document: object) -> Shaped:
    """Read a document as a manifest, past whatever has the wrong shape."""
    problems: dict[str, str] = {}
    removed: set[str] = set()
    left = copy.deepcopy(document)
    for _ in range(_ROUNDS):
        try:
            manifest = Manifest.model_validate(left)
        except ValidationError as error:
            found = error.errors(include_url=False)
        else:
            return Shaped(manifest, _listed(problems), frozenset(removed))
        for each in found:
            path = _path(each["loc"])
            if not touches(path, removed):
                problems.setdefault(path, _message(each))
        if not isinstance(left, dict):
            break
        for each in found:
            removed.add(_take_out(cast("dict[str, Any]", left), each))
    return Shaped(None, _listed(problems), frozenset(removed))


def touches(path: str, removed: Iterable[str]) -> bool:
    """Whether something that was taken out is the field, in it, or around it."""
    return any(f"{path}.".startswith(f"{gone}.") or f"{gone}.".startswith(f"{path}.") for gone in removed)


def _listed(problems: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(Problem(path, message) for path, message in problems.items())


def _parts(location: Sequence[str | int]) -> list[str | int]:
    """A location as the writer sees it: without the name of the alternative that was chosen."""
    parts = [part for part in location if part != "[key]"]
    if len(parts) > 2 and parts[0] == "auth" and parts[2] in _METHODS:
        del parts[2]
    return parts


def _path(location: Sequence[str | int]) -> str:
    return ".".join(str(part)[:_SHOWN] for part in _parts(location)) or "manifest"


def _take_out(document: dict[str, Any], error: Mapping[str, Any]) -> str:
    """Take out what an error is about, or what lacks it; answers the path of what is gone."""
    parts = _parts(error["loc"])
    if error["type"] == "missing":
        if len(parts) == 1:
            document[str(parts[0])] = copy.deepcopy(_STAND_IN[str(parts[0])])
            return str(parts[0])
        parts = parts[:-1]
    while len(parts) > 1 and not _delete(document, parts):
        parts = parts[:-1]
    if len(parts) == 1:
        _delete(document, parts)
    return ".".join(str(part) for part in parts)


def _delete(document: Any, parts: Sequence[str | int]) -> bool:
    at = document
    for part in parts[:-1]:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            return True  # gone already, with something around it
    if isinstance(at, dict):
        cast("dict[Any, Any]", at).pop(parts[-1], None)
        return True
    # An item that is taken out of a list would move the others.
    return False


def _message(error: Mapping[str, Any]) -> str:
    kind, context = str(error["type"]), cast("Mapping[str, Any]", error.get("ctx") or {})
    said = str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return _unknown(error["loc"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context["pattern"]), f"must match {context['pattern']}")
    if kind.endswith("_type") and error["input"] is not None:
        given = cast("type[object]", type(error["input"]))
        return f"must be {_plain(_SHOULD.sub('', said).removeprefix('be '))}, not {_KINDS.get(given, 'this')}"
    if kind in {"literal_error", "union_tag_invalid"}:
        said = f"must be one of {_expected(context)}"
    said = _SENTENCES.get(kind) or _SHOULD.sub("must ", said)
    return said[:1].lower() + said[1:]


def _plain(wanted: str) -> str:
    words = {
        "a valid dictionary": "an object", "a valid list": "a list", "a valid string": "a text",
        "a valid integer": "a whole number", "a valid boolean": "true or false", "a valid number": "a number",
        "an object to extract fields from": "an object", "a valid dictionary or instance of ": "an object",
    }  # fmt: skip
    return next((word for begin, word in words.items() if wanted.startswith(begin)), wanted)


def _expected(context: Mapping[str, Any]) -> str:
    return str(context.get("expected") or context.get("expected_tags", "")).replace("'", "")


def _unknown(location: Sequence[str | int]) -> str:
    model = _model_at(location[:-1])
    known = [] if model is None else list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
    if close:
        return f"is not known here; did you mean `{close[0]}`?"
    return (
        f"is not known here; remove it, or use one of {', '.join(known)}" if known else "is not known here; remove it"
    )


def _model_at(location: Sequence[str | int]) -> type[Part] | None:
    """The part of a manifest that stands at a location."""
    at: Any = Manifest
    for part in location:
        if isinstance(at, type) and issubclass(at, Part):
            at = hints(at).get(str(part))
        elif len(list(_models(at))) > 1 and part in _METHODS:
            at = _METHODS[str(part)]
        else:
            at = next(_contents(at), None)
    return next(_models(at), None)


def _contents(hint: Any) -> Iterator[Any]:
    for option in members(bare(hint)):
        arguments = get_args(bare(option))
        if arguments:
            yield bare(arguments[-1])


def _models(hint: Any) -> Iterator[type[Part]]:
    for option in members(bare(hint)):
        found = bare(option)
        if isinstance(found, type) and issubclass(found, Part):
            yield found
