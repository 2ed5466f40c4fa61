"""Transactions on a pool: whose they are, what is left of them, and what becomes of them when the server goes."""

import asyncio
import random
from contextlib import nullcontext, suppress
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.chaos.proxy import proxying
from worksphere_hub import ids
from worksphere_hub.db.failures import DatabaseUnavailable, NotCommitted
from worksphere_hub.db.pool import Database

CONTEXT = "select hub.current_org()"
SEEN = "select array_agg(id) from hub.organizations"
RENAME = "update hub.organizations set name = $2 where id = $1"


class Broken(Exception):
    """What a block raises on purpose."""


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


async def nobody_is_left_behind(database):
    """Nothing of a tenant is on the one connection any more."""
    async with database.across() as tx:
        assert await tx.value(CONTEXT) is None
        assert await tx.value(SEEN) is None
    assert (await database.call("select nullif(current_setting('hub.org', true), '')"))[0][0] is None


async def name_of(admin, org):
    return await admin.fetchval("select name from hub.organizations where id = $1", org)


async def rename(database, org, *names, ended_by=None, then=None):
    """Rename an organization in one transaction, once for each name; end its backend, raise something, or neither."""
    async with database.tenant(org) as tx:
        for name in names:
            await tx.run(RENAME, org, name)
        if ended_by is not None:
            backend = await tx.value("select pg_backend_pid()")
            assert await ended_by.fetchval("select pg_terminate_backend($1, 20000)", backend)
        if then is not None:
            raise then


async def until_running(admin, words):
    """Return the process id of the backend that runs a statement with these words, once it does."""
    async with asyncio.timeout(20):
        while True:
            found = await admin.fetchval(
                "select pid from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()",
                f"%{words}%",
            )
            if found:
                return found
            await asyncio.sleep(0.005)


async def test_a_tenant_sees_itself_and_its_context_ends_with_its_transaction(one, two_orgs):
    for org in (*two_orgs, two_orgs[0]):
        async with one.tenant(org) as tx:
            assert await tx.value(CONTEXT) == org
            assert await tx.value(SEEN) == [org]
        await nobody_is_left_behind(one)


async def test_the_context_is_the_transactions_and_not_the_sessions(one, two_orgs):
    """What a pooler between us and the server needs, which resets nothing."""
    async with one.tenant(two_orgs[0]) as tx:
        await tx.run("commit")
        assert await tx.value(CONTEXT) is None
        await tx.run("begin")


async def test_the_context_is_gone_after_an_exception(one, two_orgs, admin):
    with pytest.raises(Broken):
        await rename(one, two_orgs[0], "Changed", then=Broken())
    await nobody_is_left_behind(one)
    assert await name_of(admin, two_orgs[0]) == "Test"


async def test_the_context_is_gone_after_a_statement_fails(one, two_orgs, admin):
    with pytest.raises(asyncpg.CheckViolationError):
        await rename(one, two_orgs[0], "Changed", "")
    await nobody_is_left_behind(one)
    assert await name_of(admin, two_orgs[0]) == "Test"


async def test_the_context_is_gone_after_a_cancellation_in_mid_query(one, two_orgs, admin):
    async def work():
        async with one.tenant(two_orgs[0]) as tx:
            await tx.run(RENAME, two_orgs[0], "Changed")
            await tx.run("select pg_sleep(170) /* cancelled in mid-query */")

    task = asyncio.create_task(work())
    backend = await until_running(admin, "cancelled in mid-query")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nobody_is_left_behind(one)
    assert await name_of(admin, two_orgs[0]) == "Test"
    query, state = await admin.fetchrow(
        "select coalesce(max(query), ''), coalesce(max(state), '') from pg_stat_activity where pid = $1", backend
    )
    assert (state, "pg_sleep" in query) != ("active", True)


