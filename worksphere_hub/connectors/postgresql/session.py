"""A connection to a PostgreSQL server. Nothing is prepared for longer than a statement: a pooler may be in between."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec

from worksphere_hub.connectors.postgresql.dialect import PostgresqlDialect, sort_of
from worksphere_hub.connectors.postgresql.failures import failure_of, translated
from worksphere_hub.sdk import direct as kit
from worksphere_hub.sdk.direct import Account, DirectApi
from worksphere_hub.sdk.errors import BadSettings, ConnectorFailed, Transient
from worksphere_hub.sdk.tables.model import Column, Table
from worksphere_hub.sdk.tables.session import Session, by_table

_CONNECT_SECONDS = 10.0
_STATEMENT_SECONDS = 30
_TABLES = (Path(__file__).parent / "tables.sql").read_text(encoding="utf-8")
_WITHOUT_SCHEMA = "public"


class PostgresqlSession(Session):
    """One connection."""

    dialect = PostgresqlDialect()

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", settings: Mapping[str, Any]) -> None:
        self._connection = connection
        self._schemas: list[str] = settings.get("schemas") or [_WITHOUT_SCHEMA]
        self._seconds = int(settings.get("statement_seconds", _STATEMENT_SECONDS))
        self._host, self._port = settings["host"], settings.get("port", 5432)

    async def account(self) -> Account:
        with translated():
            row = await self._connection.fetchrow("select current_user as login, current_database() as database")
        assert row is not None
        where = f"{self._host}:{self._port}/{row['database']}"
        return Account(f"{row['login']}@{where}", f"{row['login']} at {where}")

    async def tables(self, stream: str | None = None) -> list[Table]:
        only = None if stream is None else stream if "." in stream else f"{_WITHOUT_SCHEMA}.{stream}"
        with translated():
            rows = await self._connection.fetch(_TABLES, self._schemas, only)
        return [
            _table(schema, name, columns) for (schema, name), columns in by_table(dict(row) for row in rows).items()
        ]

    async def fetch(
        self, statement: str, values: Sequence[Any] | None = (), *, most: int | None = None
    ) -> list[Mapping[str, Any]]:
        with translated():
            if most is None:
                rows = await self._connection.fetch(statement, *(values or ()))
            else:
                cursor = await self._connection.cursor(statement, *(values or ()))
                rows = await cursor.fetch(most)
        return cast("list[Mapping[str, Any]]", rows)

    async def run(self, statement: str, values: Sequence[Any]) -> int:
        with translated():
            tag = await self._connection.execute(statement, *values)
        return int(tag.rpartition(" ")[2])

    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with translated():
            await self._connection.executemany(statement, rows)

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncGenerator[None]:
        with translated():
            async with self._connection.transaction(readonly=read_only):
                # For the transaction alone: a pooler would hand it on to others. Should this process die, the server
                # ends the statement by itself.
                await self._connection.execute(f"set local statement_timeout = {self._seconds * 1000}")
                yield

    @asynccontextmanager
    async def part(self) -> AsyncGenerator[None]:
        with translated():
            async with self._connection.transaction():
                yield


@asynccontextmanager
async def opened(api: DirectApi) -> AsyncGenerator[Session]:
    """Connect, and hang up at the end. Raises ConnectorFailed."""
    connection = await _connected(api)
    try:
        with translated():
            for name in ("json", "jsonb"):
                await connection.set_type_codec(
                    name, schema="pg_catalog", encoder=str, decoder=msgspec.json.decode, format="text"
                )
        yield PostgresqlSession(connection, api.settings)
    finally:
        connection.terminate()


async def _connected(api: DirectApi) -> "asyncpg.Connection[asyncpg.Record]":
    settings = api.settings
    reached = await api.reach(settings["host"], int(settings.get("port", 5432)))
    protection = kit.context(reached.host, settings.get("tls", "verify"), settings.get("authorities", ""))
    failure: ConnectorFailed = Transient("The server could not be reached.", sent=False)
    for address in reached.addresses:
        try:
            return await asyncpg.connect(
                host=address,
                port=reached.port,
                user=api.credential["username"],
                password=api.credential["password"],
                database=settings["database"],
                ssl=False if protection is None else protection,
                timeout=_CONNECT_SECONDS,
                # The server ends a statement first, where it was told to.
                command_timeout=settings.get("statement_seconds", _STATEMENT_SECONDS) + 1.0,
                statement_cache_size=0,
                server_settings={"application_name": "WorkSphere Hub", "timezone": "UTC", "datestyle": "ISO"},
            )
        except ConnectionError as error:
            if "SSL upgrade" in str(error):
                raise BadSettings("The server does not encrypt; in a network that you trust, set tls to off.") from None
            failure = Transient("The server does not take connections.", sent=False)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            failure = failure_of(error)
            if not isinstance(failure, Transient):
                raise failure from error
            failure.sent = False
    raise failure


def _table(schema: str, name: str, columns: Sequence[Mapping[str, Any]]) -> Table:
    places = {row["place"]: row["column"] for row in columns if row["place"] is not None}
    made = tuple(
        Column(
            row["column"],
            row["type"],
            sort_of(row["base"], is_list=row["is_list"]),
            row["nullable"],
            row["written"],
            row["bare"],
        )
        for row in columns
    )
    uniques: list[list[str]] = columns[0]["uniques"] or []
    stream = name if schema == _WITHOUT_SCHEMA else f"{schema}.{name}"
    key = tuple(places[place] for place in sorted(places))
    return Table(schema, name, stream, made, key, tuple(frozenset(each) for each in uniques))
