"""PURE: which JSON Schemas the hub is willing to run, whoever wrote them.

A schema is a program that every published event is put through. So it may not fetch anything, and what it costs for
one value must be bounded before it is ever run: a chain of references of a few hundred bytes can otherwise ask the
same question a thousand million times.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import unquote

from worksphere_hub.errors import FieldProblem

SIZE_LIMIT = 65_536  # bytes of a schema as JSON
DEPTH_LIMIT = 32  # levels of a schema
WORK_LIMIT = 500  # subschemas that one value in the data may be asked about on its way down
DATA_DEPTH = 64  # levels of the data of an event: the request's own limit
_VISITS = 200_000

DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
DRAFT_07 = "http://json-schema.org/draft-07/schema"
_DYNAMIC = ("$dynamicRef", "$recursiveRef", "$vocabulary")

# Keywords whose value is asked about the same value as the schema they stand in.
_SAME_ONE = ("not", "if", "then", "else")
_SAME_LIST = ("allOf", "anyOf", "oneOf")
_SAME_MAP = ("dependentSchemas", "dependencies")
# ... about any field of it, or any item.
_EVERY_FIELD = ("additionalProperties", "unevaluatedProperties")
_EVERY_ITEM = ("items", "contains", "additionalItems", "unevaluatedItems")

Schema = dict[str, Any] | bool


class _TooInvolved(Exception):
    """The schema cannot be bounded, for the reason in its text."""


def dialect(schema: dict[str, Any]) -> str | None:
    """The JSON Schema dialect a schema is written in: one of the two above, or None for any other."""
    named = schema.get("$schema", DRAFT_2020)
    bare = named.removesuffix("#") if isinstance(named, str) else None
    return bare if bare in {DRAFT_2020, DRAFT_07} else None


def resolve(root: dict[str, Any], pointer: str) -> Schema | None:
    """What a local reference (`#`, `#/$defs/money`) points at; None when it is nothing, or no schema."""
    found: Any = root
    for part in pointer.removeprefix("#").split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(name)
        elif (
            isinstance(found, list) and name.isascii() and name.isdigit() and int(name) < len(cast("list[Any]", found))
        ):
            found = cast("list[Any]", found)[int(name)]
        else:
            return None
    return cast("Schema", found) if isinstance(found, dict | bool) else None


def refusals(schema: dict[str, Any], size: int, where: str = "schema") -> list[FieldProblem]:
    """Why the hub does not run this schema, if it does not. `size` is its length as JSON in bytes."""
    if size > SIZE_LIMIT:
        return [FieldProblem(where, f"has {size} bytes; the limit is {SIZE_LIMIT}")]
    if dialect(schema) is None:
        message = f"must be {DRAFT_2020} (also when it is left out) or {DRAFT_07}#"
        return [FieldProblem(f"{where}.$schema", message)]
    problems: list[FieldProblem] = []
    for path, node in _nodes(schema, where):
        if path.count("\x00") > DEPTH_LIMIT:
            problems = [FieldProblem(where, f"is nested deeper than {DEPTH_LIMIT} levels")]
            break
        problems += _node_problems(schema, node, path.replace("\x00", "."), nested=path != where)
    return problems[:10] or _cost(schema, where)


def work_of(schema: dict[str, Any]) -> float:
    """How many subschemas of one that was taken are asked about one value on its way down, at most."""
    return _Work(schema).of_root()


def _cost(schema: dict[str, Any], where: str) -> list[FieldProblem]:
    try:
        work = work_of(schema)
    except _TooInvolved as error:
        return [FieldProblem(where, str(error))]
    message = f"asks about one value up to {work:.3g} times; the limit is {WORK_LIMIT}. Use fewer nested alternatives"
    return [FieldProblem(where, message)] if work > WORK_LIMIT else []


def _nodes(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the schema, also those that are only data to it: a reference could point there."""
    stack = [(path, value)]
    while stack:
        at, each = stack.pop()
        if isinstance(each, dict):
            node = cast("dict[str, Any]", each)
            yield at, node
            stack += [(f"{at}\x00{name}", child) for name, child in node.items()]
        elif isinstance(each, list):
            stack += [(f"{at}\x00{index}", child) for index, child in enumerate(cast("list[Any]", each))]


def _node_problems(root: dict[str, Any], node: dict[str, Any], path: str, *, nested: bool) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference != "#" and not reference.startswith("#/"):
            message = "must point into this schema itself, e.g. #/$defs/money: nothing is fetched"
            found.append(FieldProblem(f"{path}.$ref", message))
        elif resolve(root, reference) is None:
            found.append(FieldProblem(f"{path}.$ref", "points at nothing in this schema"))
    found += [
        FieldProblem(f"{path}.{name}", "is not taken: refer by $ref to a place in this schema")
        for name in _DYNAMIC
        if isinstance(node.get(name), str | dict)
    ]
    if nested:
        found += [
            FieldProblem(f"{path}.{name}", "may stand at the top of the schema only")
            for name in ("$id", "$schema")
            if isinstance(node.get(name), str)
        ]
    return found


class _Work:
    """How many subschemas are asked along the most expensive way down into a value: an upper bound."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, int], float] = {}
        self._open: set[tuple[int, int]] = set()

    def of_root(self) -> float:
        """The bound for the whole schema, for data as deep as an event's may be."""
        return self._of(self._root, DATA_DEPTH)

    def _of(self, schema: Any, depth: int) -> float:
        if not isinstance(schema, dict) or depth < 0:
            return 1.0
        node = cast("dict[str, Any]", schema)
        key = (id(node), depth)
        if key in self._known:
            return self._known[key]
        if key in self._open:
            raise _TooInvolved("refers to itself about the same value, which would never end")
        if len(self._known) > _VISITS:
            raise _TooInvolved("is too involved to be bounded; use fewer references that lead back")
        self._open.add(key)
        same = sum(self._of(child, depth) for child in self._about_the_same(node))
        work = 1.0 + same + self._below(node, lambda child: self._of(child, depth - 1))
        self._open.discard(key)
        self._known[key] = work
        return work

    def _about_the_same(self, node: dict[str, Any]) -> Iterator[Any]:
        if isinstance(reference := node.get("$ref"), str):
            yield resolve(self._root, reference)
        yield from (node[name] for name in _SAME_ONE if name in node)
        for name in _SAME_LIST:
            yield from _list(node.get(name))
        for name in _SAME_MAP:
            yield from _map(node.get(name)).values()

    def _below(self, node: dict[str, Any], of: Callable[[Any], float]) -> float:
        """What one field or one item costs at most: every rule that might be about it, added up."""
        named = max((of(child) for child in _map(node.get("properties")).values()), default=0.0)
        matched = sum(of(child) for child in _map(node.get("patternProperties")).values())
        others = sum(of(node[name]) for name in _EVERY_FIELD if isinstance(node.get(name), dict))
        names = of(node["propertyNames"]) if isinstance(node.get("propertyNames"), dict) else 0.0
        placed = [*_list(node.get("prefixItems")), *_list(node.get("items"))]
        first = max((of(child) for child in placed), default=0.0)
        items = sum(of(node[name]) for name in _EVERY_ITEM if isinstance(node.get(name), dict))
        return max(named + matched + others + names, first + items)


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _map(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
