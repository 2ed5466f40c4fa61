"""Single statements as the owner of the schema."""

import asyncpg
import pytest

from worksphere_hub.db.failures import DatabaseRefused
from worksphere_hub.db.owner import call_as_owner, run_script_as_owner

FOUND = "select hub.found_deployment(gen_random_uuid(), 'key', '12345678', 'pepper')"


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


async def test_one_statement_is_run_and_answered_and_the_connection_is_gone(database, admin):
    assert (await call_as_owner(database.admin_url, FOUND))[0][0] is True
    assert (await call_as_owner(database.admin_url, FOUND))[0][0] is False
    assert (await call_as_owner(database.admin_url, "select $1::int + 1", 2))[0][0] == 3
    left = "select count(*) from pg_stat_activity where application_name = 'worksphere-hub owner' and state <> 'idle'"
    assert await admin.fetchval(left + " and datname = current_database()") == 0


async def test_a_script_runs_for_one_organization(database, admin, two_orgs):
    script = (
        "create temp table t as select hub.current_org() as org;"
        " update hub.organizations set name = 'Now' where id = (select org from t)"
    )
    await run_script_as_owner(database.admin_url, script, org=two_orgs[1])
    names = await admin.fetch("select id from hub.organizations where name = 'Now'")
    assert [row["id"] for row in names] == [two_orgs[1]]


async def test_a_script_that_fails_leaves_nothing(database, admin, two_orgs):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await run_script_as_owner(
            database.admin_url, "update hub.organizations set name = 'Never'; select 1 / 0", org=two_orgs[0]
        )
    assert await admin.fetchval("select count(*) from hub.organizations where name = 'Never'") == 0


async def test_who_is_not_the_owner_is_told_so_in_a_sentence(database):
    with pytest.raises(DatabaseRefused, match=r"Permission denied .*owns the hub's schema"):
        await call_as_owner(database.app_url, FOUND)
