"""Bring a database forward, one migration a transaction, whoever else tries the same at the same time."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from worksphere_hub.db.connect import connected
from worksphere_hub.db.failures import permitted
from worksphere_hub.errors import HubError

# Any two processes that migrate must agree on this number; it has no other meaning.
_LOCK = 0x4855_424D_4947


class MigrationEdited(HubError):
    """A migration that this database has already had was changed afterwards."""

    code = "migration_edited"


class SchemaNewer(HubError):
    """The database was migrated by a newer version of the hub."""

    code = "schema_newer"


class SchemaOlder(HubError):
    """The database lacks migrations that this version of the hub needs."""

    code = "schema_older"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the diary: its name without ending, and its text."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def database_folder() -> Path:
    """The SQL wing: inside the package when installed from a wheel, beside it in a checkout."""
    inside = Path(__file__).parents[1] / "database"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "database"


def migrations() -> list[Migration]:
    """All migrations that this version of the hub knows, in order."""
    files = sorted((database_folder() / "migrations").glob("*.sql"))
    return [Migration(file.stem, file.read_text(encoding="utf-8")) for file in files]


def pending(known: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Which migrations are still to come, given those applied (name to checksum). Refuses a history it cannot trust."""
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationEdited(
                f"{migration.name} is not the file this database was migrated with. Restore it, and put the change "
                "into a migration of its own."
            )
    newer = sorted(set(applied) - {migration.name for migration in known})
    if newer:
        raise SchemaNewer(f"The database has had {newer[-1]}, which this version does not know. Upgrade the hub.")
    return [migration for migration in known if migration.name not in applied]


async def migrate(owner_url: str, *, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is pending, as the schema's owner; answers the names applied. Safe to call from several at once."""
    done: list[str] = []
    advice = "Migrate as the role that owns the schema; on an empty database, as one that may create roles."
    with permitted(advice):
        async with connected(owner_url) as connection:
            while (name := await _next(connection, progress)) is not None:
                done.append(name)
    return done


async def require_current(url: str) -> None:
    """Refuse a database that is older or newer than this version of the hub, before any work is done on it."""
    with permitted("Make this login a member of hub_app, or of hub_worker for a worker."):
        async with connected(url) as connection:
            todo = pending(migrations(), await _applied(connection))
    if todo:
        raise SchemaOlder(f"The database lacks {todo[0].name}. Run `worksphere-hub migrate`.")


async def _next(connection: "asyncpg.Connection[asyncpg.Record]", progress: Callable[[str], None]) -> str | None:
    """Apply the first pending migration in a transaction of its own; answers its name, None when nothing is left."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        todo = pending(migrations(), await _applied(connection))
        if not todo:
            # Weekly partitions, well ahead; the worker keeps making more.
            await connection.execute("select hub.add_partitions(now() + interval '60 days')")
            return None
        progress(todo[0].name)
        await connection.execute(todo[0].text)
        await connection.execute(
            "insert into hub.schema_migrations (name, checksum) values ($1, $2) on conflict do nothing",
            todo[0].name,
            todo[0].checksum,
        )
        return todo[0].name


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    if await connection.fetchval("select to_regclass('hub.schema_migrations')") is None:
        return {}
    return {row["name"]: row["checksum"] for row in await connection.fetch("select * from hub.schema_migrations")}
