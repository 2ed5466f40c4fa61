"""The hub's database access through PgBouncer in transaction mode, with fewer connections than there are users."""

import asyncio

import pytest

from tests.db.pooler import needs_pgbouncer, pooling, through
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.db.failures import DatabaseUnavailable
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError

pytestmark = needs_pgbouncer


@pytest.fixture
async def pooled(database, roomy_folder):
    async with pooling(roomy_folder, database.app_url) as port:
        opened = await Database.open(through(database.app_url, port), application="pooled", size=20)
        yield opened
        await opened.close()


async def test_organizations_share_connections_and_see_their_own_alone(pooled):
    organizations = [
        (await bootstrap.create_organization(pooled, slug=f"org-{number}", name=f"Org {number}")).id
        for number in range(8)
    ]

    async def look(org):
        for _ in range(20):
            async with pooled.tenant(org) as tx:
                seen = await tx.rows("select id from hub.organizations")
                assert [row["id"] for row in seen] == [org]
                await tx.run("select 1 where $1 = $1", "a bound value")
            assert await pooled.call("select count(*) from hub.organizations") != []

    await asyncio.gather(*(look(org) for org in organizations * 3))
    async with pooled.across() as tx:
        assert await tx.value("select count(*) from hub.organizations") == 0


async def test_a_statement_without_end_is_ended_by_the_server(database, roomy_folder):
    async with pooling(roomy_folder, database.app_url) as port:
        opened = await Database.open(
            through(database.app_url, port), application="pooled", size=2, statement_timeout=0.2
        )
        with pytest.raises((DatabaseUnavailable, HubError)):
            async with opened.across() as tx:
                await tx.rows("select pg_sleep(30)")
        # What it was set to went with its transaction.
        plain = await Database.open(through(database.app_url, port), application="pooled", size=2)
        rows = await plain.call("select current_setting('statement_timeout') as limit")
        assert rows[0]["limit"] == "30s"
        await opened.close()
        await plain.close()


async def test_a_failed_transaction_leaves_nothing_to_the_next(pooled):
    org = ids.new()
    with pytest.raises(ZeroDivisionError):
        async with pooled.tenant(org) as tx:
            1 / await tx.value("select 0")
    rows = await pooled.call("select current_setting('hub.org', true) as org")
    assert rows[0]["org"] in {None, ""}
