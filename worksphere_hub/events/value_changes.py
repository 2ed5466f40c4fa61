"""PURE: what changed about a single value: its types, the values it may have, its bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
# A bool is an int to Python: it is asked about first.
_KINDS: dict[type, str] = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array"}

# Larger is narrower for the first, smaller for the second.
_FLOORS = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_CEILINGS = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_COUNTS = _FLOORS[:3]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is where in the data: `data.customer.id`, `data.lines[].price`."""

    path: str
    kind: str
    breaking: bool
    message: str


def breaks(path: str, kind: str, message: str) -> Change:
    """A difference that consumers must be asked about."""
    return Change(path, kind, breaking=True, message=message)


def keeps(path: str, kind: str, message: str) -> Change:
    """A difference that no consumer minds."""
    return Change(path, kind, breaking=False, message=message)


def value_changes(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    """The differences of two subschemas in what a value by itself may be."""
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _bounds(old, new, path)
    yield from _multiples(old, new, path)


def canonical(value: Any) -> bytes:
    """One text for values that are the same JSON; Python alone takes true for 1."""
    return msgspec.json.encode(value, order="sorted")


def _types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = _allowed_types(old), _allowed_types(new)
    if wider := _listed(after - before):
        yield breaks(path, "type_widened", f"It may be {wider} now.")
    if narrower := _listed(before - after):
        yield keeps(path, "type_narrowed", f"It is not {narrower} any more.")


def _allowed_types(node: dict[str, Any]) -> set[str]:
    """Which of the seven types a value may have; `number` then means one with a fraction."""
    named = node.get("type", list(_TYPES))
    allowed = set([named] if isinstance(named, str) else named)
    if "number" in allowed:
        allowed.add("integer")
    values = _allowed_values(node)
    return allowed if values is None else allowed & {_type_of(value) for value in values}


def _type_of(value: Any) -> str:
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "object")


def _listed(types: set[str]) -> str:
    return " or ".join(name for name in _TYPES if name in types)


def _allowed_values(node: dict[str, Any]) -> list[Any] | None:
    """The values that `enum` and `const` leave, or None when they name none."""
    if "const" in node:
        return [node["const"]]
    return node.get("enum")


def _values(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = _allowed_values(old), _allowed_values(new)
    if before is None:
        if after is not None:
            yield keeps(path, "values_listed", "Only values of a list are sent now.")
    elif after is None:
        yield breaks(path, "values_unlisted", "Any value may be sent now, where there was a list of them.")
    else:
        known, sent = {canonical(value) for value in before}, {canonical(value) for value in after}
        if added := len(sent - known):
            yield breaks(path, "value_added", f"{added} value(s) may be sent that consumers do not know.")
        if removed := len(known - sent):
            yield keeps(path, "value_removed", f"{removed} value(s) are not sent any more.")


def _bounds(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    for keyword, sign in chain(((name, 1) for name in _FLOORS), ((name, -1) for name in _CEILINGS)):
        before, after = _bound(old, keyword), _bound(new, keyword)
        if before == after:
            continue
        if before is None:
            yield keeps(path, "bound_added", f"`{keyword}` is kept to now.")
        elif after is None:
            yield breaks(path, "bound_removed", f"`{keyword}` is not kept to any more.")
        elif (after - before) * sign < 0:
            yield breaks(path, "bound_loosened", f"`{keyword}` allows more than before.")
        else:
            yield keeps(path, "bound_tightened", f"`{keyword}` allows less than before.")


def _bound(node: dict[str, Any], keyword: str) -> int | float | None:
    value: int | float | None = node.get(keyword)
    # At least none is no bound.
    return None if keyword in _COUNTS and value == 0 else value


def _multiples(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before != after:
        kept = before is None or (isinstance(before, int) and isinstance(after, int) and after % before == 0)
        told = keeps if kept else breaks
        yield told(path, "multipleOf_changed", "`multipleOf` asks for something else now.")
