"""Logins: an organization's is bound to it by its name, and any password survives."""

import asyncio
import secrets

import asyncpg
import pytest

from worksphere_hub.db.connect import connected
from worksphere_hub.db.failures import DatabaseRefused
from worksphere_hub.db.logins import (
    ensure_database,
    ensure_login,
    ensure_organization_login,
    organization_login_name,
)
from worksphere_hub.db.urls import with_login


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


@pytest.fixture
def name():
    """A role or database name that is new in the cluster, and needs quoting."""
    return f'Odd "name" {secrets.token_hex(4)}'


@pytest.fixture
async def its_url(database, two_orgs):
    """The URL of the first organization's own login."""
    login = await ensure_organization_login(database.admin_url, two_orgs[0], "its password")
    assert login == organization_login_name(two_orgs[0]) == f"hub_org_{two_orgs[0].hex}"
    return with_login(database.admin_url, login, "its password")


async def test_an_organizations_login_sees_its_rows_alone(its_url, two_orgs):
    async with connected(its_url) as connection:
        assert await connection.fetchval("select hub.current_org()") == two_orgs[0]
        assert await connection.fetchval("select array_agg(id) from hub.organizations") == [two_orgs[0]]


@pytest.mark.parametrize(
    "attempt",
    [
        "select set_config('hub.org', '{other}', false)",
        "select set_config('request.jwt.claims', '{{\"org_id\": \"{other}\"}}', false)",
        "set role hub_tenant",
        "set session hub.org = '{other}'",
    ],
)
async def test_it_cannot_speak_for_another(its_url, two_orgs, attempt):
    async with connected(its_url) as connection:
        await connection.execute(attempt.format(other=two_orgs[1]))
        assert await connection.fetchval("select hub.current_org()") == two_orgs[0]
        assert await connection.fetchval("select array_agg(id) from hub.organizations") == [two_orgs[0]]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("select hub.trigger_webhook($1, 'a.b', '{}')", two_orgs[1])


async def test_it_cannot_become_a_role_that_may_more(its_url):
    async with connected(its_url) as connection:
        for role in ("hub_app", "hub_worker", "hub_publisher", "hub_definer", "hub_readonly", "hub_admin"):
            for statement in (f"set role {role}", f"set session authorization {role}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)


async def test_it_may_not_write_past_the_functions(its_url, two_orgs):
    async with connected(its_url) as connection:
        for statement in (
            "update hub.organizations set name = 'Mine'",
            "delete from hub.organizations",
            "truncate hub.webhook_events",
            "create table hub.mine ()",
            "select * from hub.api_keys",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


@pytest.mark.parametrize("password", ["it's", 'a"b', "back\\slash'", "p@s/s:w#o?r%d", "пароль ü", "$$;--"])
async def test_any_password_works(database, name, password):
    await ensure_login(database.admin_url, name, password, ["hub_app"])
    async with connected(with_login(database.admin_url, name, password)) as connection:
        assert await connection.fetchval("select session_user") == name
        assert await connection.fetchval("select pg_has_role('hub_app', 'usage')")


async def test_a_login_is_plain_and_gets_a_new_password_the_second_time(database, admin, name):
    await ensure_login(database.admin_url, name, "first", [])
    await ensure_login(database.admin_url, name, "second", ["hub_app"])
    with pytest.raises(DatabaseRefused):
        async with connected(with_login(database.admin_url, name, "first")):
            pass
    async with connected(with_login(database.admin_url, name, "second")) as connection:
        facts = await connection.fetchrow(
            "select rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication, rolcanlogin,"
            " pg_has_role('hub_app', 'usage'), pg_has_role('hub_worker', 'usage')"
            " from pg_roles where rolname = session_user"
        )
    assert tuple(facts) == (False, False, False, False, False, True, True, False)
    stored = await admin.fetchval("select rolpassword from pg_authid where rolname = $1", name)
    assert stored.startswith("SCRAM-SHA-256$")


async def test_two_may_make_the_same_login_at_once(database, name):
    await asyncio.gather(*(ensure_login(database.admin_url, name, "same", ["hub_app"]) for _ in range(4)))
    async with connected(with_login(database.admin_url, name, "same")) as connection:
        assert await connection.fetchval("select session_user") == name


async def test_a_database_is_made_once_whoever_asks_at_the_same_time(database, admin, name):
    try:
        made = await asyncio.gather(*(ensure_database(database.admin_url, name) for _ in range(3)))
        assert sorted(made) == [False, False, True]
        assert await ensure_database(database.admin_url, name) is False
        assert (
            await admin.fetchval("select pg_encoding_to_char(encoding) from pg_database where datname = $1", name)
            == "UTF8"
        )
    finally:
        await admin.execute(await admin.fetchval("select format('drop database %I with (force)', $1::text)", name))


async def test_who_may_not_is_told_so_in_a_sentence(database, name):
    for act in (ensure_login(database.app_url, name, "x", []), ensure_database(database.app_url, name)):
        with pytest.raises(DatabaseRefused, match="as a role that may create databases and roles"):
            await act
