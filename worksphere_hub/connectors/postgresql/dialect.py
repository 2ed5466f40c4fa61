"""PURE: PostgreSQL's SQL. Every value goes over as a text that the server reads into the column's own type."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.tables.dialect import Dialect
from worksphere_hub.sdk.tables.model import Column, Sort
from worksphere_hub.sdk.tables.values import read_bytes, read_text

SORTS: dict[str, Sort] = {
    "bool": "boolean", "int2": "integer", "int4": "integer", "int8": "integer", "oid": "integer",
    "float4": "number", "float8": "number", "numeric": "decimal", "text": "text", "varchar": "text", "bpchar": "text",
    "name": "text", "date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "instant",
    "bytea": "bytes", "json": "json", "jsonb": "json", "uuid": "uuid",
}  # fmt: skip


def sort_of(base: str, *, is_list: bool) -> Sort:
    """What a column of this type holds; a list's type is that of its elements with `_` before it."""
    return "list" if is_list else SORTS.get(base, "other")


class PostgresqlDialect(Dialect):
    """PostgreSQL, version 12 or newer."""

    def quoted(self, name: str) -> str:
        doubled = name.replace('"', '""')
        return f'"{doubled}"'

    def bound(self, column: Column, number: int) -> str:
        if column.sort == "bytes":
            return f"decode(${number}::text, 'base64')"
        return f"${number}::text{'[]' if column.sort == 'list' else ''}::{column.bare}"

    def shown(self, column: Column) -> str:
        name = self.quoted(column.name)
        if column.sort == "other":
            return f"{name}::text as {name}"
        # Elements of a kind that the driver does not know.
        is_known = column.sort != "list" or column.bare.removesuffix("[]") in _KNOWN_ELEMENTS
        return name if is_known else f"{name}::text[] as {name}"

    def given(self, column: Column, value: Any) -> Any:
        if value is None:
            return None
        if column.sort == "list":
            return _list(column, value)
        if column.sort == "json":
            return msgspec.json.encode(value).decode()
        if column.sort == "bytes":
            read_bytes(column, value)
            return value
        return read_text(column, value)

    def or_update(self, key: Sequence[str], others: Sequence[str]) -> str:
        columns = ", ".join(self.quoted(name) for name in key)
        changes = ", ".join(f"{self.quoted(name)} = excluded.{self.quoted(name)}" for name in others)
        return f"on conflict ({columns}) do " + (f"update set {changes}" if changes else "nothing")


_KNOWN_ELEMENTS = frozenset(
    {
        "boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric", "text", "character varying",
        "date", "timestamp without time zone", "timestamp with time zone", "uuid",
    }
)  # fmt: skip


def _list(column: Column, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Rejected(f"{column.name} takes a list ({column.type}).")
    return [_element(column, each) for each in cast("list[Any]", value)]


def _element(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return _list(column, value)
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else read_text(column, value)
