"""A file in the organization's own folder on the hub's machine. SQLite itself is told what a statement may do."""

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from worksphere_hub.connectors.sqlite.dialect import SqliteDialect, sort_of
from worksphere_hub.sdk.direct import Account, DirectApi
from worksphere_hub.sdk.errors import BadSettings, Conflict, ConnectorFailed, Missing, NotPermitted, Rejected, Transient
from worksphere_hub.sdk.tables.model import Column, Table
from worksphere_hub.sdk.tables.session import Session, SpokenSession, by_table

_STATEMENT_SECONDS = 30
_BUSY_SECONDS = 5.0
_LONGEST_VALUE = 100_000_000
_TABLES = (Path(__file__).parent / "tables.sql").read_text(encoding="utf-8")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_READING = frozenset({sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_WRITING = _READING | {
    sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_SAVEPOINT,
}  # fmt: skip
_CATALOGUE = frozenset({"table_list", "table_xinfo", "index_list", "index_info"})
_STEPS = 10_000

Given = TypeVar("Given")


class SqliteSession(SpokenSession):
    """One open file."""

    dialect = SqliteDialect()
    begin_reading = "begin"
    # Whoever may write says so at once: one who finds out later is refused, and not made to wait.
    begin_writing = "begin immediate"

    def __init__(self, path: Path, seconds: float) -> None:
        """Open it; it has to be there. `seconds` are for one statement."""
        super().__init__()
        self._path = path
        self._seconds = seconds
        self._until = 0.0
        self._looking = False
        self._connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, check_same_thread=False, isolation_level=None,
            timeout=_BUSY_SECONDS, cached_statements=0,
        )  # fmt: skip
        self._connection.row_factory = sqlite3.Row
        self._connection.text_factory = _text
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        self._connection.set_authorizer(self._authorized)
        self._connection.set_progress_handler(self._late, _STEPS)

    async def account(self) -> Account:
        # An empty file is a database; anything else has to say that it is one.
        await self.fetch("select count(*) as tables from sqlite_master")
        return Account(self._path.name, self._path.name)

    async def tables(self, stream: str | None = None) -> list[Table]:
        self._looking = True
        try:
            rows = await self.fetch(_TABLES, (stream,))
        finally:
            self._looking = False
        return [_table(name, columns) for (_, name), columns in by_table(rows).items()]

    async def fetch(
        self, statement: str, values: Sequence[Any] | None = (), *, most: int | None = None
    ) -> list[Mapping[str, Any]]:
        def work() -> list[Mapping[str, Any]]:
            cursor = self._connection.execute(statement, tuple(values or ()))
            rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
            cursor.close()
            return [dict(row) for row in rows]

        return await self._call(work)

    async def run(self, statement: str, values: Sequence[Any]) -> int:
        return await self._call(lambda: self._connection.execute(statement, tuple(values)).rowcount)

    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._call(lambda: self._connection.executemany(statement, [tuple(row) for row in rows]))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def _call(self, work: Callable[[], Given]) -> Given:
        def guarded() -> Given:
            self._until = time.monotonic() + self._seconds
            with _translated():
                return work()

        task = asyncio.ensure_future(asyncio.to_thread(guarded))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # The file is closed only when nothing works on it any more.
            self._connection.interrupt()
            with suppress(ConnectorFailed):
                await task
            raise

    def _late(self) -> int:
        return int(time.monotonic() > self._until)

    def _authorized(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        """No other file, no setting, no structure is touched; within a reading transaction, nothing at all."""
        if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            return sqlite3.SQLITE_OK if self._looking and first in _CATALOGUE else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if action in (_READING if self.is_reading else _WRITING) else sqlite3.SQLITE_DENY


@asynccontextmanager
async def opened(api: DirectApi) -> AsyncGenerator[Session]:
    """Open the file, and close it at the end. Raises ConnectorFailed."""
    path = path_of(api.folder, api.settings["file"])
    with _translated():
        session = SqliteSession(path, float(api.settings.get("statement_seconds", _STATEMENT_SECONDS)))
    try:
        yield session
    finally:
        session.close()


def path_of(folder: Path | None, name: str) -> Path:
    """Where the file is: in the organization's folder, and nowhere else. Raises BadSettings, Missing."""
    if folder is None:
        raise BadSettings("This hub keeps no files: its operator has to set HUB_CONNECTIONS_FILES.")
    if not _FILE.fullmatch(name):
        raise BadSettings("The file's name has letters, digits, `_`, `-` and `.`, and no folder.")
    path = (folder / name).resolve()
    if path.parent != folder.resolve():
        raise BadSettings("The file is a link that leads out of the organization's folder.")
    if not path.is_file():
        raise Missing(f"There is no file {name} in the organization's folder.")
    return path


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        raise _failure_of(error) from error


def _failure_of(error: Exception) -> ConnectorFailed:
    name = str(getattr(error, "sqlite_errorname", None) or "")
    text = f"{str(error)[:400]} ({name})" if name else str(error)[:400]
    if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"}:
        return Conflict(text)
    if name == "SQLITE_INTERRUPT":
        return Transient("The statement took too long.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL")):
        return Transient(text)
    if name.startswith(("SQLITE_AUTH", "SQLITE_PERM", "SQLITE_READONLY")):
        return NotPermitted(text)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_CANTOPEN")):
        return BadSettings(text)
    return Missing(text) if "no such table" in text else Rejected(text)


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _table(name: str, columns: Sequence[Mapping[str, Any]]) -> Table:
    places = {row["place"]: row["column"] for row in columns if row["place"] is not None}
    key = tuple(places[place] for place in sorted(places))
    made = tuple(
        Column(row["column"], row["type"], sort_of(row["type"]), bool(row["nullable"]), bool(row["written"]))
        for row in columns
    )
    # A number that is the key is in no index of its own.
    unique = {frozenset(each) for each in json.loads(columns[0]["uniques"]) if None not in each}
    return Table("main", name, name, made, key, tuple(unique | ({frozenset(key)} if key else set())))
