"""PURE: the SQL of MySQL and MariaDB. The driver puts values in by `%s`; moments are in UTC, as the session is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.tables.dialect import Dialect
from worksphere_hub.sdk.tables.model import Column, Sort, Table
from worksphere_hub.sdk.tables.values import plain, read_bytes, read_moment, read_text

SORTS: dict[str, Sort] = {
    "tinyint": "integer", "smallint": "integer", "mediumint": "integer", "int": "integer", "bigint": "integer",
    "year": "integer", "float": "number", "double": "number", "decimal": "decimal", "char": "text", "varchar": "text",
    "tinytext": "text", "text": "text", "mediumtext": "text", "longtext": "text", "enum": "text", "set": "text",
    "date": "date", "datetime": "timestamp", "timestamp": "instant", "json": "json", "uuid": "uuid",
    "binary": "bytes", "varbinary": "bytes", "tinyblob": "bytes", "blob": "bytes", "mediumblob": "bytes",
    "longblob": "bytes", "bit": "bytes",
}  # fmt: skip


class MysqlDialect(Dialect):
    """MySQL 8 and MariaDB 10.5, or newer."""

    def quoted(self, name: str) -> str:
        # The driver takes `%` for a place.
        return "`" + name.replace("`", "``").replace("%", "%%") + "`"

    def bound(self, column: Column, number: int) -> str:
        del column, number
        return "%s"

    def given(self, column: Column, value: Any) -> Any:
        if value is None:
            return None
        match column.sort:
            case "bytes":
                return read_bytes(column, value)
            case "json":
                return msgspec.json.encode(value).decode()
            case "instant" | "timestamp":
                return read_moment(column, value).replace(tzinfo=None).isoformat(" ")
            case "integer" | "number" | "decimal":
                return _number(column, int(value) if isinstance(value, bool) else value)
            case _:
                return read_text(column, value)

    def taken(self, column: Column, value: Any) -> Any:
        if isinstance(value, str):
            match column.sort:
                case "instant":
                    return value.replace(" ", "T") + "Z"
                case "timestamp":
                    return value.replace(" ", "T")
                case "json":
                    return msgspec.json.decode(value)
                case _:
                    return value
        return plain(value)

    def or_update(self, key: Sequence[str], others: Sequence[str]) -> str:
        changes = [f"{self.quoted(name)} = values({self.quoted(name)})" for name in others]
        same = f"{self.quoted(key[0])} = {self.quoted(key[0])}"
        return f"on duplicate key update {', '.join(changes) or same}"

    def is_exact(self, table: Table, key: Sequence[str]) -> bool:
        # It updates whichever row it collides with, by any unique index.
        return table.unique == (frozenset(key),)

    def beyond(self, columns: Sequence[Column], values: Sequence[Any], first: int) -> tuple[str, list[Any]]:
        del first
        # Spelled out: along an index, these are ranges; rows as such are not compared along one here.
        names = [self.quoted(column.name) for column in columns]
        steps: list[str] = []
        given: list[Any] = []
        for at, name in enumerate(names):
            same = [f"{before} = %s" for before in names[:at]]
            steps.append("(" + " and ".join([*same, f"{name} > %s"]) + ")")
            given += values[: at + 1]
        return "(" + " or ".join(steps) + ")", given


def _number(column: Column, value: Any) -> int | float | Decimal:
    """As a number, not as a text: the server would compare the two as floating-point."""
    kind = {"integer": int, "number": float}.get(column.sort, Decimal)
    try:
        return kind(read_text(column, value))
    except (ValueError, ArithmeticError):
        raise Rejected(f"{column.name} takes a number ({column.type}).") from None
