"""Lists: `{data, next_cursor}`, paged by an opaque cursor that holds the last row's key."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from worksphere_hub.errors import FieldProblem, InvalidInput

Key = Sequence[str | int | None]

T = TypeVar("T")
Row = TypeVar("Row")

_CURSOR_CHARACTERS = 1_024


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor`; null on the last page.")


class PageParams:
    """What a list route takes: `page: Paged` as a parameter of the route."""

    __slots__ = ("cursor", "limit")

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=200, description="Rows on a page.")] = 50,
        cursor: Annotated[
            str | None,
            Query(max_length=_CURSOR_CHARACTERS, description="`next_cursor` of the page before; opaque."),
        ] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, length: int) -> tuple[str | int | None, ...] | None:
        """Read the key to continue after, of `length` parts; None on the first page."""
        return None if self.cursor is None else decode_cursor(self.cursor, length)

    def after_id(self) -> UUID | None:
        """Read the id to continue after, for lists ordered by id alone; None on the first page."""
        key = self.after(1)
        if key is None:
            return None
        try:
            return UUID(hex=str(key[0]))
        except ValueError:
            raise _not_ours() from None


Paged = Annotated[PageParams, Depends(PageParams)]


def encode_cursor(key: Key) -> str:
    """Write the last row's key (ids as hex, times as ISO text) as a cursor."""
    text = json.dumps(list(key), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> tuple[str | int | None, ...]:
    """Read a cursor's key of `length` parts; raises InvalidInput on the field `cursor` for anything else."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found: object = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise _not_ours() from None
    if not isinstance(found, list):
        raise _not_ours()
    key = tuple(cast("list[object]", found))
    if len(key) != length or not all(_is_part(part) for part in key):
        raise _not_ours()
    return cast("tuple[str | int | None, ...]", key)


def cut_page(rows: Sequence[Row], limit: int, key: Callable[[Row], Key]) -> tuple[Sequence[Row], str | None]:
    """Split what a query for `limit + 1` rows gave into one page and the cursor of the next."""
    page = rows[:limit]
    return page, encode_cursor(key(page[-1])) if len(rows) > limit else None


def _is_part(part: object) -> bool:
    if isinstance(part, str):
        return part.isascii() and "\x00" not in part
    return part is None or (isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**63)


def _not_ours() -> InvalidInput:
    message = "is not a cursor of this list; leave it out to start from the first page"
    return InvalidInput(f"cursor {message}.", problems=[FieldProblem("cursor", message)])