async def test_two_tenants_on_one_connection_never_cross(one, two_orgs):
    dice = random.Random(20260101)
    ends = {"committed": 0, "broken": 0, "cancelled": 0}

    async def turn(org, end):
        async with one.tenant(org) as tx:
            row = await tx.row("select hub.current_org(), array_agg(id), now() from hub.organizations")
            assert (row[0], row[1]) == (org, [org])
            if end == "broken":
                raise Broken
            if end == "cancelled":
                await tx.run("select pg_sleep(100)")

    async def live(org, rounds):
        for _ in range(rounds):
            end = dice.choices(["committed", "broken", "cancelled"], [94, 5, 1])[0]
            task = asyncio.create_task(turn(org, end))
            if end == "cancelled":
                done, _ = await asyncio.wait([task], timeout=dice.random() / 100)
                assert not done
                task.cancel()
            with pytest.raises((Broken, asyncio.CancelledError)) if end != "committed" else nullcontext():
                await task
            ends[end] += 1

    await asyncio.gather(*(live(org, 700) for org in (*two_orgs, *two_orgs)))
    await nobody_is_left_behind(one)
    assert sum(ends.values()) == 2800
    assert min(ends.values()) > 5


async def test_an_organization_that_is_no_id_reaches_no_statement(one):
    with pytest.raises(ValueError, match="badly formed"):
        async with one.tenant("x', true); drop schema hub; --"):
            pass
    await nobody_is_left_behind(one)


async def test_a_block_that_ends_well_is_committed(one, two_orgs, admin):
    async with one.tenant(two_orgs[0]) as tx:
        assert await tx.run(RENAME, two_orgs[0], "Changed") == 1
        assert await tx.run(RENAME, two_orgs[1], "Not mine") == 0
        assert await name_of(admin, two_orgs[0]) == "Test"
    assert [await name_of(admin, org) for org in two_orgs] == ["Changed", "Test"]


async def test_a_block_that_swallows_a_failed_statement_is_told_that_nothing_was_stored(one, two_orgs, admin):
    async def swallow():
        async with one.tenant(two_orgs[0]) as tx:
            await tx.run(RENAME, two_orgs[0], "Changed")
            with suppress(asyncpg.CheckViolationError):
                await tx.run(RENAME, two_orgs[0], "")

    with pytest.raises(NotCommitted):
        await swallow()
    assert await name_of(admin, two_orgs[0]) == "Test"
    await nobody_is_left_behind(one)


@pytest.mark.parametrize("error", [TimeoutError("of the block's own"), FileNotFoundError("likewise")])
async def test_what_the_block_raises_is_not_taken_for_the_databases_word(one, two_orgs, error):
    with pytest.raises(type(error)) as caught:
        await rename(one, two_orgs[0], then=error)
    assert caught.value is error


async def test_rows_values_and_json(one, two_orgs):
    value = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    async with one.tenant(two_orgs[0]) as tx:
        assert [row["n"] for row in await tx.rows("select n from generate_series(1, 3) as n")] == [1, 2, 3]
        assert await tx.row("select 1 where false") is None
        assert await tx.value("select 1 where false") is None
        assert await tx.run("select 1 where false") == 0
        assert await tx.value("select $1::jsonb", value) == value
        assert await tx.value("select $1::json", value) == value
        assert await tx.value("select $1::timestamptz", now := datetime.now(UTC)) == now
    assert (await one.call("select $1::jsonb", value))[0][0] == value


async def test_a_backend_ended_in_mid_transaction_is_unavailable_and_nothing_is_stored(one, two_orgs, admin):
    async def work():
        async with one.tenant(two_orgs[0]) as tx:
            await tx.run(RENAME, two_orgs[0], "Changed")
            await admin.execute("select pg_terminate_backend($1)", await tx.value("select pg_backend_pid()"))
            await tx.run(RENAME, two_orgs[0], "Changed again")

    with pytest.raises(DatabaseUnavailable) as caught:
        await work()
    assert caught.value.status == 503
    assert await name_of(admin, two_orgs[0]) == "Test"
    await nobody_is_left_behind(one)


async def test_a_backend_ended_in_mid_statement_is_unavailable(one, two_orgs, admin):
    async def work():
        async with one.tenant(two_orgs[0]) as tx:
            await tx.run("select pg_sleep(170) /* ended in mid-statement */")

    task = asyncio.create_task(work())
    await admin.execute("select pg_terminate_backend($1)", await until_running(admin, "ended in mid-statement"))
    with pytest.raises(DatabaseUnavailable):
        await task
    await nobody_is_left_behind(one)


