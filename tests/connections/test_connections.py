"""Connections from their making to their end."""

import pytest

from tests.connections.conftest import uuid_of
from worksphere_hub import ids
from worksphere_hub.connections.models import INSTANCE

KEY_WAY = {
    "type": "api_key", "label": "Key", "place": [{"name": "X-Api-Key", "value": "${credential.key}"}],
    "fields": {
        "type": "object", "required": ["key"], "additionalProperties": False,
        "properties": {"key": {"type": "string", "minLength": 2, "pattern": "^[a-z0-9]+$", "writeOnly": True}},
    },
}  # fmt: skip


async def test_a_key_is_entered_and_never_shown_again(desk):
    desk.authority.keys = {"supersecret1"}
    instance = await desk.installed(KEY_WAY)
    made = await desk.connection(instance)
    assert (made["status"], made["auth_type"], made["auth_method"]) == ("pending", "api_key", "main")
    path = f"/v1/connections/{made['id']}"
    answer = await desk.ask("PUT", f"{path}/credential", {"credential": {"key": "supersecret1"}})
    assert (answer.status, answer.json()["status"]) == (200, "connected")
    everything = answer.body + (await desk.ask("GET", path)).body + (await desk.ask("GET", "/v1/connections")).body
    everything += str(await desk.admin.fetch("select * from hub.connection_credentials")).encode()
    everything += str(await desk.admin.fetch("select * from hub.audit_log")).encode()
    assert b"supersecret1" not in everything
    assert (await desk.ask("POST", f"{path}/test")).json()["outcome"] == "healthy"
    shown = await desk.shown(made)
    assert (shown["account_key"], shown["account_label"], shown["health"]) == ("7", "Acme", "healthy")


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "credential.key", "is missing"),
        ({"key": "x"}, "credential.key", "too short"),
        ({"key": "SECRET!"}, "credential.key", "form"),
        ({"key": "secret", "other": "SECRET!"}, "credential.other", "not asked for"),
    ],
)
async def test_what_does_not_fit_is_named_without_its_value(desk, given, field, message):
    made = await desk.connection(await desk.installed(KEY_WAY))
    answer = await desk.ask("PUT", f"/v1/connections/{made['id']}/credential", {"credential": given})
    assert answer.status == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == field
    assert message in problem["message"]
    assert b"SECRET" not in answer.body


@pytest.mark.parametrize(
    ("way", "given", "header"),
    [
        ({"type": "basic"}, {"username": "u", "password": "p"}, "Basic dTpw"),
        ({"type": "bearer"}, {"token": "t"}, "Bearer t"),
        ({"type": "none"}, None, None),
    ],
)
async def test_other_kinds(desk, way, given, header):
    names = list(given or {})
    fields = {"type": "object", "required": names, "properties": {name: {"type": "string"} for name in names}}
    instance = await desk.installed({"label": "Way", "fields": fields, **way})
    made = await desk.connection(instance, **({} if given is None else {"credential": given}))
    assert made["status"] == "connected"
    await desk.ask("POST", f"/v1/connections/{made['id']}/test")
    assert desk.authority.api[0]["headers"].get("authorization") == header


async def test_client_credentials_are_traded_at_once_and_anew_when_they_end(desk):
    instance = await desk.installed(desk.method(grant="client_credentials"))
    await desk.client(instance)
    made = await desk.connection(instance, credential={})
    assert (made["status"], made["granted_scopes"]) == ("connected", ["read", "write"])
    await desk.run_out(made)
    ready = await desk.room().broker.ready(desk.org, uuid_of(made))
    assert (ready.version, desk.authority.count("client_credentials")) == (2, 2)


async def test_a_custom_exchange_is_gone_through_and_again_when_it_ends(desk):
    desk.authority.answers = [(200, {"session": "s1", "ttl": 60}), (200, {"session": "s2", "ttl": 60})]
    way = {
        "type": "custom", "label": "Session",
        "fields": {"type": "object", "required": ["user"], "properties": {"user": {"type": "string"}}},
        "steps": [{"name": "login", "url": f"{desk.authority.base}/token", "form": {"user": "${credential.user}"},
                   "capture": {"session": "session"}}],
        "expires_in": "ttl", "place": [{"name": "X-Session", "value": "${captured.session}"}],
    }  # fmt: skip
    made = await desk.connection(await desk.installed(way), credential={"user": "u"})
    assert made["status"] == "connected"
    assert desk.authority.calls == [{"user": "u"}]
    await desk.run_out(made)
    ready = await desk.room().broker.ready(desk.org, uuid_of(made))
    assert ready.subject.values()["captured"] == {"session": "s2"}


async def test_a_provider_that_refuses_leaves_what_was_there(desk):
    instance = await desk.installed(desk.method(grant="client_credentials"))
    await desk.client(instance, client_secret="wrong")
    made = await desk.connection(instance)
    answer = await desk.ask("PUT", f"/v1/connections/{made['id']}/credential", {"credential": {}})
    assert (answer.status, answer.json()["code"]) == (502, "provider_refused")
    assert "invalid_client" in answer.json()["detail"]
    assert (await desk.shown(made))["status"] == "pending"
    desk.authority.answers = [(503, {})]
    answer = await desk.ask("PUT", f"/v1/connections/{made['id']}/credential", {"credential": {}})
    assert answer.json()["code"] == "provider_unavailable"


