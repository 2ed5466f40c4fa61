"""Testing connections: asked for, by SQL, by the schedule."""

import asyncpg
import pytest

from tests.connections.conftest import uuid_of
from tests.connections.test_connections import KEY_WAY
from tests.connections.test_proxy import Line
from worksphere_hub.db.logins import ensure_organization_login
from worksphere_hub.db.urls import with_login


async def keyed(desk, **given):
    desk.authority.keys = {"k1"}
    return await desk.connection(await desk.installed(KEY_WAY, **given), credential={"key": "k1"})


async def checked(desk, connection):
    answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/test")
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_credential_that_is_refused_and_works_again(desk):
    connection = await keyed(desk)
    desk.authority.keys = set()
    found = await checked(desk, connection)
    assert (found["outcome"], found["code"], found["status"]) == ("unhealthy", "credential_refused", 401)
    shown = await desk.shown(connection)
    assert (shown["status"], shown["health"], shown["health_code"]) == ("failing", "unhealthy", "credential_refused")
    desk.authority.keys = {"k1"}
    assert (await checked(desk, connection))["outcome"] == "healthy"
    assert (await desk.shown(connection))["status"] == "connected"
    path = f"/v1/connections/{connection['id']}"
    history = (await desk.ask("GET", f"{path}/health")).json()["data"]
    assert [each["health"] for each in history] == ["healthy", "unhealthy"]
    checks = (await desk.ask("GET", f"{path}/checks")).json()["data"]
    assert [each["outcome"] for each in checks] == ["healthy", "unhealthy"]
    assert (await desk.ask("GET", f"{path}/checks/{checks[0]['id']}")).json() == checks[0]
    types = [event["type"] for event in await desk.events()]
    assert types == ["hub.connection.connected", "hub.connection.failing", "hub.connection.connected"]


async def test_a_fault_of_the_providers_says_nothing_about_the_credential(desk):
    connection = await keyed(desk)
    desk.authority.api_answers = [(503, {}, {})]
    found = await checked(desk, connection)
    assert (found["outcome"], found["code"]) == ("unhealthy", "status_503")
    assert (await desk.shown(connection))["status"] == "connected"


async def test_a_provider_that_refuses_with_200(desk):
    verification = {"path": "/me", "works": "body.ok", "account_key": "team"}
    connection = await keyed(desk, verification=verification)
    desk.authority.api_answers = [(200, {}, {"ok": False}), (200, {}, {"ok": True, "team": "T1"})]
    assert (await checked(desk, connection))["code"] == "credential_refused"
    assert (await checked(desk, connection))["outcome"] == "healthy"
    assert (await desk.shown(connection))["account_key"] == "T1"


async def test_scopes_that_a_verification_names_are_the_ones_that_count(desk):
    verification = {"path": "/me", "scopes": 'headers."x-scopes"'}
    instance = await desk.installed(verification=verification)
    await desk.client(instance)
    connection = await desk.authorized(instance)
    desk.authority.api_answers = [(200, {"x-scopes": "write"}, {})]
    await checked(desk, connection)
    shown = await desk.shown(connection)
    assert (shown["status"], shown["missing_scopes"]) == ("needs_reauthorization", ["read"])


async def test_an_access_token_that_is_refused_is_renewed_before_it_is_judged(desk):
    connection = await desk.authorized()
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    desk.authority.expire_access_tokens()
    assert (await checked(desk, connection))["outcome"] == "healthy"
    assert desk.authority.count("refresh_token") == 1


async def test_an_access_token_that_is_refused_with_200_is_renewed_before_it_is_judged(desk):
    verification = {"path": "/me", "works": "body.ok"}
    instance = await desk.installed(verification=verification)
    await desk.client(instance)
    connection = await desk.authorized(instance)
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    desk.authority.api_answers = [(200, {}, {"ok": False}), (200, {}, {"ok": True})]
    assert (await checked(desk, connection))["outcome"] == "healthy"
    assert desk.authority.count("refresh_token") == 1
    # Nor is anything renewed for what an account may not do.
    desk.authority.api_answers = [(403, {}, {})]
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    assert (await checked(desk, connection))["outcome"] == "unhealthy"
    assert desk.authority.count("refresh_token") == 1


