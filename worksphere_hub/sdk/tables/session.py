"""What a connection to a database can do, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from worksphere_hub.sdk.direct import Account, DirectApi
from worksphere_hub.sdk.tables.dialect import Dialect
from worksphere_hub.sdk.tables.model import Table


class Session(ABC):
    """One connection. Everything raises ConnectorFailed and nothing else."""

    dialect: Dialect

    @abstractmethod
    async def account(self) -> Account:
        """Whose it is."""

    @abstractmethod
    async def tables(self, stream: str | None = None) -> list[Table]:
        """The tables and views that may be read, or the one that is called so."""

    @abstractmethod
    async def fetch(
        self, statement: str, values: Sequence[Any] | None = (), *, most: int | None = None
    ) -> list[Mapping[str, Any]]:
        """The rows of a statement, at most `most` of them, with the driver's values by name.

        `values` is None where the statement has no places for any, whatever it looks like.
        """

    @abstractmethod
    async def run(self, statement: str, values: Sequence[Any]) -> int:
        """Run a statement; answers how many rows it found."""

    @abstractmethod
    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""

    @abstractmethod
    def transaction(self, *, read_only: bool = False) -> AbstractAsyncContextManager[None]:
        """All of the block or nothing."""

    @abstractmethod
    def part(self) -> AbstractAsyncContextManager[None]:
        """Within a transaction: all of the block or nothing, and the transaction goes on either way."""


Open = Callable[[DirectApi], AbstractAsyncContextManager[Session]]
