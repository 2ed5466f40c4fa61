"""PURE: records and states in the order in which a program says them, cut into pages.

A program's state covers what it said before it. So a page that ends at a state has that one; a page that is cut because
it is full has the last that was said before its first record, and never one that is ahead of it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.stream import Page, Record

PAGE_ROWS = 1_000
_LARGEST_STATE = 262_144


class Cutter:
    """Cuts one run of one stream."""

    def __init__(self, state: Mapping[str, Any], size: int = PAGE_ROWS) -> None:
        """`state` is where the run began."""
        self._state = state
        self._size = size
        self._records: list[Record] = []
        self._deleted: list[tuple[Any, ...]] = []

    def record(self, record: Record) -> Page | None:
        """Take a record in; answers a page when there are enough."""
        self._records.append(record)
        return self._full()

    def deleted(self, key: tuple[Any, ...]) -> Page | None:
        """Take a deletion in."""
        self._deleted.append(key)
        return self._full()

    def state(self, state: Mapping[str, Any]) -> Page | None:
        """Take a state in; answers the page that it covers. Raises Unexpected for one that is too large to be kept."""
        if len(msgspec.json.encode(state)) > _LARGEST_STATE:
            raise Unexpected(f"The tap's state has more than {_LARGEST_STATE} bytes.")
        same = state == self._state
        self._state = state
        return None if same and not self._records and not self._deleted else self._cut()

    def end(self) -> Page:
        """The last page; after all that was said, the last state still holds."""
        return self._cut()

    def _full(self) -> Page | None:
        return self._cut() if len(self._records) + len(self._deleted) >= self._size else None

    def _cut(self) -> Page:
        page = Page(self._records, self._state, self._deleted)
        self._records, self._deleted = [], []
        return page
