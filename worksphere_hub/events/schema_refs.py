"""PURE: move a schema from one document to another, its local references with it."""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from worksphere_hub.events.schema_limits import SIZE_LIMIT, resolve

# Keywords whose value maps names of the author's own to schemas.
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})
# ... whose value is data, in which "$ref" is only a name.
_DATA = frozenset({"const", "enum", "examples", "example", "default"})
_TOP = frozenset({"$schema", "$id"})


def moved(schema: Any, change: Callable[[str], str]) -> Any:
    """A copy of a schema in which every local reference (`#...`) is changed."""
    if isinstance(schema, list):
        return [moved(each, change) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", schema).items():
        if name == "$ref" and isinstance(value, str) and value.startswith("#"):
            made[name] = change(value)
        elif name in _DATA:
            made[name] = value
        elif name in _MAPS and isinstance(value, dict):
            made[name] = {key: moved(each, change) for key, each in cast("dict[str, Any]", value).items()}
        else:
            made[name] = moved(value, change)
    return made


def embedded(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """A schema to stand at `place` (`#/components/...`) of a larger document, to which its references then refer."""
    bare = {name: value for name, value in schema.items() if name not in _TOP}
    return moved(bare, lambda reference: place + reference.removeprefix("#"))


def cut_out(document: dict[str, Any], place: str, definitions: str) -> dict[str, Any]:
    """The schema at `place` of a document on its own, with what it refers to under `definitions` (`$defs`).

    A reference that leads nowhere stays as it is: whoever checks the schema says so. Raises ValueError when it all
    together is far larger than a schema may be.
    """
    left = 4 * SIZE_LIMIT
    names: dict[str, str] = {}
    waiting: list[str] = []

    def change(reference: str) -> str:
        if reference == place or reference.startswith(f"{place}/"):
            return f"#{reference.removeprefix(place)}"
        if resolve(document, reference) is None:
            return reference
        if reference not in names:
            names[reference] = _free_name(reference.rsplit("/", 1)[-1] or "document", set(names.values()))
            waiting.append(reference)
        return f"#/{definitions}/{names[reference]}"

    def take(reference: str) -> Any:
        nonlocal left
        value = resolve(document, reference)
        left -= len(msgspec.json.encode(value))
        if left < 0:
            raise ValueError("its schema is too large with what it refers to")
        return moved(value, change)

    schema = cast("dict[str, Any]", take(place) or {})
    taken: dict[str, Any] = {}
    while waiting:
        reference = waiting.pop()
        taken[names[reference]] = take(reference)
    return {**schema, definitions: {**schema.get(definitions, {}), **taken}} if taken else schema


def _free_name(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name
