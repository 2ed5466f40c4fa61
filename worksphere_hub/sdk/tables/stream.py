"""A table as a stream: read whole along its key, or what changed along a cursor.

A page is one statement of its own, so that nothing is held open on the other side for as long as a sync takes. What is
committed late, under a cursor's value that others have passed already, is found as long as it is within the overlap.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.direct import direct
from worksphere_hub.sdk.errors import BadSettings, StateExpired
from worksphere_hub.sdk.stream import Page, State, Stream
from worksphere_hub.sdk.tables import statements
from worksphere_hub.sdk.tables.model import Column, Table, kind_of
from worksphere_hub.sdk.tables.session import Open, Session
from worksphere_hub.sdk.tables.statements import Window
from worksphere_hub.sdk.tables.values import earlier

PAGE_ROWS = 1_000
OVERLAP_SECONDS = 60


class TableStream(Stream):
    """One table.

    States: `after` is the key up to which a whole read has come, `at` the same of a read by cursor (the cursor first);
    `upto` is where the cursor stood when the read began, and `cursor` where the last finished read left it.
    """

    def __init__(self, table: Table, cursor: str | None, opened: Open) -> None:
        super().__init__(table.stream, kind_of(table, cursor))
        self._table = table
        self._cursor = None if cursor is None else table.column(cursor)
        self._open = opened

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Page by page. There are no parameters."""
        del only
        state = dict(state or {})
        size = int(api.settings.get("page_rows", PAGE_ROWS))
        async with self._open(direct(api)) as session:
            whole = state.get("cursor") is None
            if "upto" not in state:
                state = {**state, "upto": await self._highest(session)}
            if not whole and state["upto"] is None:
                # Nothing has a value of the cursor (any more).
                yield Page([], {"cursor": state["cursor"]})
                return
            order, window = self._order(whole=whole), self._window(api, state)
            place = "after" if whole else "at"
            _require_place(state.get(place), order)
            while True:
                asked = statements.page(session.dialect, self._table, order, state.get(place), window, size)
                records = await self._records(session, asked)
                if len(records) < size:
                    yield Page(records, self._ended(state))
                    return
                state = {**state, place: [records[-1][column.name] for column in order]}
                yield Page(records, state)

    def _order(self, *, whole: bool) -> list[Column]:
        key = [self._table.column(name) for name in self._table.key]
        cursor = self._cursor
        return key if whole or cursor is None else [cursor, *(column for column in key if column != cursor)]

    def _window(self, api: Api, state: State) -> Window | None:
        """Nothing of it is bounded in a whole read: rows without a value of the cursor are read then, and only then."""
        if self._cursor is None or state.get("cursor") is None:
            return None
        overlap = float(api.settings.get("overlap_seconds", OVERLAP_SECONDS))
        return Window(self._cursor, earlier(self._cursor, state["cursor"], overlap), state["upto"])

    def _ended(self, state: State) -> State:
        return {"cursor": state["upto"]} if self._cursor is not None and state["upto"] is not None else {}

    async def _highest(self, session: Session) -> Any:
        if self._cursor is None:
            return None
        asked = statements.highest(session.dialect, self._table, self._cursor)
        rows = await session.fetch(asked.text, asked.values)
        return session.dialect.taken(self._cursor, rows[0][self._cursor.name]) if rows else None

    async def _records(self, session: Session, asked: statements.Statement) -> list[dict[str, Any]]:
        taken = session.dialect.taken
        columns = [(column.name, column) for column in self._table.columns]
        rows = await session.fetch(asked.text, asked.values)
        return [{name: taken(column, row[name]) for name, column in columns} for row in rows]


def stream_of(table: Table, settings: Mapping[str, Any], opened: Open) -> TableStream:
    """The stream of a table, with the cursor that the settings name for it. Raises BadSettings."""
    cursor = settings.get("cursors", {}).get(table.stream)
    if cursor is not None and cursor not in {column.name for column in table.columns}:
        raise BadSettings(f"cursors names {cursor} for {table.stream}, which has no such column.")
    return TableStream(table, cursor, opened)


def _require_place(values: Any, order: list[Column]) -> None:
    if values is not None and len(values) != len(order):
        raise StateExpired("The table has another key than when it was read.")
