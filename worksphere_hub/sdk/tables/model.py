"""PURE: tables, and what their rows are like as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.stream import Kind

# What a column holds. A decimal is a text of digits, an instant a moment in UTC, a timestamp one without a zone.
Sort = Literal[
    "boolean", "integer", "number", "decimal", "text", "date", "time", "timestamp", "instant", "bytes", "json", "uuid",
    "list", "other",
]  # fmt: skip

_SCHEMAS: Mapping[Sort, Mapping[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {"type": "string", "format": "decimal"},
    "text": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "timestamp": {"type": "string", "format": "local-date-time"},
    "instant": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "json": {},
    "uuid": {"type": "string", "format": "uuid"},
    "list": {"type": "array"},
    "other": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `type` is in the database's own words; `written` is False where the database alone gives a value.

    `bare` is the type without a length, where texts are cast to it: a cast to the whole type would cut them.
    """

    name: str
    type: str
    sort: Sort
    nullable: bool = True
    written: bool = True
    bare: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. `key` may be empty; `stream` is what it is called among a connection's streams.

    `unique` are the sets of columns that tell one row from another, as far as the database sees to it.
    """

    schema: str
    name: str
    stream: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: tuple[frozenset[str], ...] = ()

    def column(self, name: str) -> Column:
        """A column by its name. Raises Rejected, with the names that there are."""
        for column in self.columns:
            if column.name == name:
                return column
        there = ", ".join(column.name for column in self.columns)
        raise Rejected(f"{self.stream} has no column {name}; it has {there}.")


def kind_of(table: Table, cursor: str | None) -> Kind:
    """What the table is like as a stream."""
    properties = {column.name: schema_of(column) for column in table.columns}
    return Kind(
        table.stream,
        table.key,
        {"type": "object", "properties": properties, "required": list(table.key)},
        cursor,
        incremental=cursor is not None,
    )


def schema_of(column: Column) -> Mapping[str, Any]:
    """The JSON Schema of a column's values."""
    schema = _SCHEMAS[column.sort]
    if column.nullable and "type" in schema:
        schema = {**schema, "type": [schema["type"], "null"]}
    return {**schema, "description": column.type}
