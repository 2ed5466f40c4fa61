"""Requests at the door: what is stored, what is refused, and what is told about it."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace

import pytest

SECRET = "It's a Secret to Everybody"
HELLO = b"Hello, World!"
SIGNED = {
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    "x-github-delivery": "d-1",
}


def signed(body: bytes, delivery: str) -> dict[str, str]:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": signature, "x-github-delivery": delivery, "content-type": "application/json"}


@pytest.fixture
async def source(reception):
    return await reception.source("github", secret=SECRET)


async def test_a_verified_request_is_stored_and_a_repetition_is_not(reception, source):
    first = await reception.send(source, HELLO, SIGNED)
    assert (first.status, first.body) == (200, b"")
    again = await reception.send(source, HELLO, SIGNED)
    assert (again.status, again.headers["hub-duplicate"]) == (200, "true")
    assert again.headers["hub-message"] == first.headers["hub-message"]
    (message,) = await reception.messages()
    assert (message["body"], message["state"], message["provider_event_id"]) == (HELLO, "received", "d-1")
    assert reception.stored == 1
    assert await reception.admin.fetchval("select repeats from hub.inbound_seen") == 1


async def test_many_at_once_under_one_id_are_one(reception, source):
    answers = await asyncio.gather(*(reception.send(source, HELLO, SIGNED) for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert sum("hub-duplicate" in answer.headers for answer in answers) == 7
    assert len(await reception.messages()) == 1


async def test_an_id_is_remembered_across_weeks_and_forgotten_in_the_end(reception, source):
    await reception.send(source, HELLO, SIGNED)
    await reception.admin.execute("delete from hub.inbound_messages")  # as if its week had been dropped
    assert "hub-duplicate" in (await reception.send(source, HELLO, SIGNED)).headers
    await reception.admin.execute("update hub.inbound_seen set expires_at = now() - interval '1 second'")
    assert "hub-duplicate" not in (await reception.send(source, HELLO, SIGNED)).headers
    await reception.admin.execute("update hub.inbound_seen set expires_at = now() - interval '1 second'")
    assert await reception.processor().sweep() == 1


async def test_the_same_id_at_another_source_is_another_message(reception, source):
    other = await reception.source("github", secret=SECRET)
    for each in (source, other):
        assert "hub-duplicate" not in (await reception.send(each, HELLO, SIGNED)).headers


async def test_what_does_not_verify_is_refused_alike_and_counted_by_reason(reception, source):
    wrong = {**SIGNED, "x-hub-signature-256": "sha256=" + "0" * 64}
    refused = [
        await reception.send(source, HELLO, wrong),
        await reception.send(source, HELLO[:-1], SIGNED),
        await reception.send(source, HELLO, {}),
        await reception.send(source, b"", SIGNED),
    ]
    bodies = []
    for answer in refused:
        assert answer.status == 401
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        bodies.append({name: value for name, value in problem.items() if name != "request_id"})
    assert bodies[0]["code"] == "inbound_not_verified"
    assert all(body == bodies[0] for body in bodies)
    assert await reception.messages() == []
    assert await reception.refused() == {"signature_wrong": 3, "signature_missing": 1}


async def test_unknown_and_malformed_addresses_answer_alike(reception, source):
    token = source["address"].rpartition("/")[2]
    answers = []
    for other in (token[:-1] + ("0" if token[-1] != "0" else "1"), "hub_in_x", "x", token + "x", token[:-1]):
        answer = await reception.send({"address": f"/in/{other}"}, HELLO, SIGNED)
        problem = answer.json()
        assert (answer.status, problem.pop("code")) == (404, "no_such_inbound_address")
        problem.pop("request_id")
        assert other not in json.dumps(problem)
        answers.append(problem)
    assert all(answer == answers[0] for answer in answers)


async def test_a_disabled_source_takes_nothing_until_it_is_enabled(reception, source):
    path = f"/v1/inbound-sources/{source['id']}"
    assert (await reception.ask("PATCH", path, {"status": "disabled"})).json()["status"] == "disabled"
    answer = await reception.send(source, HELLO, SIGNED)
    assert (answer.status, answer.json()["code"]) == (403, "inbound_source_disabled")
    await reception.ask("PATCH", path, {"status": "enabled"})
    assert (await reception.send(source, HELLO, SIGNED)).status == 200
    assert await reception.refused() == {"disabled": 1}


async def test_a_suspended_organization_has_no_addresses(reception, source):
    await reception.admin.execute("update hub.organizations set suspended_at = now()")
    assert (await reception.send(source, HELLO, SIGNED)).status == 404


async def test_a_body_over_the_sources_limit_is_refused_announced_or_not(reception):
    source = await reception.source("github", secret=SECRET, size_limit=10)
    for body, headers in (
        (HELLO, SIGNED | {"content-length": str(len(HELLO))}),
        ([HELLO[:8], HELLO[8:]], SIGNED),
    ):
        answer = await reception.send(source, body, headers)
        assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
    assert await reception.messages() == []
    assert await reception.refused() == {"too_large": 2}


async def test_an_endless_query_is_refused(reception, source):
    answer = await reception.send(source, HELLO, SIGNED, query="?x=" + "a" * 20_000)
    assert (answer.status, answer.json()["code"]) == (431, "headers_too_large")
    assert await reception.refused() == {"too_large": 1}


async def test_a_flood_is_held_at_the_sources_rate(reception):
    source = await reception.source("github", secret=SECRET, rate_limit=2)
    answers = [await reception.send(source, HELLO, SIGNED) for _ in range(12)]
    statuses = [answer.status for answer in answers]
    assert statuses[:4] == [200] * 4
    assert 429 in statuses
    assert int(answers[statuses.index(429)].headers["retry-after"]) >= 1
    assert (await reception.refused())["rate_limited"] == statuses.count(429)


async def test_credentials_are_not_stored_with_the_headers(reception):
    scheme = {"scheme": "api_key", "parameter": "k"}
    source = await reception.source(scheme, secret="a key of many letters")
    headers = {"authorization": "Bearer abcdefgh12345678", "cookie": "a=b", "x-github-event": "push"}
    query = "?a=1&k=a+key+of+many+letters&b=2"
    assert (await reception.send(source, b"{}", headers, query=query)).status == 200
    (message,) = await reception.messages()
    assert message["query"] == "a=1&k=[redacted]&b=2"
    stored = dict(json.loads(message["headers"]))
    assert stored == {"authorization": "[redacted]", "cookie": "[redacted]", "x-github-event": "push"}


async def test_bytes_that_are_no_text_are_kept_as_they_came(reception, source):
    body = bytes(range(256))
    assert (await reception.send(source, body, signed(body, "bytes"))).status == 200
    (message,) = await reception.messages()
    assert message["body"] == body


async def test_a_signed_challenge_is_answered_and_kept_without_an_event(reception):
    source = await reception.source("slack", secret="8f742231b10e8888abcd99yyyzzz85a5")
    body = b'{"type":"url_verification","challenge":"abc","token":"t"}'
    stamp = str(int(await reception.admin.fetchval("select extract(epoch from now())")))
    digest = hmac.new(b"8f742231b10e8888abcd99yyyzzz85a5", b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256)
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest.hexdigest()}"}
    answer = await reception.send(source, body, headers)
    assert (answer.status, answer.body) == (200, b"abc")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    (message,) = await reception.messages()
    assert (message["verdict"], message["state"]) == ("handshake", "ignored")
    assert await reception.process() == 0
    assert reception.stored == 0


async def test_a_challenge_that_anybody_may_send_leaves_no_trace(reception):
    scheme = {"scheme": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256=", "echo_parameter": "hub.challenge"}
    source = await reception.source(scheme)
    answer = await reception.send(source, method="GET", query="?hub.mode=subscribe&hub.challenge=%3Cb%3E1")
    assert (answer.status, answer.body) == (200, b"<b>1")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith("text/plain")
    assert await reception.messages() == []


async def test_a_certificate_counts_only_through_a_trusted_proxy(reception):
    source = await reception.source({"scheme": "mtls", "header": "X-Client-Fp", "identities": ["ab:cd"]})
    assert source["secret"] is None
    headers = {"x-client-fp": "ab:cd"}
    assert (await reception.send(source, b"{}", headers)).status == 401
    assert (await reception.send(source, b"{}", headers, peer="10.0.0.9")).status == 401
    assert (await reception.send(source, b"{}", headers, peer="127.0.0.1")).status == 200
    assert await reception.refused() == {"untrusted_peer": 2}


async def test_a_provider_is_told_to_come_again_when_storing_takes_too_long(reception, source):
    reception.settings = replace(reception.settings, answer_within=0.2)
    async with reception.admin.transaction():
        await reception.admin.execute("lock table hub.inbound_seen in access exclusive mode")
        answer = await reception.send(source, HELLO, SIGNED)
    assert (answer.status, answer.json()["code"]) == (503, "inbound_not_stored_in_time")
    assert answer.headers["retry-after"] == "5"
    assert (await reception.send(source, HELLO, SIGNED)).status == 200
    assert len(await reception.messages()) == 1
