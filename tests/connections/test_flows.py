"""The way to the consent page and back, and everybody who tries to go it in somebody else's place."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.connections.authority import CLIENT, SECRET
from tests.connections.conftest import uuid_of
from worksphere_hub.connections import flow_rules

BASE = "https://hub.example.com"


async def begun(desk, **method):
    """A connection, the authorize URL's query and the browser's cookies."""
    instance = await desk.installed(desk.method(**method))
    await desk.client(instance)
    connection = await desk.connection(instance)
    return connection, *(await desk.departed(connection))


def back(query, code="", **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{query['redirect_uri']}?state={query['state']}&code={code}{extra}"


async def test_an_owner_agrees_and_the_account_is_connected(desk):
    connection, query, cookies = await begun(desk)
    assert connection["status"] == "pending"
    assert query["redirect_uri"] == f"{BASE}/v1/oauth/callback/example.{desk.org.hex}"
    assert query["scope"] == "read write"
    assert next(iter(cookies)).startswith("__Host-hub-oauth-")
    answer = await desk.browse(back(query, desk.authority.authorize(query)), cookies)
    assert (answer.status, "connected" in answer.body.decode()) == (200, True)
    assert answer.headers["cache-control"] == "no-store"
    shown = await desk.shown(connection)
    assert (shown["status"], shown["granted_scopes"], shown["missing_scopes"]) == ("connected", ["read", "write"], [])
    assert [event["type"] for event in await desk.events()] == ["hub.connection.connected"]
    row = await desk.stored(connection)
    assert row is not None
    assert row["renewal"] == "refresh"
    assert b"at-" not in row["sealed"]


async def test_cookies_are_bound_to_this_host_over_https(desk):
    connection, _, _ = await begun(desk)
    link = (await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})).json()["url"]
    left = await desk.browse(link)
    cookie = left.headers["set-cookie"].lower()
    for part in ("__host-", "secure", "httponly", "samesite=lax", "path=/", "max-age=600"):
        assert part in cookie
    assert "domain" not in cookie
    assert left.headers["referrer-policy"] == "no-referrer"


async def test_a_code_is_taken_once(desk):
    connection, query, cookies = await begun(desk)
    url = back(query, desk.authority.authorize(query))
    assert (await desk.browse(url, cookies)).status == 200
    replayed = await desk.browse(url, cookies)
    assert (replayed.status, replayed.json()["code"]) == (400, "oauth_flow_refused")
    assert desk.authority.count("authorization_code") == 1
    assert (await desk.shown(connection))["status"] == "connected"


@pytest.mark.parametrize(
    "trick", ["no cookie", "other cookie", "changed state", "no state", "short state", "other browser"]
)
async def test_nobody_finishes_what_another_browser_began(desk, trick):
    connection, query, cookies = await begun(desk)
    code = desk.authority.authorize(query)
    name, value = next(iter(cookies.items()))
    if trick == "no cookie":
        cookies = {}
    elif trick == "other cookie":
        cookies = {name: value[::-1]}
    elif trick == "changed state":
        query = {**query, "state": query["state"][::-1]}
    elif trick == "no state":
        query = {**query, "state": ""}
    elif trick == "short state":
        query = {**query, "state": query["state"][:-1]}
    else:
        _, cookies = await desk.departed(connection)
    answer = await desk.browse(back(query, code), cookies)
    assert (answer.status, answer.json()["code"]) == (400, "oauth_flow_refused")
    assert desk.authority.calls == []
    assert (await desk.shown(connection))["status"] == "pending"


async def test_two_flows_in_one_browser_do_not_disturb_each_other(desk):
    connection, first, one = await begun(desk)
    second, other = await desk.departed(connection)
    jar = one | other
    assert (await desk.browse(back(second, desk.authority.authorize(second)), jar)).status == 200
    assert (await desk.browse(back(first, desk.authority.authorize(first)), jar)).status == 200


async def test_too_late_is_not_at_all(desk):
    _, query, cookies = await begun(desk)
    await desk.admin.execute("update hub.oauth_flows set expires_at = now() - interval '1 second'")
    answer = await desk.browse(back(query, desk.authority.authorize(query)), cookies)
    assert answer.status == 400


async def test_an_answer_comes_back_to_the_address_it_was_meant_for(desk):
    _, query, cookies = await begun(desk)
    url = back(query, desk.authority.authorize(query)).replace("/example.", "/other.")
    assert (await desk.browse(url, cookies)).status == 400
    assert desk.authority.calls == []


@pytest.mark.parametrize("said", [None, "https://evil.example", "https://login.example/"])
async def test_a_missing_or_wrong_issuer_is_refused(desk, said):
    _, query, cookies = await begun(desk, issuer="https://login.example", sends_issuer=True)
    more = {} if said is None else {"iss": said}
    answer = await desk.browse(back(query, desk.authority.authorize(query), **more), cookies)
    assert (answer.status, answer.json()["code"]) == (400, "oauth_wrong_issuer")
    assert desk.authority.calls == []


async def test_the_right_issuer_is_taken(desk):
    _, query, cookies = await begun(desk, issuer="https://login.example", sends_issuer=True)
    answer = await desk.browse(back(query, desk.authority.authorize(query), iss="https://login.example"), cookies)
    assert answer.status == 200


async def test_without_the_verifier_a_code_is_worth_nothing(desk):
    _, query, cookies = await begun(desk)
    stolen = desk.authority.authorize({**query, "code_challenge": "x" * 43})
    answer = await desk.browse(back(query, stolen), cookies)
    assert answer.status == 400
    assert "invalid_grant" in answer.body.decode()


async def test_an_owner_who_refuses_changes_nothing(desk):
    connection = await desk.authorized()
    query, cookies = await desk.departed(connection)
    answer = await desk.browse(f"{query['redirect_uri']}?state={query['state']}&error=access_denied", cookies)
    assert answer.status == 400
    assert "access_denied" in answer.body.decode()
    assert (await desk.shown(connection))["status"] == "connected"


async def test_scopes_that_were_not_granted_are_a_stated_problem(desk):
    desk.authority.scope = "write"
    connection, query, cookies = await begun(desk)
    answer = await desk.browse(back(query, desk.authority.authorize(query)), cookies)
    assert answer.status == 400
    shown = await desk.shown(connection)
    assert (shown["status"], shown["status_code"]) == ("needs_reauthorization", "missing_scopes")
    assert shown["missing_scopes"] == ["read"]
    assert "read" in shown["status_reason"]


async def test_browsers_are_sent_back_to_listed_addresses_only(desk):
    connection = await desk.connection(await desk.installed())
    allowed = "https://app.example.com/done?from=hub"
    answer = await desk.ask("PUT", "/v1/oauth-return-urls", {"urls": [allowed, "https://b.example/"]})
    assert answer.json() == {"urls": [allowed, "https://b.example/"]}
    path = f"/v1/connections/{connection['id']}/authorize"
    tricks = [
        "https://evil.example/", "https://app.example.com/done", allowed + "&x=1", allowed.upper(), allowed + "#x",
        "https://app.example.com.evil.example/done?from=hub", "//app.example.com/done?from=hub",
        "https://app.example.com@evil.example/", "javascript:alert(1)", "https://app.example.com/done?from=hub\r\nX: y",
        "/done", "", "https://app.example.com/../done?from=hub", "http://app.example.com/done?from=hub",
    ]  # fmt: skip
    for url in tricks:
        refused = await desk.ask("POST", path, {"return_url": url})
        assert refused.status in {422, 409}, url
        assert "location" not in refused.headers


async def test_the_browser_goes_on_with_what_became_of_it(desk):
    await desk.ask("PUT", "/v1/oauth-return-urls", {"urls": ["https://app.example.com/done?from=hub#here"]})
    instance = await desk.installed()
    await desk.client(instance)
    connection = await desk.connection(instance)
    query, cookies = await desk.departed(connection, return_url="https://app.example.com/done?from=hub#here")
    answer = await desk.browse(back(query, desk.authority.authorize(query)), cookies)
    assert answer.status == 303
    where = urlsplit(answer.headers["location"])
    assert (where.netloc, where.fragment) == ("app.example.com", "here")
    assert dict(parse_qsl(where.query)) == {"from": "hub", "connection_id": connection["id"], "status": "connected"}


async def test_a_link_can_be_opened_until_it_has_done_its_work(desk):
    instance = await desk.installed()
    await desk.client(instance)
    connection = await desk.connection(instance)
    link = (await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})).json()["url"]
    assert (await desk.browse(link)).status == 303  # a scanner
    left = await desk.browse(link)
    query = dict(parse_qsl(urlsplit(left.headers["location"]).query))
    name, _, rest = left.headers["set-cookie"].partition("=")
    done = await desk.browse(back(query, desk.authority.authorize(query)), {name: rest.partition(";")[0]})
    assert done.status == 200
    for spent in (link, link[:-1], f"{BASE}/v1/oauth/start/nonsense"):
        answer = await desk.browse(spent)
        assert (answer.status, answer.json()["code"]) == (404, "no_such_authorization_link")


async def test_a_link_ends(desk):
    instance = await desk.installed()
    await desk.client(instance)
    connection = await desk.connection(instance)
    answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {"expires_in": 60})
    await desk.admin.execute("update hub.oauth_links set expires_at = now() - interval '1 second'")
    assert (await desk.browse(answer.json()["url"])).status == 404


async def test_plain_http_is_for_loopback(desk):
    connection = await desk.connection(await desk.installed())
    path = f"/v1/connections/{connection['id']}/authorize"
    answer = await desk.ask("POST", path, {}, public_url="http://hub.example.com")
    assert (answer.status, answer.json()["code"]) == (400, "insecure_origin")
    assert flow_rules.require_safe("http://127.0.0.1:8080") is False
    assert flow_rules.require_safe("http://localhost:8080") is False
    assert flow_rules.require_safe("https://hub.example.com") is True


async def test_an_integration_of_the_operators_is_authorized_through_a_client_that_no_tenant_reads(desk):
    operator, operators_key = await desk.organization(operator=True)
    integration = await desk.integration(desk.manifest(), operator, visibility="public")
    instance = await desk.instance(integration, operator)
    wanted = {"integration": "example", "auth_method": "main", "client_id": CLIENT, "client_secret": SECRET}
    assert (await desk.ask("POST", "/v1/oauth-clients", wanted, operators_key)).status == 201
    connection = await desk.authorized(instance)
    assert connection["status"] == "connected"
    assert (await desk.ask("GET", "/v1/oauth-clients")).json()["data"] == []
    flow = await desk.departed(connection)
    assert flow[0]["redirect_uri"] == f"{BASE}/v1/oauth/callback/example"
    await desk.run_out(connection)
    ready = await desk.room().broker.ready(desk.org, uuid_of(connection))
    assert ready.version == 2


async def test_a_tenants_setting_does_not_lead_the_operators_secret_away(desk):
    operator, operators_key = await desk.organization(operator=True)
    manifest = desk.manifest(
        desk.method(token_url="${settings.base}/token"),
        settings={"type": "object", "required": ["base"], "properties": {"base": {"type": "string"}}},
        hosts=[f"127.0.0.1:{desk.authority.port}", "${settings.base}"],
    )
    integration = await desk.integration(manifest, operator, visibility="public")
    theirs = {"base": desk.authority.base.replace("127.0.0.1", "localhost")}
    instance = await desk.instance(integration, operator, settings=theirs)
    wanted = {"integration": "example", "auth_method": "main", "client_id": CLIENT, "client_secret": SECRET}
    assert (await desk.ask("POST", "/v1/oauth-clients", wanted, operators_key)).status == 201
    connection = await desk.connection(instance)
    query, cookies = await desk.departed(connection)
    answer = await desk.browse(back(query, desk.authority.authorize(query)), cookies)
    assert (answer.status, answer.json()["code"]) == (422, "host_not_allowed")
    assert desk.authority.calls == []


async def test_a_code_is_typed_in_on_another_device(desk):
    way = desk.method(grant="device_code", device_url=f"{desk.authority.base}/device")
    instance = await desk.installed(way)
    await desk.client(instance)
    connection = await desk.connection(instance)
    answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})
    assert (answer.json()["kind"], answer.json()["user_code"]) == ("device", "ABCD-EFGH")
    code = next(iter(desk.authority.devices))
    assert code not in answer.body.decode()
    upkeep = desk.upkeep()

    async def polled() -> int:
        await desk.admin.execute("update hub.device_flows set due_at = now()")
        return await upkeep.ask_devices()

    assert await polled() == 1
    assert (await desk.shown(connection))["status"] == "pending"
    desk.authority.devices[code] = "agreed"
    assert await polled() == 1
    assert (await desk.shown(connection))["status"] == "connected"
    assert await polled() == 0


async def test_a_code_that_is_refused_is_not_asked_about_again(desk):
    way = desk.method(grant="device_code", device_url=f"{desk.authority.base}/device")
    instance = await desk.installed(way)
    await desk.client(instance)
    connection = await desk.connection(instance)
    await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})
    desk.authority.answers = [(400, {"error": "slow_down"}), (400, {"error": "access_denied"})]
    await desk.admin.execute("update hub.device_flows set due_at = now()")
    await desk.upkeep().ask_devices()
    assert await desk.admin.fetchval("select interval_seconds from hub.device_flows where org_id = $1", desk.org) == 6
    await desk.admin.execute("update hub.device_flows set due_at = now()")
    await desk.upkeep().ask_devices()
    assert await desk.admin.fetchval("select count(*) from hub.device_flows where org_id = $1", desk.org) == 0
