"""PURE: walk through a manifest's templates, expressions and schemas, each with the path of its field."""

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, cast

from worksphere_hub.sdk.manifest.kinds import Expression, JsonSchema, Part, Template

Kind = Literal["template", "expression", "schema"]
Path = tuple[str, ...]

_KINDS: tuple[tuple[Any, Kind], ...] = ((Template, "template"), (Expression, "expression"), (JsonSchema, "schema"))


def walk(part: Part, kind: Kind, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of one kind in a part and below it, with its path."""
    for name, hint in hints(type(part)).items():
        yield from _below(hint, getattr(part, name), kind, (*path, name))


@cache
def hints(model: type[Part]) -> dict[str, Any]:
    """The types of a part's fields as they are written, annotations included."""
    found = typing.get_type_hints(model, include_extras=True)
    return {name: found[name] for name in model.model_fields}


def members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the type itself."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return typing.get_args(hint)
    return (hint,)


def bare(hint: Any) -> Any:
    """A type without its annotations."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _below(hint: Any, value: Any, kind: Kind, path: Path) -> Iterator[tuple[Path, Any]]:
    if value is None:
        return
    if isinstance(value, Part):
        yield from walk(value, kind, path)
        return
    options = members(hint)
    if kind in _kinds(options):
        yield path, value
    elif isinstance(value, dict):
        inner = _inner(options, dict, 1)
        for key, each in cast("dict[str, Any]", value).items():
            yield from _below(inner, each, kind, (*path, key))
    elif isinstance(value, list):
        inner = _inner(options, list, 0)
        for index, each in enumerate(cast("list[Any]", value)):
            yield from _below(inner, each, kind, (*path, str(index)))


def _kinds(options: tuple[Any, ...]) -> set[Kind]:
    return {kind for option in options for annotated, kind in _KINDS if option == annotated}


def _inner(options: tuple[Any, ...], container: type, place: int) -> Any:
    """What a dictionary or list holds, by its type; `str` where the type does not say."""
    for option in options:
        found = bare(option)
        if typing.get_origin(found) is container:
            return typing.get_args(found)[place]
    return str
