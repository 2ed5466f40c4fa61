"""A connection to a MySQL or MariaDB server. The driver blocks, so that it works in threads, one call at a time."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.converters import convert_bit, through
from pymysql.cursors import Cursor, SSDictCursor

from worksphere_hub.connectors.mysql.dialect import SORTS, MysqlDialect
from worksphere_hub.connectors.mysql.failures import failure_of, translated
from worksphere_hub.sdk import direct as kit
from worksphere_hub.sdk.direct import Account, DirectApi
from worksphere_hub.sdk.errors import ConnectorFailed, NotPermitted, Transient
from worksphere_hub.sdk.tables.model import Column, Table
from worksphere_hub.sdk.tables.session import Session, SpokenSession, by_table

_CONNECT_SECONDS = 10.0
_STATEMENT_SECONDS = 30
_TABLES = (Path(__file__).parent / "tables.sql").read_text(encoding="utf-8")
_MODE = "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
# Whatever is not a number, bytes or a text stays the text that the server sends: exact, and no date is too odd for it.
_DECODERS: dict[int, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24, FIELD_TYPE.YEAR,
        ), int,
    ),
    FIELD_TYPE.FLOAT: float, FIELD_TYPE.DOUBLE: float, FIELD_TYPE.BIT: convert_bit,
    **dict.fromkeys(
        (
            FIELD_TYPE.BLOB, FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.STRING,
            FIELD_TYPE.VAR_STRING, FIELD_TYPE.VARCHAR,
        ), through,
    ),
}  # fmt: skip

# What changes the structure ends a transaction, and with it that nothing could be written.
_ASKS = re.compile(r"[\s(]*(select|with|values|table|show|describe|desc|explain)\b", re.IGNORECASE)

Given = TypeVar("Given")


class _NoPlainPassword:
    """A server that asks for the password as it is does not get it where nothing protects the way."""

    def __init__(self, connection: object) -> None:
        del connection

    def authenticate(self, packet: object) -> None:
        del packet
        raise pymysql.OperationalError(2061, "The server asks for the password unprotected; set tls to verify.")


class MysqlSession(SpokenSession):
    """One connection."""

    dialect = MysqlDialect()
    begin_reading = "start transaction read only"
    begin_writing = "start transaction read write"

    def __init__(self, connection: "pymysql.Connection[Any]", settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._connection = connection
        self._settings = settings

    async def account(self) -> Account:
        login = (await self.fetch("select substring_index(current_user(), '@', 1) as login"))[0]["login"]
        where = f"{self._settings['host']}:{self._settings.get('port', 3306)}/{self._settings['database']}"
        return Account(f"{login}@{where}", f"{login} at {where}")

    async def tables(self, stream: str | None = None) -> list[Table]:
        rows = await self.fetch(_TABLES, (stream, stream))
        return [_table(schema, name, columns) for (schema, name), columns in by_table(rows).items()]

    async def fetch(
        self, statement: str, values: Sequence[Any] | None = (), *, most: int | None = None
    ) -> list[Mapping[str, Any]]:
        if self.is_reading and not _ASKS.match(statement):
            raise NotPermitted("It has to begin with one of the words that ask: select, with, show, explain, ...")

        def work() -> list[Mapping[str, Any]]:
            # Unbuffered: what is not asked for is not held.
            with self._connection.cursor(SSDictCursor) as cursor:
                cursor.execute(statement, None if values is None else tuple(values))
                rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
                return list(cast("Sequence[Mapping[str, Any]]", rows))

        return await self._call(work)

    async def run(self, statement: str, values: Sequence[Any]) -> int:
        def work() -> int:
            with self._connection.cursor(Cursor) as cursor:
                return cursor.execute(statement, tuple(values))

        return await self._call(work)

    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        def work() -> None:
            with self._connection.cursor(Cursor) as cursor:
                cursor.executemany(statement, [tuple(row) for row in rows])

        await self._call(work)

    async def _call(self, work: Callable[[], Given]) -> Given:
        def guarded() -> Given:
            with translated():
                return work()

        try:
            return await asyncio.to_thread(guarded)
        except asyncio.CancelledError:
            # The thread still waits for the server: it hears that there is nothing to wait for.
            abandon(self._connection)
            raise


def abandon(connection: "pymysql.Connection[Any]") -> None:
    """Hang up at once, whatever is under way."""
    found: socket.socket | None = getattr(connection, "_sock", None)
    if found is not None:
        with suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def opened(api: DirectApi) -> AsyncGenerator[Session]:
    """Connect, and hang up at the end. Raises ConnectorFailed."""
    connection = await _connected(api)
    try:
        yield MysqlSession(connection, api.settings)
    finally:
        abandon(connection)


async def _connected(api: DirectApi) -> "pymysql.Connection[Any]":
    settings = api.settings
    reached = await api.reach(settings["host"], int(settings.get("port", 3306)))
    protection = kit.context(reached.host, settings.get("tls", "verify"), settings.get("authorities", ""))
    seconds = int(settings.get("statement_seconds", _STATEMENT_SECONDS))
    made: pymysql.Connection[Any] = pymysql.Connection(
        host=reached.host,
        port=reached.port,
        user=api.credential["username"],
        password=api.credential["password"],
        database=settings["database"],
        charset="utf8mb4",
        conv=cast("Any", {**pymysql.converters.encoders, **_DECODERS}),
        ssl=cast("Any", protection),
        ssl_disabled=protection is None,
        auth_plugin_map=cast("Any", _PROTECTED if protection is None else {}),
        client_flag=CLIENT.FOUND_ROWS,
        sql_mode=_MODE,
        init_command="set time_zone = '+00:00'",
        autocommit=True,
        local_infile=False,
        # The server ends a statement first, where it knows how to.
        read_timeout=seconds + 2,
        write_timeout=seconds + 2,
        defer_connect=True,
    )
    failure: ConnectorFailed = Transient("The server could not be reached.", sent=False)
    for address in reached.addresses:
        task = asyncio.ensure_future(asyncio.to_thread(_connect, made, (address, reached.port), seconds))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            abandon(made)
            raise
        except ConnectorFailed as refused:
            failure = refused
            if not isinstance(refused, Transient):
                raise
            refused.sent = False
        else:
            return made
    raise failure


_PROTECTED = {b"mysql_clear_password": _NoPlainPassword, b"dialog": _NoPlainPassword}


def _connect(connection: "pymysql.Connection[Any]", address: tuple[str, int], seconds: int) -> None:
    with translated():
        try:
            sock = socket.create_connection(address, _CONNECT_SECONDS)
        except OSError:
            raise Transient("The server does not take connections.", sent=False) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.connect(cast("Any", sock))
        except pymysql.Error as error:
            cause = getattr(error, "original_exception", None)
            raise failure_of(cause if isinstance(cause, Exception) else error) from error
        _limit(connection, seconds)


def _limit(connection: "pymysql.Connection[Any]", seconds: int) -> None:
    """The server's own limit, which has another name in either of the two; without one, ours has to do."""
    for statement in (f"set session max_statement_time = {seconds}", f"set session max_execution_time = {seconds}000"):
        with suppress(pymysql.Error), connection.cursor() as cursor:
            cursor.execute(statement)
            return


def _table(schema: str, name: str, columns: Sequence[Mapping[str, Any]]) -> Table:
    places: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in columns:
        for place in (row["indexes"] or "").splitlines():
            number, _, index = place.partition(" ")
            places.setdefault(index, {})[int(number)] = row
    # An index that is not whole here has a place that does not count: a prefix, or an expression.
    whole = {index: found for index, found in places.items() if sorted(found) == list(range(1, len(found) + 1))}
    sure = [
        (index != "PRIMARY", len(found), index)
        for index, found in whole.items()
        if not any(row["nullable"] for row in found.values())
    ]
    key = [whole[min(sure)[2]][at]["column"] for at in sorted(whole[min(sure)[2]])] if sure else []
    made = tuple(
        Column(row["column"], row["type"], SORTS.get(row["base"], "other"), bool(row["nullable"]), bool(row["written"]))
        for row in columns
    )
    unique = tuple(frozenset(row["column"] for row in found.values()) for found in whole.values())
    return Table(schema, name, name, made, tuple(key), unique)