async def test_an_account_that_has_to_agree_is_not_typed_in_and_the_other_way_round(desk):
    made = await desk.connection(await desk.installed())
    answer = await desk.ask("PUT", f"/v1/connections/{made['id']}/credential", {"credential": {}})
    assert answer.json()["code"] == "wrong_grant"
    answer = await desk.ask("POST", f"/v1/connections/{made['id']}/authorize", {})
    assert answer.json()["code"] == "oauth_client_missing"
    keyed = await desk.connection(await desk.installed(KEY_WAY, slug="keyed"))
    answer = await desk.ask("POST", f"/v1/connections/{keyed['id']}/authorize", {})
    assert answer.json()["code"] == "wrong_grant"


async def test_disconnecting_gives_the_tokens_back_and_destroys_them(desk):
    made = await desk.authorized()
    answer = await desk.ask("POST", f"/v1/connections/{made['id']}/disconnect")
    assert (answer.json()["status"], answer.json()["revoked"]) == ("disconnected", True)
    assert desk.authority.revoked == [next(iter(desk.authority.refresh_tokens))]
    assert await desk.stored(made) is None
    assert [event["type"] for event in await desk.events()][-1] == "hub.connection.disconnected"
    query, cookies = await desk.departed(made)
    await desk.browse(f"{query['redirect_uri']}?state={query['state']}&code={desk.authority.authorize(query)}", cookies)
    assert (await desk.shown(made))["status"] == "connected"
    desk.authority.answers = [(503, {})]
    answer = await desk.ask("POST", f"/v1/connections/{made['id']}/disconnect")
    assert (answer.json()["status"], answer.json()["revoked"]) == ("disconnected", False)


async def test_renamed_switched_off_listed_and_deleted(desk):
    instance = await desk.installed(KEY_WAY)
    one, two = await desk.connection(instance), await desk.connection(instance, name="Two")
    path = f"/v1/connections/{one['id']}"
    answer = await desk.ask("PATCH", path, {"name": "One", "enabled": False})
    assert (answer.json()["name"], answer.json()["enabled"]) == ("One", False)
    assert (await desk.ask("PATCH", path, {"enabled": True})).json()["name"] == "One"
    listed = (await desk.ask("GET", f"/v1/connections?instance_id={instance}&status=pending")).json()["data"]
    assert [each["id"] for each in listed] == [two["id"], one["id"]]
    assert (await desk.ask("GET", "/v1/connections?status=connected")).json()["data"] == []
    assert (await desk.ask("DELETE", path)).status == 204
    assert (await desk.ask("GET", path)).status == 404
    actions = await desk.admin.fetch("select action from hub.audit_log where org_id = $1 order by id", desk.org)
    assert [row["action"] for row in actions if row["action"].startswith("connection.")] == [
        "connection.created", "connection.created", "connection.updated", "connection.updated", "connection.deleted",
    ]  # fmt: skip


async def test_what_cannot_be_created(desk):
    instance = await desk.installed(KEY_WAY, desk.method())
    ask = {"instance_id": instance, "name": "x"}
    assert (await desk.ask("POST", "/v1/connections", ask)).json()["errors"][0]["field"] == "auth_method"
    answer = await desk.ask("POST", "/v1/connections", {**ask, "auth_method": "way1", "scopes": ["no"]})
    assert answer.json()["errors"][0]["field"] == "scopes"
    answer = await desk.ask("POST", "/v1/connections", {**ask, "auth_method": "main", "scopes": []})
    assert answer.json()["errors"][0]["field"] == "scopes"
    for unknown in ("nonsense", ids.encode(INSTANCE, ids.new())):
        assert (await desk.ask("POST", "/v1/connections", {**ask, "instance_id": unknown})).status == 404
    answer = await desk.ask("POST", "/v1/connections", {**ask, "auth_method": "main"}, connection_limit=0)
    assert answer.json()["code"] == "too_many_connections"


async def test_another_organization_sees_nothing(desk):
    made = await desk.connection(await desk.installed(KEY_WAY))
    _, foreign = await desk.organization()
    own = f"/v1/connections/{made['id']}"
    missing = f"/v1/connections/con_{'0' * 32}"
    asks = [
        ("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/test", None),
        ("POST", "/disconnect", None), ("PUT", "/credential", {"credential": {}}), ("POST", "/authorize", {}),
        ("GET", "/checks", None), ("GET", "/health", None), ("GET", "/requests", None),
        ("GET", f"/checks/chk_{'0' * 32}", None),
    ]  # fmt: skip
    for method, rest, body in asks:
        found = [await desk.ask(method, base + rest, body, foreign) for base in (own, missing)]
        told = [{name: value for name, value in each.json().items() if name != "request_id"} for each in found]
        assert (found[0].status, told[0]) == (404, told[1]), (method, rest)


async def test_a_raw_credential_is_shown_where_it_is_allowed_and_never_unnoticed(desk):
    made = await desk.connection(await desk.installed(KEY_WAY), credential={"key": "k1"})
    path = f"/v1/connections/{made['id']}/reveal"
    answer = await desk.ask("POST", path)
    assert (answer.status, answer.json()["code"]) == (403, "reveal_disabled")
    answer = await desk.ask("POST", path, reveal=True)
    assert answer.json() == {"contents": {"$entered": {"fields": {"key": "k1"}}}}
    assert answer.headers["cache-control"] == "no-store"
    seen = await desk.admin.fetchval(
        "select count(*) from hub.audit_log where org_id = $1 and action = 'connection.credential_revealed'", desk.org
    )
    assert seen == 1
    await desk.admin.execute("update hub.api_keys set scopes = array['connections:write'] where org_id = $1", desk.org)
    assert (await desk.ask("POST", path, reveal=True)).status == 403
