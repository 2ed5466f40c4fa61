"""Calls through connections, over real sockets on both sides."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.connections.conftest import Desk, uuid_of
from tests.http.driving import Answer, build, call, serving
from worksphere_hub.connections.proxy_routes import ProxyDoor, proxy_routes

KEY_WAY = {"type": "api_key", "label": "Key", "place": [{"name": "X-Api-Key", "value": "${credential.key}"}]}
FIELDS = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}, "required": ["key"]}


class Line:
    """One API process with its proxy."""

    def __init__(self, desk: Desk, **changes) -> None:
        settings = replace(desk.settings, **changes)
        self.desk = desk
        self.state = desk.state()
        room = desk.room(**changes)
        self.log = room.calls
        self.door = ProxyDoor(self.state["authenticator"], room.proxy, room.calls, settings)
        self.app = build((), proxy_routes(self.door))

    async def __call__(self, connection, method="GET", path="things", body=b"", **headers) -> Answer:
        given = {"authorization": f"Bearer {headers.pop('key', self.desk.key)}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        where = f"/v1/connections/{connection['id']}/proxy/{path}"
        return await call(self.app, method, where, body=body, headers=given, state=self.state)

    async def calls(self):
        return await self.desk.calls()


@pytest.fixture
def line(desk) -> Line:
    return Line(desk)


async def keyed(desk: Desk, **api):
    """A connection by an API key, and what its manifest says of the API."""
    desk.authority.keys = {"k1"}
    whole = {"base_url": f"{desk.authority.base}/v1", **api}
    instance = await desk.installed({**KEY_WAY, "fields": FIELDS}, api=whole)
    return await desk.connection(instance, credential={"key": "k1"})


async def test_a_call_goes_through_with_the_credential_and_nothing_of_the_callers(desk, line):
    connection = await desk.authorized()
    answer = await line(
        connection, "POST", "things/a%2Fb?q=1&q=2", b'{"x":1}', content_type="application/json", cookie="c=1",
        x_forwarded_for="1.2.3.4", hub_slot="main", x_custom="yes",
    )  # fmt: skip
    assert answer.status == 200, answer.body
    assert answer.json() == {"id": 7, "name": "Acme", "path": "/v1/things/a%2Fb", "query": "q=1&q=2", "body": '{"x":1}'}
    (seen,) = desk.authority.api
    assert seen["headers"]["authorization"].removeprefix("Bearer ") in desk.authority.access_tokens
    assert desk.key not in str(seen)
    assert (seen["headers"]["x-custom"], seen["headers"]["content-type"]) == ("yes", "application/json")
    assert not {"cookie", "x-forwarded-for", "hub-slot", "x-request-id"} & set(seen["headers"])
    assert answer.headers["hub-attempts"] == "1"
    (row,) = await line.calls()
    assert (row["method"], row["path"], row["status"], row["outcome"]) == ("POST", "/v1/things/a%2Fb", 200, "ok")
    assert (row["request_bytes"], row["response_bytes"]) == (7, len(answer.body))
    usage = await desk.admin.fetch("select * from hub.integration_usage_analytics where org_id = $1", desk.org)
    assert [(each["metric"], each["outcome"]) for each in usage] == [("api.calls", "ok")]
    assert usage[0]["connection_id"] == uuid_of(connection)
    shown = (await desk.ask("GET", f"/v1/connections/{connection['id']}/requests")).json()["data"]
    assert [each["path"] for each in shown] == ["/v1/things/a%2Fb"]
    assert (await desk.shown(connection))["last_used_at"] is not None


async def test_what_comes_back_is_the_providers_but_for_what_browsers_obey(desk, line):
    connection = await keyed(desk)
    evil = {"set-cookie": "a=b", "access-control-allow-origin": "*", "x-thing": "1", "content-type": "text/html",
            "cache-control": "public", "content-security-policy": "default-src *"}  # fmt: skip
    desk.authority.api_answers = [(418, evil, b"<script>alert(1)</script>")]
    answer = await line(connection)
    assert (answer.status, answer.body) == (418, b"<script>alert(1)</script>")
    assert answer.headers["x-thing"] == "1"
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["../admin", "%2e%2e/admin", "a/..%2f..%2fb", "%252e%252e/x", "a/./b", "\\\\evil.com/x", "a%5c..%5cb"]
)
async def test_no_path_leads_anywhere_else(desk, line, path):
    connection = await keyed(desk)
    answer = await line(connection, path=path)
    assert (answer.status, desk.authority.api) == (422, []), answer.body


@pytest.mark.parametrize("path", ["//evil.example/x", "https://evil.example/x", "@evil.example/x", "x@evil.example:1/"])
async def test_an_address_in_the_path_is_a_path(desk, line, path):
    connection = await keyed(desk)
    assert (await line(connection, path=path)).status == 200
    assert desk.authority.api[0]["path"] == "/v1/" + path.lstrip("/")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_the_callers_to_follow_and_no_credential_goes_along(desk, line, status):
    connection = await keyed(desk)
    desk.authority.api_answers = [(status, {"location": f"{desk.authority.base}/elsewhere"}, {})]
    answer = await line(connection)
    assert (answer.status, answer.headers["location"]) == (status, f"{desk.authority.base}/elsewhere")
    assert [each["path"] for each in desk.authority.api] == ["/v1/things"]


async def test_a_foreign_connection_is_no_connection(desk, line):
    connection = await keyed(desk)
    _, foreign = await desk.organization()
    answers = [
        await line(connection, key=foreign),
        await line({"id": "con_" + "0" * 32}, key=foreign),
        await line({"id": "nonsense"}, key=foreign),
    ]
    bodies = [{name: value for name, value in each.json().items() if name != "request_id"} for each in answers]
    assert {each.status for each in answers} == {404}
    assert bodies[0] == bodies[1] == bodies[2]
    assert await line.calls() == []
    assert (await line(connection, key="nonsense")).status == 401


async def test_a_call_takes_a_permission(desk, line):
    connection = await keyed(desk)
    await desk.admin.execute("update hub.api_keys set scopes = array['connections:read'] where org_id = $1", desk.org)
    answer = await line(connection)
    assert (answer.status, answer.json()["code"]) == (403, "forbidden")


async def test_after_a_401_the_credential_is_renewed_and_the_call_made_once_more(desk, line):
    connection = await desk.authorized()
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    desk.authority.expire_access_tokens()
    answer = await line(connection, "POST", body=b"once")
    assert (answer.status, answer.headers["hub-attempts"]) == (200, "2")
    assert desk.authority.count("refresh_token") == 1
    desk.authority.expire_access_tokens()
    desk.authority.answers = [(400, {"error": "invalid_grant"})]
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    answer = await line(connection)
    assert (answer.status, answer.json()["code"]) == (409, "needs_reauthorization")


async def test_many_401s_at_once_renew_once(desk, line):
    connection = await desk.authorized()
    await desk.admin.execute("update hub.connection_credentials set obtained_at = now() - interval '1 hour'")
    desk.authority.expire_access_tokens()
    answers = await asyncio.gather(*(line(connection) for _ in range(20)))
    assert {each.status for each in answers} == {200}
    assert desk.authority.count("refresh_token") == 1


@pytest.mark.parametrize(
    ("method", "refusals", "headers", "tries"),
    [
        ("GET", [503, 502], {}, 3),
        ("PUT", [500], {}, 2),
        ("DELETE", [503], {}, 2),
        ("POST", [503], {}, 1),
        ("PATCH", [500], {}, 1),
        ("POST", [503], {"idempotency_key": "k"}, 2),
        ("POST", [429], {}, 2),
        ("GET", [501], {}, 1),
    ],
)
async def test_what_is_tried_again(desk, line, method, refusals, headers, tries):
    connection = await keyed(desk, idempotency_header="X-Idempotency")
    desk.authority.api_answers = [(status, {"retry-after": "0"}, {}) for status in refusals]
    answer = await line(connection, method, body=b"x" if method != "GET" else b"", **headers)
    assert answer.headers["hub-attempts"] == str(tries)
    assert answer.status == (200 if tries > len(refusals) else refusals[0])
    assert len(desk.authority.api) == tries
    if headers:
        assert {each["headers"]["x-idempotency"] for each in desk.authority.api} == {"k"}


async def test_a_wait_that_is_too_long_is_the_callers(desk, line):
    connection = await keyed(desk)
    desk.authority.api_answers = [(429, {"retry-after": "3600"}, {"error": "slow"})]
    answer = await line(connection)
    assert (answer.status, answer.headers["retry-after"]) == (429, "3600")
    # And holds for everybody who calls through this connection.
    second = await Line(desk)(connection)
    assert (second.status, second.json()["code"]) == (429, "rate_budget_spent")
    assert int(second.headers["retry-after"]) > 3500
    assert len(desk.authority.api) == 1


async def test_a_budget_is_shared_by_all_processes_and_both_connections_of_an_account(desk):
    rates = [{"name": "all", "limit": 5, "per_seconds": 3600}]
    first = await keyed(desk, rates=rates)
    second = await desk.connection(first["instance_id"], credential={"key": "k1"})
    await desk.admin.execute("update hub.api_connections set account_key = 'A'")
    lines = [Line(desk) for _ in range(3)]
    answers = await asyncio.gather(*(lines[n % 3](first if n % 2 else second) for n in range(12)))
    assert sorted(each.status for each in answers) == [200] * 5 + [429] * 7
    assert len(desk.authority.api) == 5
    await desk.admin.execute("update hub.api_connections set account_key = 'B' where id = $1", uuid_of(second))
    assert (await lines[0](second)).status == 200
    for each in lines:
        await each.log.close()


async def test_a_budget_is_corrected_by_what_the_provider_says(desk, line):
    rates = [
        {"name": "all", "limit": 1000, "per_seconds": 60, "remaining_header": "X-Left",
         "reset": {"header": "X-Reset", "format": "seconds"}},
    ]  # fmt: skip
    connection = await keyed(desk, rates=rates)
    desk.authority.api_answers = [(200, {"x-left": "0", "x-reset": "3600"}, {})]
    assert (await line(connection)).status == 200
    answer = await line(connection)
    assert (answer.status, answer.json()["code"]) == (429, "rate_budget_spent")
    assert len(desk.authority.api) == 1


async def test_budgets_are_for_the_calls_they_name(desk, line):
    rates = [{"name": "writes", "limit": 1, "per_seconds": 3600, "match": ["POST /v1/things/*"]}]
    connection = await keyed(desk, rates=rates)
    calls = (
        ("POST", "things/1"),
        ("POST", "things/2"),
        ("GET", "things/1"),
        ("POST", "other/1"),
        ("POST", "things/1/x"),
    )
    statuses = [(await line(connection, method, path)).status for method, path in calls]
    assert statuses == [200, 429, 200, 200, 200]


async def test_a_short_wait_for_the_budget_is_waited(desk, line):
    connection = await keyed(desk, rates=[{"name": "all", "limit": 50, "per_seconds": 1}])
    answers = [await line(connection) for _ in range(60)]
    assert {each.status for each in answers} == {200}


async def test_large_bodies_stream_both_ways(desk):
    connection = await keyed(desk)
    line = Line(desk, buffer_limit=10_000)
    sent = b"0123456789" * 30_000

    @asynccontextmanager
    async def lifespan(_):
        yield line.state

    line.app = build((), proxy_routes(line.door), lifespan=lifespan)
    async with serving(line.app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /v1/connections/{connection['id']}/proxy/up HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        head += f"authorization: Bearer {desk.key}\r\ncontent-length: {len(sent)}\r\n\r\n"
        writer.write(head.encode() + sent)
        answer = await reader.read()
        writer.close()
    assert b" 200 " in answer.split(b"\r\n")[0]
    assert desk.authority.api[0]["body"] == sent
    assert sent in answer
    (row,) = await line.calls()
    assert row["request_bytes"] == len(sent)


async def test_limits_of_both_directions(desk):
    connection = await keyed(desk)
    small = Line(desk, upload_limit=100, download_limit=1_000)
    answer = await small(connection, "POST", body=[b"x" * 60, b"y" * 60])
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
    assert desk.authority.api == []
    desk.authority.api_answers = [(200, {}, b"z" * 5_000)]
    with pytest.raises((ConnectionResetError, AssertionError)):
        await small(connection)
    rows = await small.calls()
    assert [row["error_code"] for row in rows] == ["body_too_large", "answer_too_large"]


async def test_pages_are_pointed_out(desk, line):
    connection = await keyed(desk, pagination={"kind": "cursor", "parameter": "cursor", "cursor": "next"})
    desk.authority.api_answers = [(200, {}, {"items": [1], "next": "c2"}), (200, {}, {"items": []})]
    first = await line(connection, path="things?limit=1", hub_paginate="1")
    assert (first.headers["hub-next"], first.json()["items"]) == ("things?limit=1&cursor=c2", [1])
    last = await line(connection, path=first.headers["hub-next"], hub_paginate="1")
    assert "hub-next" not in last.headers
    assert desk.authority.api[1]["query"] == "limit=1&cursor=c2"


async def test_a_provider_that_cannot_be_reached_is_said_so(desk, line):
    nowhere = {"base_url": "http://127.0.0.1:1/v1", "retry": {"attempts": 2}}
    connection = await desk.connection(
        await desk.installed({**KEY_WAY, "fields": FIELDS}, api=nowhere, hosts=["127.0.0.1:1"]),
        credential={"key": "k1"},
    )
    answer = await line(connection, "POST", body=b"x")
    assert (answer.status, answer.json()["code"]) == (502, "provider_unavailable")
    assert "was not sent" in answer.json()["detail"]
    (row,) = await line.calls()
    assert (row["outcome"], row["error_code"], row["attempts"]) == ("error", "connect", 2)


async def test_what_is_switched_off_or_not_connected_is_not_called(desk, line):
    connection = await keyed(desk)
    await desk.ask("PATCH", f"/v1/connections/{connection['id']}", {"enabled": False})
    assert (await line(connection)).json()["code"] == "connection_disabled"
    pending = await desk.connection(connection["instance_id"])
    assert (await line(pending)).json()["code"] == "not_connected"
    assert desk.authority.api == []
