"""PURE: SQLite's SQL. A column takes any value: its declared type is what it likes, not what it holds."""

from collections.abc import Sequence
from typing import Any

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.tables.dialect import Dialect
from worksphere_hub.sdk.tables.model import Column, Sort
from worksphere_hub.sdk.tables.values import read_bytes

# https://www.sqlite.org/datatype3.html#determination_of_column_affinity, in this order.
_AFFINITIES: tuple[tuple[str, Sort], ...] = (
    ("INT", "integer"), ("CHAR", "text"), ("CLOB", "text"), ("TEXT", "text"), ("BLOB", "bytes"),
    ("REAL", "number"), ("FLOA", "number"), ("DOUB", "number"), ("DATE", "text"), ("TIME", "text"),
)  # fmt: skip
_LARGEST = 2**63


def sort_of(declared: str) -> Sort:
    """What a column is declared to hold."""
    words = declared.upper()
    for part, sort in _AFFINITIES:
        if part in words:
            return sort
    return "other"


class SqliteDialect(Dialect):
    """SQLite 3.37 or newer."""

    def quoted(self, name: str) -> str:
        doubled = name.replace('"', '""')
        return f'"{doubled}"'

    def bound(self, column: Column, number: int) -> str:
        del column
        return f"?{number}"

    def given(self, column: Column, value: Any) -> Any:
        if column.sort == "bytes" and isinstance(value, str):
            return read_bytes(column, value)
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise Rejected(f"{column.name} takes whole numbers of 64 bits.")
        if value is None or isinstance(value, int | float | str):
            return value
        raise Rejected(f"{column.name} takes one value, not a list or an object.")

    def or_update(self, key: Sequence[str], others: Sequence[str]) -> str:
        columns = ", ".join(self.quoted(name) for name in key)
        changes = ", ".join(f"{self.quoted(name)} = excluded.{self.quoted(name)}" for name in others)
        return f"on conflict ({columns}) do " + (f"update set {changes}" if changes else "nothing")
