"""What can be done to tables: ask, insert, upsert, update, delete.

Rows that the database refuses are named, each with its reason, and do not keep the others from being written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.direct import direct
from worksphere_hub.sdk.errors import Conflict, ConnectorFailed, Missing, NotPermitted, Rejected
from worksphere_hub.sdk.tables import statements
from worksphere_hub.sdk.tables.model import Column, Table
from worksphere_hub.sdk.tables.session import Open, Session
from worksphere_hub.sdk.tables.values import plain

MOST_ROWS = 1_000

_TABLE = {"type": "string", "minLength": 1, "maxLength": 200, "description": "As the list of streams names it."}
_ROWS = {"type": "array", "minItems": 1, "maxItems": MOST_ROWS, "items": {"type": "object", "minProperties": 1}}
_KEY = {"type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": True, "items": {"type": "string"}}
# A row's own fault; anything else would be any other row's as well.
_ROWS_FAULT = (Rejected, Conflict)


def actions(opened: Open) -> dict[str, Action]:
    """All of them, by name."""
    made = (Query(opened), Insert(opened), Upsert(opened), Update(opened), Delete(opened))
    return {action.name: action for action in made}


def _schema(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


class Query(Action):
    """Ask for rows with a statement of one's own, in a transaction that cannot write."""

    def __init__(self, opened: Open) -> None:
        schema = _schema(
            ["statement"],
            statement={"type": "string", "minLength": 1, "maxLength": 100_000},
            parameters={"type": "array", "maxItems": 1_000, "items": {"type": ["string", "number", "boolean", "null"]}},
            limit={"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100},
        )
        super().__init__("query", Deed("Query", schema, idempotent=True))
        self._open = opened

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers `{"rows", "truncated"}`."""
        limit = int(given.get("limit", 100))
        async with self._open(direct(api)) as session, session.transaction(read_only=True):
            rows = await session.fetch(given["statement"], given.get("parameters"), most=limit + 1)
        shown = [{name: plain(value) for name, value in row.items()} for row in rows[:limit]]
        return {"rows": shown, "truncated": len(rows) > limit}


@dataclass(frozen=True, slots=True)
class _Task:
    """One row's statement, with its values. With `instead` that one is tried first, and this if it finds no row."""

    index: int
    text: str
    values: tuple[Any, ...]
    instead: tuple[str, tuple[Any, ...]] | None = None


class _Writing(Action):
    """Writes rows in one transaction."""

    def __init__(self, name: str, deed: Deed, opened: Open) -> None:
        super().__init__(name, deed)
        self._open = opened

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers `{"written", "failed": [{"index", "code", "reason"}]}`."""
        async with self._open(direct(api)) as session:
            found = await session.tables(given["table"])
            if not found:
                raise Missing(f"There is no table {given['table']}, or this login may not see it.")
            failed: list[dict[str, Any]] = []
            tasks: list[_Task] = []
            for index, row in enumerate(given["rows"]):
                try:
                    tasks.append(self._task(session, found[0], index, row, given))
                except Rejected as refused:
                    failed.append(_failure(index, refused))
            async with session.transaction():
                failed += await self._written(session, tasks)
        return {"written": len(given["rows"]) - len(failed), "failed": sorted(failed, key=lambda each: each["index"])}

    def _task(
        self, session: Session, table: Table, index: int, row: Mapping[str, Any], given: Mapping[str, Any]
    ) -> _Task:
        raise NotImplementedError

    async def _written(self, session: Session, tasks: Sequence[_Task]) -> list[dict[str, Any]]:
        """Row by row; answers what failed."""
        failed: list[dict[str, Any]] = []
        for task in tasks:
            try:
                async with session.part():
                    found = await session.run(task.text, task.values)
            except _ROWS_FAULT as refused:
                failed.append(_failure(task.index, refused))
            else:
                if not found:
                    failed.append(_failure(task.index, Missing("There is no row with this key.")))
        return failed


class Insert(_Writing):
    """Add rows."""

    def __init__(self, opened: Open) -> None:
        super().__init__("insert", Deed("Insert rows", _schema(["table", "rows"], table=_TABLE, rows=_ROWS)), opened)

    def _task(
        self, session: Session, table: Table, index: int, row: Mapping[str, Any], given: Mapping[str, Any]
    ) -> _Task:
        del given
        return _inserted(session, table, index, row, None)

    async def _written(self, session: Session, tasks: Sequence[_Task]) -> list[dict[str, Any]]:
        """All rows of the same columns at once; one by one only where one of them is refused."""
        failed: list[dict[str, Any]] = []
        groups: dict[str, list[_Task]] = {}
        for task in tasks:
            groups.setdefault(task.text, []).append(task)
        for text, group in groups.items():
            try:
                async with session.part():
                    await session.run_many(text, [task.values for task in group])
            except _ROWS_FAULT:
                failed += await self._one_by_one(session, group)
        return failed

    async def _one_by_one(self, session: Session, group: Sequence[_Task]) -> list[dict[str, Any]]:
        failed: list[dict[str, Any]] = []
        for task in group:
            try:
                async with session.part():
                    await session.run(task.text, task.values)
            except _ROWS_FAULT as refused:
                failed.append(_failure(task.index, refused))
        return failed


class Upsert(Insert):
    """Add rows, or change those that are there."""

    def __init__(self, opened: Open) -> None:
        schema = _schema(["table", "rows"], table=_TABLE, rows=_ROWS, key=_KEY)
        _Writing.__init__(self, "upsert", Deed("Upsert rows", schema, idempotent=True), opened)

    def _task(
        self, session: Session, table: Table, index: int, row: Mapping[str, Any], given: Mapping[str, Any]
    ) -> _Task:
        names = _key_names(table, given)
        _require_unique(table, names)
        if session.dialect.is_exact(table, names):
            return _inserted(session, table, index, row, names)
        key = _key_columns(table, names, row)
        columns = [_written_column(table, name) for name in row if name not in names]
        # With nothing to change, the key's own columns say whether the row is there.
        changed = statements.update(session.dialect, table, columns or key, key)
        values = statements.values_of(session.dialect, [*(columns or key), *key], row)
        return replace(_inserted(session, table, index, row, None), instead=(changed, values))

    async def _written(self, session: Session, tasks: Sequence[_Task]) -> list[dict[str, Any]]:
        exact = [task for task in tasks if task.instead is None]
        failed = await super()._written(session, exact)
        for task in tasks:
            if task.instead is None:
                continue
            try:
                async with session.part():
                    if not await session.run(*task.instead):
                        await session.run(task.text, task.values)
            except _ROWS_FAULT as refused:
                failed.append(_failure(task.index, refused))
        return failed


class Update(_Writing):
    """Change rows that are there."""

    def __init__(self, opened: Open) -> None:
        schema = _schema(["table", "rows"], table=_TABLE, rows=_ROWS, key=_KEY)
        super().__init__("update", Deed("Update rows", schema, idempotent=True), opened)

    def _task(
        self, session: Session, table: Table, index: int, row: Mapping[str, Any], given: Mapping[str, Any]
    ) -> _Task:
        names = _key_names(table, given)
        key = _key_columns(table, names, row)
        columns = [_written_column(table, name) for name in row if name not in names]
        if not columns:
            raise Rejected("It has nothing but its key: there is nothing to change.")
        text = statements.update(session.dialect, table, columns, key)
        return _Task(index, text, statements.values_of(session.dialect, [*columns, *key], row))


class Delete(_Writing):
    """Delete rows; a row that is not there counts as failed, so that a wrong key is seen."""

    def __init__(self, opened: Open) -> None:
        schema = _schema(["table", "rows"], table=_TABLE, rows=_ROWS, key=_KEY)
        super().__init__("delete", Deed("Delete rows", schema, idempotent=True), opened)

    def _task(
        self, session: Session, table: Table, index: int, row: Mapping[str, Any], given: Mapping[str, Any]
    ) -> _Task:
        key = _key_columns(table, _key_names(table, given), row)
        return _Task(
            index, statements.delete(session.dialect, table, key), statements.values_of(session.dialect, key, row)
        )


def _inserted(session: Session, table: Table, index: int, row: Mapping[str, Any], key: Sequence[str] | None) -> _Task:
    if key is not None:
        _key_columns(table, key, row)
    columns = [_written_column(table, name) for name in row]
    text = statements.insert(session.dialect, table, columns, key)
    return _Task(index, text, statements.values_of(session.dialect, columns, row))


def _key_names(table: Table, given: Mapping[str, Any]) -> Sequence[str]:
    names: Sequence[str] = given.get("key") or table.key
    if not names:
        raise NotPermitted(f"{table.stream} has no key: say in `key` which columns tell one row from another.")
    return names


def _require_unique(table: Table, names: Sequence[str]) -> None:
    if frozenset(names) not in table.unique:
        raise Rejected(
            f"No unique index of {table.stream} is on {', '.join(names)}: which row is meant would be a guess."
        )


def _key_columns(table: Table, names: Sequence[str], row: Mapping[str, Any]) -> list[Column]:
    for name in names:
        if row.get(name) is None:
            raise Rejected(f"It has no {name}, which is part of the key.")
    return [table.column(name) for name in names]


def _written_column(table: Table, name: str) -> Column:
    column = table.column(name)
    if not column.written:
        raise Rejected(f"{name} is given by the database; leave it out.")
    return column


def _failure(index: int, refused: ConnectorFailed) -> dict[str, Any]:
    return {"index": index, "code": refused.code, "reason": refused.detail}
