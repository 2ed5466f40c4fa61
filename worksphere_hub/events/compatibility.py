"""PURE: what a new schema means for the consumers of the old one.

A consumer was written against the old schema and reads what the new one lets through. So the new schema may only
promise more: everything that it takes, the old one must have taken too. What promises less is breaking, and what the
hub cannot judge counts as breaking as well: a question too many costs a look, one too few costs an outage.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from worksphere_hub.events.schema_limits import DRAFT_07, Schema, dialect, resolve
from worksphere_hub.events.value_changes import Change, breaks, canonical, keeps, value_changes

__all__ = ["Change", "breaking", "compare"]

# (old, new) pairs of subschemas looked at before the hub gives up on saying what changed.
_PAIRS = 20_000
_CHANGES = 200
# Judged only as there, not there, or different.
_WHOLE = (
    "pattern", "format", "contains", "minContains", "maxContains", "not", "if", "then", "else", "dependentSchemas",
    "dependentRequired", "dependencies", "additionalItems", "contentEncoding", "contentMediaType", "contentSchema",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
# Said to people, or found by references alone.
_NOTES = frozenset({
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id",
    "$anchor", "$defs", "definitions",
})  # fmt: skip


def compare(old: dict[str, Any], new: dict[str, Any], path: str = "data") -> list[Change]:
    """Every difference that a consumer could notice, in the order of the old schema; breaking ones among them."""
    if canonical(old) == canonical(new):
        return []
    comparison = _Comparison(old, new)
    if dialect(old) != dialect(new):
        return [breaks(path, "dialect", "The schema is written in another dialect now; the hub cannot compare.")]
    try:
        return list(dict.fromkeys(comparison.of(old, new, path)))[:_CHANGES]
    except (_TooMuch, RecursionError):
        return [breaks(path, "unjudged", "The schemas are too involved to be compared.")]


def breaking(changes: Iterable[Change]) -> list[Change]:
    """Those that consumers must be asked about."""
    return [change for change in changes if change.breaking]


_UNREAD = _NOTES | {"$ref"}


class _TooMuch(Exception):
    """More pairs of subschemas than the hub looks at."""


class _Comparison:
    """One comparison: both roots for their references, and what is being compared right now."""

    def __init__(self, old_root: dict[str, Any], new_root: dict[str, Any]) -> None:
        self._old_root = old_root
        self._new_root = new_root
        self._open: set[tuple[int, int]] = set()
        self._left = _PAIRS

    def of(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        """The differences of two subschemas that stand at one place of the data."""
        if old is new:
            return  # both take everything, or nothing: no two schemas share anything else
        old_node, new_node = _node(old, self._old_root), _node(new, self._new_root)
        pair = (id(old), id(new))
        if pair in self._open:
            return  # a schema that contains itself: this pair is being judged further up
        self._count()
        if new_node is None:
            if old_node is not None:
                yield keeps(path, "closed", "Nothing is sent here any more.")
        elif old_node is None:
            yield breaks(path, "opened", "Something may be sent here that was excluded before.")
        else:
            self._open.add(pair)
            found = list(self._nodes(old_node, new_node, path))
            self._open.discard(pair)
            yield from found
            if found and not _breaks(found) and _rest_is_excluded(old_node):
                message = "Fields or items are excluded by what is left over, and what is left over has changed."
                yield breaks(path, "unevaluated", message)

    def _nodes(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        yield from value_changes(old, new, path)
        for keyword in _WHOLE:
            yield from self._whole(keyword, old, new, path)
        yield from self._fields(old, new, path)
        yield from self._items(old, new, path)
        yield from self._all_of(old, new, path)
        for keyword in ("anyOf", "oneOf"):
            yield from self._alternatives(keyword, old, new, path)

    def _whole(self, keyword: str, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        if keyword not in old:
            if keyword in new:
                # `minContains: 0` takes back what `contains` asks for.
                told = breaks if keyword == "minContains" else keeps
                yield told(path, f"{keyword}_added", f"`{keyword}` is asked for now.")
        elif keyword not in new:
            yield breaks(path, f"{keyword}_removed", f"`{keyword}` is not asked for any more.")
        elif not self._same(old[keyword], new[keyword]):
            yield breaks(path, f"{keyword}_changed", f"`{keyword}` asks for something else now.")

    def _same(self, old: Any, new: Any) -> bool:
        """Whether two values mean the same, following references on both sides."""
        return self._expanded(old, self._old_root, ()) == self._expanded(new, self._new_root, ())

    def _expanded(self, value: Any, root: dict[str, Any], inside: tuple[str, ...]) -> Any:
        """A value with local references replaced by what they point at; one inside itself stays a reference."""
        self._count()
        if isinstance(value, list):
            return [self._expanded(each, root, inside) for each in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return (isinstance(value, bool), value)
        node = cast("dict[str, Any]", value)
        kept = {name: self._expanded(each, root, inside) for name, each in node.items() if name not in _UNREAD}
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return kept
        if reference in inside:
            return {**kept, "$ref": reference}
        target = self._expanded(resolve(root, reference), root, (*inside, reference))
        return {**kept, "$ref": target} if kept else target

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch

    def _fields(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, promised = set(old.get("required", [])), set(new.get("required", []))
        for name, schema in before.items():
            if name not in after:
                yield breaks(f"{path}.{name}", "field_removed", f"The field {name} is not described any more.")
                continue
            yield from self.of(schema, after[name], f"{path}.{name}")
        for name in sorted(needed - promised):
            if name not in before or name in after:
                message = f"The field {name} was always there and may be missing now."
                yield breaks(f"{path}.{name}", "field_made_optional", message)
        for name in sorted(promised - needed):
            if name in before or name not in after:
                yield keeps(f"{path}.{name}", "field_made_required", f"The field {name} is always there now.")
        for name in after:
            if name not in before:
                yield from self._field_added(name, old, after[name], path)
        yield from self._other_fields(old, new, path)

    def _field_added(self, name: str, old: dict[str, Any], schema: Schema, path: str) -> Iterator[Change]:
        others = old.get("additionalProperties", True)
        if others is False:
            message = f"The field {name} is new, and consumers were told that there are no further fields."
            yield breaks(f"{path}.{name}", "field_added", message)
            return
        yield keeps(f"{path}.{name}", "field_added", f"The field {name} is described now.")
        if others is not True:
            yield from (change for change in self.of(others, schema, f"{path}.{name}") if change.breaking)

    def _other_fields(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get("patternProperties", {}), new.get("patternProperties", {})
        if before.keys() != after.keys():
            message = "Fields are described by other patterns of their names now."
            yield breaks(path, "patternProperties_changed", message)
        for pattern in before.keys() & after.keys():
            yield from self.of(before[pattern], after[pattern], f"{path}.{{{pattern}}}")
        yield from self._rest("additionalProperties", old, new, f"{path}.*")
        yield from self._rest("propertyNames", old, new, f"{path}.*")

    def _rest(self, keyword: str, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get(keyword, True), new.get(keyword, True)
        if before is not after:
            yield from self.of(before, after, path)

    def _items(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        if old.get("uniqueItems") is True and new.get("uniqueItems") is not True:
            yield breaks(path, "uniqueItems_removed", "An item may come twice now.")
        elif new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
            yield keeps(path, "uniqueItems_added", "No item comes twice any more.")
        before, old_rest = _placed(old)
        after, new_rest = _placed(new)
        for index in range(max(len(before), len(after))):
            then = before[index] if index < len(before) else old_rest
            now = after[index] if index < len(after) else new_rest
            yield from self.of(then, now, f"{path}[{index}]")
        yield from self.of(old_rest, new_rest, f"{path}[]")

    def _all_of(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get("allOf", []), new.get("allOf", [])
        for then, now in zip(before, after, strict=False):
            yield from self.of(then, now, path)
        for schema in before[len(after) :]:
            # What one part said may be said by the whole now.
            yield from (change for change in self.of(schema, new, path) if change.breaking)
        if len(after) > len(before):
            yield keeps(path, "allOf_added", "More is asked for in `allOf`.")

    def _alternatives(self, keyword: str, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get(keyword), new.get(keyword)
        if before is None:
            if after is not None:
                yield keeps(path, f"{keyword}_added", "What is sent is one of a list of alternatives now.")
            return
        if after is None:
            if not any(self._fits(option, new, path) for option in before):
                yield breaks(path, f"{keyword}_removed", "What is sent is none of the old alternatives any more.")
            return
        kept: set[int] = set()
        for index, option in enumerate(after):
            found = next((at for at, then in enumerate(before) if self._fits(then, option, path)), None)
            if found is None:
                message = f"Alternative {index + 1} of `{keyword}` is none that consumers know."
                yield breaks(path, "alternative_added", message)
            else:
                kept.add(found)
                yield from (change for change in self.of(before[found], option, path))
        if len(kept) < len(before):
            yield keeps(path, "alternative_removed", f"An alternative of `{keyword}` is not sent any more.")

    def _fits(self, old: Schema, new: Schema, path: str) -> bool:
        return not _breaks(self.of(old, new, path))


def _node(schema: Schema, root: dict[str, Any]) -> dict[str, Any] | None:
    """A schema with its reference looked up; None for one that takes nothing."""
    seen: set[int] = set()
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and id(schema) not in seen:
        seen.add(id(schema))
        target = resolve(root, schema["$ref"])
        rest = {name: value for name, value in schema.items() if name not in _NOTES and name != "$ref"}
        if rest and dialect(root) != DRAFT_07:
            return {**rest, "allOf": [*rest.get("allOf", []), target]}
        schema = True if target is None else target
    return None if schema is False else {} if schema is True else schema


def _breaks(changes: Iterable[Change]) -> bool:
    return any(change.breaking for change in changes)


def _rest_is_excluded(node: dict[str, Any]) -> bool:
    return any(node.get(name, True) is not True for name in ("unevaluatedProperties", "unevaluatedItems"))


def _placed(node: dict[str, Any]) -> tuple[list[Schema], Schema]:
    """The schemas of the first items, and that of all others."""
    items = node.get("items", True)
    if isinstance(items, list):
        return cast("list[Schema]", items), node.get("additionalItems", True)
    return node.get("prefixItems", []), items
