"""Connections to PostgreSQL and the transactions that run on them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from worksphere_hub.db.failures import DatabaseUnavailable, NotCommitted, connecting, translated
from worksphere_hub.db.urls import without_pooler

Row = asyncpg.Record

# A server that is there speaks first: its own limit ends a statement this much earlier than ours. All in seconds.
_GRACE = 2.0
_CONNECT = 10.0
_HAND_BACK = 5.0
_CACHED_STATEMENTS = 100  # the driver's own default

# How a page of a search is found: along an index that has the rows in the order of the page, one partition after the
# other, until it is full. The planner does not know the bounds of a cached plan, takes them for narrow and would rather
# read and sort all that is between them; and planning anew for each page costs more than finding it.
_PAGING = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_AS_PAGES = "".join(f", set_config('{name}', '{value}', true)" for name, value in _PAGING.items())

_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Transaction:
    """One open transaction: the only thing a store is handed to talk to the database with."""

    __slots__ = ("_connection",)

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def rows(self, query: str, *args: object) -> list[Row]:
        """All rows of a statement."""
        with translated():
            return await self._connection.fetch(query, *args)

    async def row(self, query: str, *args: object) -> Row | None:
        """The first row of a statement, or None."""
        with translated():
            return await self._connection.fetchrow(query, *args)

    async def value(self, query: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        with translated():
            return await self._connection.fetchval(query, *args)

    async def run(self, query: str, *args: object) -> int:
        """Run a statement; answers how many rows it touched."""
        with translated():
            tag = await self._connection.execute(query, *args)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0


class Database:
    """A pool of connections of one login, which owns nothing and bypasses nothing (see `checks`)."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, patience: float, limits: str = "") -> None:
        """`patience` is how long to wait for a connection, in seconds.

        `limits` are the settings of each transaction behind a pooler, which keeps none for a connection.
        """
        self._pool = pool
        self._patience = patience
        self._limits = limits

    @classmethod
    async def open(cls, url: str, *, application: str, size: int = 10, statement_timeout: float = 30.0) -> Self:
        """Connect. `statement_timeout` is in seconds and also bounds how long a transaction may stay idle.

        It holds on this side too: a link that has gone dead without a word would otherwise be waited on for ever.
        A URL with `pooler=transaction` leads to a pooler in transaction mode, such as PgBouncer: nothing is prepared,
        and nothing set, for longer than a transaction.
        """
        url, is_pooled = without_pooler(url)
        milliseconds = str(int(statement_timeout * 1000))
        limits = {"statement_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds}
        with connecting():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                init=_prepare_connection,
                reset=_keep,
                timeout=_CONNECT,
                command_timeout=statement_timeout + _GRACE,
                server_settings={"application_name": application, **({} if is_pooled else limits)},
                statement_cache_size=0 if is_pooled else _CACHED_STATEMENTS,
            )
        settings = "".join(f"; set local {name} = {value}" for name, value in limits.items()) if is_pooled else ""
        return cls(pool, patience=statement_timeout + _CONNECT, limits=settings)

    async def close(self) -> None:
        """Close every connection, waiting for none."""
        self._pool.terminate()

    @asynccontextmanager
    async def tenant(self, org: UUID) -> AsyncGenerator[Transaction]:
        """A transaction for one organization: row-level security shows and takes its rows alone.

        The context is set in the same message as BEGIN and ends with the transaction, so that a pooled connection
        cannot carry one tenant's context to the next, and a transaction-mode pooler may stand in between.
        """
        async with self._transaction(f"begin; select set_config('hub.org', '{UUID(str(org))}', true)") as tx:
            yield tx

    @asynccontextmanager
    async def search(self, org: UUID) -> AsyncGenerator[Transaction]:
        """The same for statements that look for a page among any number of rows: each keeps to its index."""
        async with self._transaction(f"begin; select set_config('hub.org', '{UUID(str(org))}', true){_AS_PAGES}") as tx:
            yield tx

    @asynccontextmanager
    async def across(self) -> AsyncGenerator[Transaction]:
        """A transaction for no organization: tables answer no rows, only the cross-tenant functions do."""
        async with self._transaction("begin") as tx:
            yield tx

    async def call(self, query: str, *args: object) -> list[Row]:
        """Run one statement for no organization, as a transaction of its own; in a single round trip but for a pooler.

        One in between may hand a statement and what it is run with to different servers, unless a transaction is open.
        """
        if self._limits:
            async with self.across() as tx:
                return await tx.rows(query, *args)
        async with self._connection() as connection:
            with translated():
                return await connection.fetch(query, *args)

    @asynccontextmanager
    async def _transaction(self, opening: str) -> AsyncGenerator[Transaction]:
        async with self._connection() as connection:
            with translated():
                await connection.execute(opening + self._limits)
            try:
                # Outside of `translated`: what the block itself raises, a TimeoutError of its own say, is no word of
                # the database's.
                yield Transaction(connection)
            except BaseException:
                # The pool's own reset would roll back as well, but only after the connection is handed back. Whatever
                # keeps this from working is less to the point than what brought us here.
                with suppress(*_LOST):
                    await connection.execute("rollback")
                raise
            with translated():
                tag = await connection.execute("commit")
            if tag != "COMMIT":
                # What a block that swallows a statement's failure gets from PostgreSQL, without an error.
                raise NotCommitted("A statement of this transaction had failed before its end; nothing was stored.")

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator["PoolConnectionProxy[asyncpg.Record]"]:
        with translated():
            connection = await self._pool.acquire(timeout=self._patience)
        try:
            async with self._replacing_the_dead(connection):
                yield connection
        finally:
            # What was committed is committed: the pool replaces a connection that it cannot reset.
            with suppress(*_LOST):
                await self._pool.release(connection, timeout=_HAND_BACK)

    @asynccontextmanager
    async def _replacing_the_dead(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> AsyncGenerator[None]:
        """Give up a connection that has gone dead, and have the pool make the others anew: they went the same way."""
        try:
            yield
        except DatabaseUnavailable as failure:
            if isinstance(failure.__cause__, TimeoutError):
                connection.terminate()
                await self._pool.expire_connections()
            raise


async def _prepare_connection(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]",
) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
        )


async def _keep(_: object) -> None:
    """Leave a connection that is handed back as it is.

    The driver would ask the server to forget settings, cursors and locks, a round trip for each use. Nothing here makes
    any that outlive their transaction, which a pooler in transaction mode would not allow either, and a transaction
    that is still open has been rolled back before this is called.
    """


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
