"""OAuth clients: registered, replaced, deleted, and never shown."""

from datetime import UTC, datetime, timedelta

from tests.connections.authority import CLIENT


async def test_a_client_from_its_making_to_its_end(desk):
    instance = await desk.installed()
    made = await desk.client(instance, client_secret="topsecretclient")
    assert (made["client_id"], made["has_secret"], made["instance_id"]) == (CLIENT, True, instance)
    path = f"/v1/oauth-clients/{made['id']}"
    again = {"instance_id": instance, "auth_method": "main", "client_id": "x"}
    assert (await desk.ask("POST", "/v1/oauth-clients", again)).json()["code"] == "oauth_client_exists"
    changed = await desk.ask("PUT", path, {"client_id": "other"})
    assert (changed.json()["client_id"], changed.json()["has_secret"]) == ("other", False)
    listed = await desk.ask("GET", "/v1/oauth-clients")
    assert [each["id"] for each in listed.json()["data"]] == [made["id"]]
    rows = str(await desk.admin.fetch("select * from hub.oauth_clients")) + str(
        await desk.admin.fetch("select * from hub.audit_log")
    )
    assert "topsecretclient" not in rows + listed.body.decode() + changed.body.decode()
    _, foreign = await desk.organization()
    for method, body in (("GET", None), ("PUT", {"client_id": "x"}), ("DELETE", None)):
        assert (await desk.ask(method, path, body, foreign)).status == 404
    assert (await desk.ask("DELETE", path)).status == 204
    assert (await desk.ask("GET", path)).status == 404


async def test_a_client_is_of_one_thing(desk):
    both = {"instance_id": await desk.installed(), "integration": "example", "auth_method": "main", "client_id": "x"}
    assert (await desk.ask("POST", "/v1/oauth-clients", both)).status == 422
    assert (await desk.ask("POST", "/v1/oauth-clients", {"auth_method": "main", "client_id": "x"})).status == 422
    unknown = {"instance_id": "nonsense", "auth_method": "main", "client_id": "x"}
    assert (await desk.ask("POST", "/v1/oauth-clients", unknown)).status == 404


async def test_an_instances_own_client_comes_before_the_integrations(desk):
    instance = await desk.installed()
    shared = {"integration": "example", "auth_method": "main", "client_id": "shared", "client_secret": "s"}
    assert (await desk.ask("POST", "/v1/oauth-clients", shared)).status == 201
    query, _ = await desk.departed(await desk.connection(instance))
    assert query["client_id"] == "shared"
    await desk.client(instance)
    query, _ = await desk.departed(await desk.connection(instance))
    assert query["client_id"] == CLIENT


async def test_another_tenants_client_of_the_same_name_is_not_used(desk):
    other, _ = await desk.organization()
    await desk.admin.execute(
        "insert into hub.oauth_clients (org_id, integration_slug, auth_method, client_id)"
        " values ($1, 'example', 'main', 'theirs')", other,
    )  # fmt: skip
    made = await desk.connection(await desk.installed())
    answer = await desk.ask("POST", f"/v1/connections/{made['id']}/authorize", {})
    assert answer.json()["code"] == "oauth_client_missing"


async def test_what_ends_is_on_the_calendar(desk):
    now = datetime.now(UTC)
    instance = await desk.installed(
        desk.method(lifetimes={"refresh_idle_seconds": 20 * 86_400, "refresh_seconds": 40 * 86_400})
    )
    made = await desk.client(instance, secret_expires_at=(now + timedelta(days=10)).isoformat())
    connection = await desk.authorized(instance)
    found = (await desk.ask("GET", "/v1/connections/expiry?days=60")).json()["data"]
    assert [(each["kind"], each["client_id"] or each["connection_id"]) for each in found] == [
        ("client_secret", made["id"]), ("idle", connection["id"]), ("grant", connection["id"]),
    ]  # fmt: skip
    assert (await desk.ask("GET", "/v1/connections/expiry?days=5")).json()["data"] == []
