"""Databases through connections: a real one on the other side, the hub's way to it, and where it does not lead."""

import sqlite3
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest

from tests.connections.conftest import Desk, uuid_of
from worksphere_hub.connections.upkeep import Upkeep
from worksphere_hub.sdk import registry
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.redact import Secret


async def listed(desk: Desk, slug):
    """A database's own listing, as the hub brings it along."""
    operator = await desk.admin.fetchval("select hub.operator_organization()")
    if operator is None:
        operator, _ = await desk.organization(operator=True)
    known = await desk.admin.fetchval("select id from hub.integrations where org_id = $1 and slug = $2", operator, slug)
    manifest = registry.load(slug).manifest.model_dump(mode="json", exclude_none=True)
    return operator, known or await desk.integration(manifest, operator, visibility="public")


async def connected(desk: Desk, settings=None, **credential):
    """A connection to the tests' own PostgreSQL."""
    parts = urlsplit(desk.database.admin_url)
    wanted = {"host": "127.0.0.1", "port": parts.port, "database": parts.path[1:], "tls": "off", **(settings or {})}
    operator, integration = await listed(desk, "postgresql")
    instance = await desk.instance(integration, operator, settings=wanted)
    given = {"username": parts.username, "password": parts.password, **credential}
    return await desk.connection(instance, credential=given)


async def asked(desk: Desk, connection, name="query", **given):
    return await desk.ask("POST", f"/v1/connections/{connection['id']}/actions/{name}", {"input": given})


async def checked(desk: Desk, connection, **changes):
    return (await desk.ask("POST", f"/v1/connections/{connection['id']}/test", **changes)).json()


async def test_a_database_is_connected_tested_asked_and_written(desk):
    connection = await connected(desk, {"schemas": ["public"]})
    seen = await checked(desk, connection)
    assert (seen["outcome"], (await desk.shown(connection))["health"]) == ("healthy", "healthy")
    assert "hub_admin at 127.0.0.1" in (await desk.shown(connection))["account_label"]
    answer = await asked(desk, connection, statement="select 1 + $1::int as two", parameters=[1])
    assert answer.json() == {"result": {"rows": [{"two": 2}], "truncated": False}}
    await desk.admin.execute("drop table if exists public.people; create table public.people (id integer primary key)")
    written = await asked(desk, connection, "insert", table="people", rows=[{"id": 1}, {"id": 1}])
    assert written.json()["result"]["written"] == 1
    streams = (await desk.ask("GET", f"/v1/connections/{connection['id']}/streams")).json()["data"]
    assert [each["name"] for each in streams] == ["people"]
    sample = await desk.ask("POST", f"/v1/connections/{connection['id']}/streams/people/sample", {})
    assert sample.json()["records"] == [{"id": 1}]


async def test_a_wrong_password_makes_the_connection_fail_and_is_told_nowhere(desk):
    connection = await connected(desk, password="canary-3b1f")
    seen = await checked(desk, connection)
    assert (seen["outcome"], seen["code"]) == ("unhealthy", "auth_failed")
    assert (await desk.shown(connection))["status"] == "failing"
    answer = await asked(desk, connection, statement="select 1")
    assert answer.json()["code"] == "provider_auth_failed"
    assert b"canary-3b1f" not in answer.body
    dump = str(await desk.admin.fetch("select * from hub.api_connections")) + str(await desk.events())
    assert "canary-3b1f" not in dump


async def test_a_worker_tests_it_too(desk):
    connection = await connected(desk)
    await desk.admin.execute("update hub.api_connections set check_due_at = now() where id = $1", uuid_of(connection))
    worker: Upkeep = desk.upkeep()
    await worker.check_due()
    assert (await desk.shown(connection))["health"] == "healthy"


@pytest.mark.parametrize(
    ("policy", "host", "said"),
    [
        (EgressPolicy(), "127.0.0.1", "not public"),
        (EgressPolicy(), "localhost", "not public"),
        (EgressPolicy(), "169.254.169.254", "not public"),
        (EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),)), "127.0.0.1.:5432", "host"),
        (EgressPolicy(), "[::1]", "not public"),
        (EgressPolicy(), "8.8.8.8", "Port"),
    ],
)
async def test_where_the_operator_lets_nobody_go_no_connection_goes(desk, policy, host, said):
    connection = await connected(desk, {"host": host})
    async with EgressClient(policy) as guarded:
        desk.egress = guarded
        seen = await checked(desk, connection)
        assert seen["outcome"] == "unhealthy"
        assert said in seen["reason"]
        assert (await asked(desk, connection, statement="select 1")).status >= 400


async def test_through_a_proxy_that_takes_http_alone_nothing_else_goes(desk):
    connection = await connected(desk)
    async with EgressClient(EgressPolicy(), proxy=Secret("http://127.0.0.1:9")) as guarded:
        desk.egress = guarded
        assert "proxy" in (await checked(desk, connection))["reason"]


async def test_files_are_the_organizations_own(desk, tmp_path):
    operator, integration = await listed(desk, "sqlite")
    for org in (desk.org, operator):
        (tmp_path / str(org)).mkdir()
    mine = sqlite3.connect(tmp_path / str(desk.org) / "crm.db")
    mine.executescript("create table people (id integer primary key); insert into people values (7)")
    mine.close()
    sqlite3.connect(tmp_path / str(operator) / "theirs.db").close()
    instance = await desk.instance(integration, operator, settings={"file": "crm.db"})
    connection = await desk.connection(instance)
    assert (await checked(desk, connection, files=tmp_path))["outcome"] == "healthy"
    answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/streams/people/sample", {}, files=tmp_path)
    assert answer.json()["records"] == [{"id": 7}]
    other = await desk.connection(await desk.instance(integration, operator, settings={"file": "theirs.db"}))
    assert (await checked(desk, other, files=tmp_path))["code"] == "missing"
    assert "HUB_CONNECTIONS_FILES" in (await checked(desk, connection))["reason"]


async def test_an_organizations_own_integration_gets_no_credential_by_a_databases_name(desk):
    manifest = registry.load("postgresql").manifest.model_dump(mode="json", exclude_none=True)
    instance = await desk.instance(
        await desk.integration(manifest), settings={"host": "127.0.0.1", "database": "x", "tls": "off"}
    )
    connection = await desk.connection(instance, credential={"username": "a", "password": "b"})
    listing = (await desk.ask("GET", f"/v1/connections/{connection['id']}/actions")).json()["data"]
    assert listing == []
