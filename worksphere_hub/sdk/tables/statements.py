"""PURE: statements on a table. Names are the catalogue's, quoted; whatever else somebody says is a parameter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worksphere_hub.sdk.tables.dialect import Dialect
from worksphere_hub.sdk.tables.model import Column, Table


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, and what it is run with."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a cursor are wanted: from `floor` to `upto`, both included."""

    column: Column
    floor: Any
    upto: Any


def page(
    dialect: Dialect,
    table: Table,
    order: Sequence[Column],
    after: Sequence[Any] | None,
    window: Window | None,
    size: int,
) -> Statement:
    """The next `size` rows along `order`, after those values of it."""
    conditions: list[str] = []
    values: list[Any] = []
    if window is not None:
        name = dialect.quoted(window.column.name)
        for sign, value in ((">=", window.floor), ("<=", window.upto)):
            values.append(dialect.given(window.column, value))
            conditions.append(f"{name} {sign} {dialect.bound(window.column, len(values))}")
    if after is not None:
        given = [dialect.given(column, value) for column, value in zip(order, after, strict=True)]
        condition, more = dialect.beyond(order, given, len(values) + 1)
        values += more
        conditions.append(condition)
    shown = ", ".join(dialect.shown(column) for column in table.columns)
    where = f" where {' and '.join(conditions)}" if conditions else ""
    by = ", ".join(dialect.quoted(column.name) for column in order)
    text = f"select {shown} from {dialect.table(table)}{where} order by {by} limit {int(size)}"  # noqa: S608
    return Statement(text, tuple(values))


def highest(dialect: Dialect, table: Table, cursor: Column) -> Statement:
    """The highest value of a cursor, under its name."""
    name = dialect.quoted(cursor.name)
    text = f"select {dialect.shown(cursor)} from {dialect.table(table)} where {name} is not null"  # noqa: S608
    return Statement(f"{text} order by {name} desc limit 1")


def insert(dialect: Dialect, table: Table, columns: Sequence[Column], key: Sequence[str] | None) -> str:
    """Insert a row of these columns; with a key, change the row that has it instead."""
    names = ", ".join(dialect.quoted(column.name) for column in columns)
    places = ", ".join(dialect.bound(column, at) for at, column in enumerate(columns, 1))
    text = f"insert into {dialect.table(table)} ({names}) values ({places})"  # noqa: S608
    if key is None:
        return text
    return f"{text} {dialect.or_update(key, [column.name for column in columns if column.name not in key])}"


def update(dialect: Dialect, table: Table, columns: Sequence[Column], key: Sequence[Column]) -> str:
    """Change these columns of the row with a key; the key's values come after the columns'."""
    changes = ", ".join(f"{dialect.quoted(one.name)} = {dialect.bound(one, at)}" for at, one in enumerate(columns, 1))
    return f"update {dialect.table(table)} set {changes} where {_is(dialect, key, len(columns) + 1)}"  # noqa: S608


def delete(dialect: Dialect, table: Table, key: Sequence[Column]) -> str:
    """Delete the row with a key."""
    return f"delete from {dialect.table(table)} where {_is(dialect, key, 1)}"  # noqa: S608


def values_of(dialect: Dialect, columns: Sequence[Column], row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row's values for these columns. Raises Rejected."""
    return tuple(dialect.given(column, row[column.name]) for column in columns)


def _is(dialect: Dialect, key: Sequence[Column], first: int) -> str:
    return " and ".join(
        f"{dialect.quoted(column.name)} = {dialect.bound(column, first + at)}" for at, column in enumerate(key)
    )
