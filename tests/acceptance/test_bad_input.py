"""Bad input is normal input: each has a stated answer, and nothing of it is stored."""

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest


async def raw(hub, path, body, headers=()):
    """A POST with the very bytes given; answers status and problem."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    head = [
        f"POST {path} HTTP/1.1", "host: hub", f"authorization: Bearer {hub.key}", "content-type: application/json",
        f"content-length: {len(body)}", "connection: close", *headers,
    ]  # fmt: skip
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    answer = await reader.read()
    writer.close()
    top, _, text = answer.partition(b"\r\n\r\n")
    return int(top[9:12]), json.loads(text), top.decode().lower()


def event(**more):
    return json.dumps({"type": "bad.input", "data": {}, **more}).encode()


FUTURE = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

EVENTS = [
    ("malformed JSON", b'{"type": "a", "data": }', 400, "malformed_json", None),
    ("no JSON at all", b"hello", 400, "malformed_json", None),
    ("an empty body", b"", 400, "malformed_json", None),
    ("a list", b"[]", 422, "invalid_event", "body"),
    ("an unknown field", event(kind="x"), 422, "invalid_event", "kind"),
    ("no type", b'{"data": {}}', 422, "invalid_event", "type"),
    ("no data", b'{"type": "a"}', 422, "invalid_event", "data"),
    ("a type that is none", event(type="not a type"), 422, "invalid_event", "type"),
    ("a type of the hub's own", event(type="hub.test"), 422, "invalid_event", "type"),
    ("a type that is no text", event(type=5), 422, "invalid_event", "type"),
    ("an id with a dot", event(id="a.b"), 422, "invalid_event", "id"),
    ("an id of the hub's form", event(id="evt_" + "0" * 32), 422, "invalid_event", "id"),
    ("a future date", event(occurred_at=FUTURE), 422, "invalid_event", "occurred_at"),
    ("a date without a zone", event(occurred_at="2026-01-01T00:00:00"), 422, "invalid_event", "occurred_at"),
    ("a date that is none", event(occurred_at="yesterday"), 422, "invalid_event", "occurred_at"),
    ("2 MiB", event(data="x" * 2 * 1024 * 1024), 413, "body_too_large", None),
    ("100,000 levels", b'{"type":"a","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "json_too_deep", None),
    ("NaN", b'{"type":"a","data":NaN}', 400, "malformed_json", None),
    ("bytes that are not UTF-8", b'{"type":"a","data":"\xff"}', 400, "malformed_json", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [row[1:] for row in EVENTS], ids=[row[0] for row in EVENTS]
)
async def test_each_bad_event_is_refused_with_its_reason(hub, body, status, code, field):
    found, problem, head = await raw(hub, "/v1/events", body)
    assert (found, problem["code"]) == (status, code), problem
    assert "application/problem+json" in head
    assert "x-content-type-options: nosniff" in head
    assert problem["request_id"]
    assert problem["detail"]
    if field:
        assert field in [error["field"] for error in problem["errors"]]


async def test_a_bad_event_in_a_batch_is_named_and_the_others_are_accepted(hub):
    events = [{"type": "ok", "data": 1}, {"type": "not ok", "data": 2}, {"type": "ok", "data": 3}]
    status, answer, _ = await raw(hub, "/v1/events/batch", json.dumps({"events": events}).encode())
    assert status == 207
    assert [sorted(one) for one in answer["data"]] == [["accepted_at", "id"], ["error"], ["accepted_at", "id"]]
    assert answer["data"][1]["error"]["errors"][0]["field"] == "events.1.type"


async def test_a_batch_has_a_limit(hub):
    status, problem, _ = await raw(hub, "/v1/events/batch", b'{"events": []}')
    assert (status, problem["errors"][0]["field"]) == (422, "events")


async def test_a_duplicate_id_answers_the_same_and_another_event_under_it_422(hub):
    name = secrets.token_hex(8)
    first = await raw(hub, "/v1/events", event(id=name))
    again = await raw(hub, "/v1/events", event(id=name))
    other = await raw(hub, "/v1/events", event(id=name, data={"other": True}))
    assert first[:2] == again[:2]
    assert first[0] == 202
    assert "idempotency-replayed: true" in again[2]
    assert (other[0], other[1]["code"]) == (422, "event_id_reused")


async def test_an_idempotency_key_does_the_same(hub):
    headers = [f"idempotency-key: {secrets.token_hex(8)}"]
    first = await raw(hub, "/v1/events", event(), headers)
    again = await raw(hub, "/v1/events", event(), headers)
    other = await raw(hub, "/v1/events", event(data=1), headers)
    assert first[:2] == again[:2]
    assert first[0] == 202
    assert (other[0], other[1]["code"]) == (422, "idempotency_key_reused")
    endpoint = json.dumps({"url": "https://example.com/x"}).encode()
    refused, _, _ = await raw(hub, "/v1/events", endpoint, ["idempotency-key: "])
    assert refused == 422


ENDPOINTS = [
    ("a private address", {"url": "https://10.0.0.1/hook"}, "egress_refused", "url"),
    ("the metadata service", {"url": "https://169.254.169.254/latest/"}, "egress_refused", "url"),
    ("a private address in disguise", {"url": "https://[::ffff:10.0.0.1]/"}, "egress_refused", "url"),
    ("a host that does not resolve", {"url": "https://nothing.invalid/"}, "egress_refused", "url"),
    ("another scheme", {"url": "ftp://127.0.0.1/"}, "egress_refused", "url"),
    ("a name and password", {"url": "https://a:b@127.0.0.1/"}, "egress_refused", "url"),
    ("no URL", {}, "invalid_endpoint", "url"),
    ("a URL that is none", {"url": "not a url"}, "egress_refused", "url"),
    ("an unknown field", {"url": "https://127.0.0.1/", "kind": 1}, "invalid_input", "kind"),
    (
        "a pattern that is none",
        {"url": "http://127.0.0.1/", "event_types": ["a", "b*"]},
        "invalid_endpoint",
        "event_types.1",
    ),
    ("no pattern", {"url": "http://127.0.0.1/", "event_types": []}, "invalid_input", "event_types"),
    (
        "a secret that is too short",
        {"url": "http://127.0.0.1/", "secret": "whsec_YWJj"},
        "webhook_secret_refused",
        None,
    ),
]


@pytest.mark.parametrize(("body", "code", "field"), [row[1:] for row in ENDPOINTS], ids=[row[0] for row in ENDPOINTS])
async def test_each_bad_endpoint_is_refused_with_its_reason(hub, body, code, field):
    status, problem = await hub.request("POST", "/v1/webhook-endpoints", body)
    assert (status, problem["code"]) == (422, code), problem
    if field:
        assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/webhook-endpoints/{}"),
        ("PATCH", "/v1/webhook-endpoints/{}"),
        ("DELETE", "/v1/webhook-endpoints/{}"),
        ("POST", "/v1/webhook-endpoints/{}/enable"),
        ("POST", "/v1/webhook-endpoints/{}/disable"),
        ("POST", "/v1/webhook-endpoints/{}/test"),
        ("GET", "/v1/webhook-endpoints/{}/attempts"),
    ],
)
async def test_a_foreign_endpoint_answers_exactly_like_a_missing_one(hub, method, path):
    theirs = await foreign(hub)
    answers = []
    for endpoint in (theirs["endpoint"], "whe_" + "0" * 32, "whe_nonsense", "evt_" + "0" * 32):
        status, problem = await hub.request(method, path.format(endpoint), {} if method == "PATCH" else None)
        problem.pop("request_id")
        answers.append((status, problem))
    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("path", ["/v1/events/{event}", "/v1/events/{event}/deliveries"])
async def test_a_foreign_event_answers_exactly_like_a_missing_one(hub, path):
    theirs = await foreign(hub)
    answers = [await hub.request("GET", path.format(event=one)) for one in (theirs["event"], "evt_" + "0" * 32)]
    for _, problem in answers:
        problem.pop("request_id")
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize(
    "path", ["/v1/events/%00", "/v1/events/%F0%9F%98%80", "/v1/deliveries/%00", "/v1/webhook-endpoints/%00"]
)
async def test_an_id_that_cannot_be_one_is_missing_and_no_error_of_ours(hub, path):
    status, problem = await hub.request("GET", path)
    assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["type=%00", "type=a%20b", "limit=0", "limit=201", "cursor=%00", "cursor=e30"])
async def test_a_list_refuses_what_it_cannot_mean(hub, query):
    status, problem = await hub.request("GET", f"/v1/events?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, query.partition("=")[0])


_foreign = {}


async def foreign(hub):
    """An endpoint and an event of another organization, made once."""
    if not _foreign:
        await hub.command("organizations", "create", "other", "--name", "Other")
        key = await hub.command("keys", "create", "other", "--name", "test")
        _, endpoint = await hub.request("POST", "/v1/webhook-endpoints", {"url": "http://127.0.0.1:1/"}, key=key)
        _, accepted = await hub.request("POST", "/v1/events", {"type": "other", "data": {}}, key=key)
        _foreign.update(endpoint=endpoint["id"], event=accepted["id"])
    return _foreign


@pytest.mark.parametrize("key", ["", "nonsense", "hub_live_" + "0" * 12 + "_" + "0" * 49, "hub_ses_" + "0" * 43])
async def test_without_a_good_key_nothing_is_done(hub, key):
    for method, path in (("POST", "/v1/events"), ("GET", "/v1/events"), ("GET", "/v1/webhook-endpoints")):
        status, problem = await hub.request(method, path, {} if method == "POST" else None, key=key or "x")
        assert (status, problem["code"]) == (401, "unauthenticated")