async def test_a_backend_ended_before_the_commit_is_unavailable(one, two_orgs, admin):
    with pytest.raises(DatabaseUnavailable):
        await rename(one, two_orgs[0], "Changed", ended_by=admin)
    assert await name_of(admin, two_orgs[0]) == "Test"


async def test_the_blocks_own_failure_outweighs_a_lost_connection(one, two_orgs, admin):
    with pytest.raises(Broken):
        await rename(one, two_orgs[0], "Changed", ended_by=admin, then=Broken())
    await nobody_is_left_behind(one)


async def test_a_statement_over_its_time_is_unavailable(database):
    impatient = await Database.open(database.app_url, application="test", size=1, statement_timeout=0.05)
    try:
        with pytest.raises(DatabaseUnavailable):
            await impatient.call("select pg_sleep(100)")
        with pytest.raises(DatabaseUnavailable):
            async with impatient.across() as tx:
                await tx.run("select pg_sleep(100)")
        assert (await impatient.call("select 1"))[0][0] == 1
    finally:
        await impatient.close()


async def test_a_link_that_went_dead_without_a_word_is_unavailable_and_replaced(database):
    port = database.cluster.server.port
    async with proxying(port, random.Random(0)) as proxy:
        url = database.app_url.replace(f":{port}/", f":{proxy.port}/")
        opened = await Database.open(url, application="test", size=3, statement_timeout=0.05)
        try:
            # Three connections, all of which are about to die.
            await asyncio.gather(*(opened.call("select pg_sleep(0.01)") for _ in range(3)))
            proxy.set("half_open")
            with pytest.raises(DatabaseUnavailable):
                await opened.call("select 1")
            proxy.set(None)
            for _ in range(3):
                assert (await opened.call("select 1"))[0][0] == 1
            assert proxy.harmed == 3
        finally:
            await opened.close()


async def test_a_statement_prepared_before_a_migration_passes_at_the_second_try(one, two_orgs, admin):
    async def work():
        async with one.tenant(two_orgs[0]) as tx:
            return await tx.row("select * from hub.organizations where id = $1", two_orgs[0])

    before = len(await work())
    await admin.execute("alter table hub.organizations add column planted integer")
    with pytest.raises(DatabaseUnavailable):
        await work()
    assert len(await work()) == before + 1


async def test_a_database_that_takes_no_writes_is_unavailable(database, two_orgs):
    url = f"{database.app_url}?default_transaction_read_only=on"
    refusing = await Database.open(url, application="test", size=1)
    try:
        with pytest.raises(DatabaseUnavailable):
            await rename(refusing, two_orgs[0], "Changed")
    finally:
        await refusing.close()


async def test_closing_waits_for_nobody_and_what_comes_after_is_unavailable(database, two_orgs):
    opened = await Database.open(database.app_url, application="test", size=2)

    async def work():
        async with opened.tenant(two_orgs[0]) as tx:
            await opened.close()
            await tx.value("select 1")

    with pytest.raises(DatabaseUnavailable):
        await work()
    with pytest.raises(DatabaseUnavailable):
        await opened.call("select 1")


async def test_the_server_knows_who_connects(one, admin):
    assert (await one.call("select current_setting('application_name')"))[0][0] == "test"
    assert await admin.fetchval("select count(*) from pg_stat_activity where application_name = 'test'") >= 1


async def test_no_organization_at_all_sees_nothing(one, two_orgs):
    async with one.across() as tx:
        assert await tx.value("select count(*) from hub.organizations") == 0
    async with one.tenant(ids.new()) as tx:
        assert await tx.value("select count(*) from hub.organizations") == 0
    assert (await one.call("select count(*) from hub.organizations"))[0][0] == 0


async def test_a_search_keeps_to_indexes_and_leaves_no_trace_of_it(one, two_orgs):
    asked = "select current_setting('enable_sort'), current_setting('plan_cache_mode')"
    async with one.search(two_orgs[0]) as tx:
        assert tuple(await tx.row(asked)) == ("off", "force_generic_plan")
        assert await tx.value("select count(*) from hub.organizations") == 1
    async with one.tenant(two_orgs[0]) as tx:
        assert tuple(await tx.row(asked)) == ("on", "auto")
    await nobody_is_left_behind(one)
