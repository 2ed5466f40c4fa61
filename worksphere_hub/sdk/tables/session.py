"""What a connection to a database can do, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, ClassVar

from worksphere_hub.sdk.direct import Account, DirectApi
from worksphere_hub.sdk.errors import ConnectorFailed
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


class SpokenSession(Session):
    """A session whose transactions are statements like any other."""

    # For a transaction that only reads, and for one that may write.
    begin_reading: ClassVar[str]
    begin_writing: ClassVar[str]

    def __init__(self) -> None:
        self._parts = 0
        self.is_reading = False

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncGenerator[None]:
        async with self._block(self.begin_reading if read_only else self.begin_writing, "commit", "rollback"):
            self.is_reading = read_only
            try:
                yield
            finally:
                self.is_reading = False

    @asynccontextmanager
    async def part(self) -> AsyncGenerator[None]:
        self._parts += 1
        name = f"part_{self._parts}"
        begin, end, undo = (f"{word} {name}" for word in ("savepoint", "release savepoint", "rollback to savepoint"))
        async with self._block(begin, end, undo):
            yield

    @asynccontextmanager
    async def _block(self, begin: str, end: str, undo: str) -> AsyncGenerator[None]:
        await self.run(begin, ())
        try:
            yield
        except BaseException:
            # What brought us here is more to the point than a connection that is gone besides.
            with suppress(ConnectorFailed):
                await self.run(undo, ())
            raise
        await self.run(end, ())


def by_table(columns: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """PURE: rows of a catalogue, one a column with its `schema` and `name`, by table."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for column in columns:
        found.setdefault((column["schema"], column["name"]), []).append(column)
    return found


Open = Callable[[DirectApi], AbstractAsyncContextManager[Session]]