async def test_a_call_whose_credential_is_refused_has_the_connection_tested(desk):
    connection = await keyed(desk)
    line, upkeep = Line(desk), desk.upkeep()
    assert (await line(connection)).status == 200
    assert await upkeep.check_due() == 0
    desk.authority.keys = set()
    assert [(await line(connection)).status for _ in range(3)] == [401, 401, 401]
    assert await upkeep.check_due() == 1
    shown = await desk.shown(connection)
    assert (shown["status"], shown["health_code"]) == ("failing", "credential_refused")
    # It is known by now: further refusals have it tested no sooner.
    assert (await line(connection)).status == 401
    assert await upkeep.check_due() == 0


async def test_refusals_have_a_connection_tested_once_in_a_while(desk):
    """An API that refuses single calls and takes the credential otherwise is not asked about it each time."""
    connection = await keyed(desk)
    line, upkeep = Line(desk, refused_pause=60.0), desk.upkeep()
    for tested in (1, 0):
        desk.authority.api_answers = [(401, {}, {})]
        assert (await line(connection)).status == 401
        if tested:
            # A credential that is new is not tested for its pause.
            assert await upkeep.check_due() == 0
            await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
            desk.authority.api_answers = [(401, {}, {})]
            assert (await line(connection)).status == 401
        assert await upkeep.check_due() == tested
        assert (await desk.shown(connection))["status"] == "connected"


async def test_an_action_whose_credential_is_refused_has_the_connection_tested(desk):
    actions = {"look": {"title": "Look", "call": {"path": "/me"}, "input_schema": {"type": "object"}}}
    connection = await keyed(desk, actions=actions)
    desk.authority.keys = set()
    answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/actions/look", {"input": {}})
    assert (answer.status, answer.json()["code"]) == (409, "provider_auth_failed")
    assert await desk.upkeep().check_due() == 1
    assert (await desk.shown(connection))["status"] == "failing"


async def test_sql_enqueues_and_a_worker_does_it(desk):
    connection = await keyed(desk)
    login = await ensure_organization_login(desk.database.admin_url, desk.org, "secret")
    tenant = await asyncpg.connect(with_login(desk.database.admin_url, login, "secret"))
    try:
        check = await tenant.fetchval("select hub.test_api_connection($1)", uuid_of(connection))
        before = await tenant.fetchrow("select * from hub.connection_checks where id = $1", check)
        assert (before["state"], before["cause"]) == ("queued", "sql")
        assert await desk.upkeep().check_due() == 1
        after = await tenant.fetchrow("select * from hub.connection_checks where id = $1", check)
        assert (after["state"], after["outcome"]) == ("done", "healthy")
        with pytest.raises(asyncpg.NoDataFoundError, match="no such connection"):
            await tenant.fetchval("select hub.test_api_connection($1)", check)
    finally:
        await tenant.close()


async def test_a_check_that_is_rolled_back_never_was(desk):
    connection = await keyed(desk)

    async def begin_and_fail() -> None:
        async with desk.app.tenant(desk.org) as tx:
            await tx.value("select hub.test_api_connection($1)", uuid_of(connection))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await begin_and_fail()
    assert await desk.upkeep().check_due() == 0


async def test_the_schedule_tests_what_is_connected_and_nothing_else(desk):
    connection = await keyed(desk)
    off = await desk.connection(connection["instance_id"], credential={"key": "k1"})
    await desk.ask("PATCH", f"/v1/connections/{off['id']}", {"enabled": False})
    await desk.admin.execute("update hub.api_connections set check_due_at = now()")
    assert await desk.upkeep().check_due() == 1
    assert await desk.upkeep().check_due() == 0
    assert (await desk.shown(connection))["health"] == "healthy"


async def test_a_check_whose_worker_died_is_done_by_another_and_the_late_one_changes_nothing(desk):
    connection = await keyed(desk)
    async with desk.app.tenant(desk.org) as tx:
        await tx.value("select hub.test_api_connection($1)", uuid_of(connection))
    await desk.worker.call("select * from hub.claim_connection_checks(interval '0 seconds')")
    assert await desk.upkeep().check_due() == 1
    finished = await desk.admin.fetchrow("select * from hub.connection_checks where org_id = $1", desk.org)
    assert (finished["attempts"], finished["fence"], finished["outcome"]) == (2, 2, "healthy")


async def test_what_is_not_connected_is_not_judged(desk):
    connection = await desk.connection(await desk.installed(KEY_WAY))
    found = await checked(desk, connection)
    assert (found["outcome"], found["code"]) == ("unhealthy", "not_connected")
    assert (await desk.shown(connection))["health"] == "unknown"
