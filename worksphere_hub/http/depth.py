"""PURE: refuse JSON that is nested too deep, before anything recursive reads it."""

import re
from collections.abc import Iterable, Mapping
from typing import cast

from worksphere_hub.http.errors import TooDeep

_JSON_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SAME_BRACKETS = bytes.maketrans(b"{}", b"[]")


def check_depth(value: object, limit: int = _JSON_DEPTH) -> None:
    """Refuse JSON nested deeper than `limit`, given as its bytes or as what was read from it."""
    too_deep = _bytes_exceed(value, limit) if isinstance(value, bytes) else _object_exceeds(value, limit)
    if too_deep:
        raise TooDeep(f"JSON may be nested {limit} levels deep. Flatten it, or send the inner part as a string.")


def _bytes_exceed(body: bytes, limit: int) -> bool:
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", body).translate(_SAME_BRACKETS, _ALL_BUT_BRACKETS)
    # Each pass removes exactly the innermost level, at the speed of `replace`.
    for _ in range(limit):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    # What opens and never closes is no JSON, but whoever parses it would still go down that far.
    return b"[]" in brackets or brackets.count(b"[") > limit


def _object_exceeds(value: object, limit: int) -> bool:
    level = _containers([value])
    for _ in range(limit):
        if not level:
            return False
        level = _containers(child for parent in level for child in _children(parent))
    return bool(level)


def _containers(values: Iterable[object]) -> list[object]:
    return [value for value in values if isinstance(value, Mapping | list | tuple)]


def _children(parent: object) -> Iterable[object]:
    if isinstance(parent, Mapping):
        return cast("Mapping[object, object]", parent).values()
    return cast("list[object]", parent)
