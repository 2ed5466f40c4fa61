"""Bringing a database forward: once, in order, whoever else tries, and never on a history that cannot be trusted."""

import asyncio

import asyncpg
import pytest

from worksphere_hub.db import migrate as module
from worksphere_hub.db.failures import DatabaseRefused
from worksphere_hub.db.logins import ensure_login
from worksphere_hub.db.migrate import (
    Migration,
    MigrationEdited,
    SchemaNewer,
    SchemaOlder,
    database_folder,
    migrate,
    migrations,
    pending,
    require_current,
)
from worksphere_hub.db.urls import with_login

FIRST = Migration("0001_first", "create schema hub")
SECOND = Migration("0002_second", "create table hub.x ()")


@pytest.fixture
async def empty(empty_url):
    connection = await asyncpg.connect(empty_url)
    try:
        yield connection
    finally:
        await connection.close()


async def history(connection):
    return [row["name"] for row in await connection.fetch("select name from hub.schema_migrations order by name")]


def test_what_is_pending_comes_in_order_after_what_was_applied():
    assert pending([FIRST, SECOND], {}) == [FIRST, SECOND]
    assert pending([FIRST, SECOND], {FIRST.name: FIRST.checksum}) == [SECOND]
    assert pending([FIRST], {FIRST.name: FIRST.checksum}) == []


def test_a_history_that_cannot_be_trusted_is_refused_by_name():
    with pytest.raises(MigrationEdited, match="0001_first"):
        pending([FIRST, SECOND], {FIRST.name: SECOND.checksum})
    with pytest.raises(SchemaNewer, match="0002_second"):
        pending([FIRST], {FIRST.name: FIRST.checksum, SECOND.name: SECOND.checksum})


def test_a_checksum_is_of_every_byte():
    assert FIRST.checksum == Migration("another", FIRST.text).checksum
    assert FIRST.checksum != Migration(FIRST.name, FIRST.text + " ").checksum
    assert len(FIRST.checksum) == 64


def test_the_files_are_found_in_order_and_well_named():
    names = [migration.name for migration in migrations()]
    assert names[0] == "0001_initial"
    assert names == sorted(names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert (database_folder() / "schema-integration-hub.sql").exists()


async def test_everything_is_applied_once_and_told(empty_url, empty):
    told = []
    names = [migration.name for migration in migrations()]
    assert await migrate(empty_url, progress=told.append) == names
    assert told == names
    assert await history(empty) == names
    assert await migrate(empty_url, progress=told.append) == []
    assert told == names
    await require_current(empty_url)


async def test_two_at_once_apply_everything_once(empty_url, empty):
    names = [migration.name for migration in migrations()]
    outcomes = await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    assert sorted(name for done in outcomes for name in done) == names
    assert await history(empty) == names


async def test_partitions_are_made_ahead(database, admin):
    week = "hub.uuidv7_floor(now() + interval '50 days')"
    for table in ("webhook_events", "webhook_event_logs"):
        bounds = await admin.fetchval(
            "select string_agg(pg_get_expr(c.relpartbound, c.oid), ' ') from pg_inherits i"
            " join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::text::regclass",
            f"hub.{table}",
        )
        later = await admin.fetchval(f"select {week}::text")
        assert max(bounds.split("'")[1::2]) > later


async def test_a_migration_that_was_edited_is_refused(database, admin):
    await admin.execute("update hub.schema_migrations set checksum = 'another'")
    for act in (migrate(database.admin_url), require_current(database.app_url)):
        with pytest.raises(MigrationEdited, match="0001_initial"):
            await act


async def test_a_database_of_a_newer_version_is_refused(database, admin):
    await admin.execute("insert into hub.schema_migrations (name, checksum) values ('9999_future', 'x')")
    for act in (migrate(database.admin_url), require_current(database.app_url)):
        with pytest.raises(SchemaNewer, match="9999_future"):
            await act


async def test_a_database_that_lacks_something_is_refused_at_the_start(empty_url, database, monkeypatch):
    with pytest.raises(SchemaOlder, match="0001_initial"):
        await require_current(empty_url)
    more = [*migrations(), Migration("9998_more", "create table hub.more ()")]
    monkeypatch.setattr(module, "migrations", lambda: more)
    with pytest.raises(SchemaOlder, match=r"9998_more.*worksphere-hub migrate"):
        await require_current(database.app_url)


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(database, admin, monkeypatch):
    known = migrations()
    good = Migration("9997_good", "create table hub.good (); create table hub.good_too ();")
    bad = Migration("9998_bad", "create table hub.bad (); select 1 / 0;")
    monkeypatch.setattr(module, "migrations", lambda: [*known, good, bad])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database.admin_url)
    assert await history(admin) == [*(migration.name for migration in known), good.name]
    assert await admin.fetchval("select to_regclass('hub.good_too') is not null and to_regclass('hub.bad') is null")
    monkeypatch.setattr(module, "migrations", lambda: [*known, good])
    assert await migrate(database.admin_url) == []


async def test_who_may_not_is_told_so_in_a_sentence(database, empty_url):
    plain = "hub_test_outsider"
    await ensure_login(database.admin_url, plain, "outsider", [])
    with pytest.raises(DatabaseRefused, match=r"Permission denied .*Migrate as the role that owns the schema"):
        await migrate(with_login(empty_url, plain, "outsider"))
    with pytest.raises(DatabaseRefused, match=r"Permission denied .*member of hub_app"):
        await require_current(with_login(database.admin_url, plain, "outsider"))
