"""The diary and the plan are one: all migrations together give exactly what the composed schema gives."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.database.catalog import differences, fingerprint
from tests.database.planted import PLANTED
from worksphere_hub.db.migrate import database_folder, migrate, migrations

COMPOSED = "schema-integration-hub.sql"


@asynccontextmanager
async def emptied(cluster) -> AsyncIterator[str]:
    """The URL of an empty database, dropped after the block."""
    name = f"equal_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(cluster.url("postgres"))
    try:
        await admin.execute(f"create database {name} template template0")
        try:
            yield cluster.url(name)
        finally:
            await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture(scope="module")
async def migrated(cluster):
    """A connection to a database that came by the migrations."""
    async with emptied(cluster) as url:
        await migrate(url)
        connection = await asyncpg.connect(url)
        yield connection
        await connection.close()


@pytest.fixture(scope="module")
async def composed(cluster):
    """A connection to a database that was loaded from the one file."""
    async with emptied(cluster) as url:
        connection = await asyncpg.connect(url)
        await connection.execute((database_folder() / COMPOSED).read_text(encoding="utf-8"))
        yield connection
        await connection.close()


async def test_the_migrations_give_what_the_schema_gives(composed, migrated):
    found = differences(await fingerprint(composed), await fingerprint(migrated))
    assert not found, "\n".join(["first: the composed schema; second: all migrations", *found])


async def test_the_fingerprint_sees_what_there_is(composed):
    found = await fingerprint(composed)
    assert "hub.organizations" in found["relations"]
    assert "boolean | t | default false" in found["columns"]["hub.organizations.operator"]
    assert len(found["comments"]) > 100
    assert not {kind for kind, objects in found.items() if not objects} - {
        "settings of the database",
        "default privileges",
    }


async def test_a_loaded_schema_has_had_all_migrations(composed, migrated):
    history = "select name, checksum from hub.schema_migrations order by name"
    known = [(migration.name, migration.checksum) for migration in migrations()]
    assert [tuple(row) for row in await composed.fetch(history)] == known
    assert [tuple(row) for row in await migrated.fetch(history)] == known


async def test_a_planted_difference_of_each_kind_is_found(composed):
    before = await fingerprint(composed)
    assert PLANTED.keys() == before.keys()
    unseen = []
    for kind, plant in [(kind, plant) for kind, plants in PLANTED.items() for plant in plants]:
        transaction = composed.transaction()
        await transaction.start()
        try:
            await composed.execute(plant)
            found = differences(before, await fingerprint(composed))
        finally:
            await transaction.rollback()
        if not any(line.startswith(f"{kind}: ") for line in found):
            unseen.append(f"{kind}: {plant}")
    assert not unseen
    assert not differences(before, await fingerprint(composed))
