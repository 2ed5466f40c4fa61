"""PURE: what differs between databases when a statement is composed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from worksphere_hub.sdk.tables.model import Column, Table
from worksphere_hub.sdk.tables.values import plain


class Dialect(ABC):
    """How one database writes SQL. Parameters are numbered from 1, in the order in which they stand."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """A name from the catalogue, quoted."""

    @abstractmethod
    def bound(self, column: Column, number: int) -> str:
        """The place of a parameter that has the type of a column."""

    @abstractmethod
    def given(self, column: Column, value: Any) -> Any:
        """A value out of JSON as the driver takes it there; None is NULL. Raises Rejected, naming the column."""

    @abstractmethod
    def or_update(self, key: Sequence[str], others: Sequence[str]) -> str:
        """How an insert ends that changes `others` where a row with that key is there; without others, nothing."""

    def is_exact(self, table: Table, key: Sequence[str]) -> bool:
        """Whether `or_update` changes the row with that key and never another that it collides with."""
        del table, key
        return True

    def shown(self, column: Column) -> str:
        """The expression that selects a column, under its name."""
        return self.quoted(column.name)

    def taken(self, column: Column, value: Any) -> Any:
        """A value as the driver gives it, as plain JSON."""
        del column
        return plain(value)

    def table(self, table: Table) -> str:
        """A table's whole name."""
        return f"{self.quoted(table.schema)}.{self.quoted(table.name)}"

    def beyond(self, columns: Sequence[Column], values: Sequence[Any], first: int) -> tuple[str, list[Any]]:
        """The condition that a row comes after `values` of `columns`, with what its parameters are from `first` on."""
        names = ", ".join(self.quoted(column.name) for column in columns)
        places = ", ".join(self.bound(column, first + at) for at, column in enumerate(columns))
        return f"({names}) > ({places})", list(values)
