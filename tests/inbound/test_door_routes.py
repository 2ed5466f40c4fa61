"""The door behind a real server on a socket."""

import asyncio
import base64
import hashlib
import hmac
import json

import pytest

from tests.inbound.conftest import BASE, exchange

SECRET = "a secret of many characters"


def request(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: hub.example.com", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


def signed(body: bytes, delivery: str = "d-1") -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": delivery}


def path_of(source) -> str:
    return source["address"].removeprefix(BASE)


@pytest.fixture
async def source(reception):
    return await reception.source("github", secret=SECRET, size_limit=2000)


async def test_over_a_socket(reception, source):
    body = b'{"zen":"Keep it logically awesome."}\xff'
    async with reception.serving() as port:
        status, headers, content = await exchange(port, request(path_of(source), body, signed(body)))
        assert (status, content) == (200, b"")
        assert headers["hub-message"].startswith("inm_")
        status, _, content = await exchange(port, request(path_of(source), body[:-1], signed(body)))
        assert (status, json.loads(content)["code"]) == (401, "inbound_not_verified")
        status, _, _ = await exchange(port, request("/in/hub_in_none", body, signed(body)))
        assert status == 404
        status, headers, _ = await exchange(port, request(path_of(source), body, signed(body), "PUT"))
        assert (status, headers["allow"]) == (405, "get, head, options, post")
    (message,) = await reception.messages()
    assert message["body"] == body


async def test_too_large_a_body_is_refused_announced_or_in_chunks(reception, source):
    body = b"x" * 3000
    chunked = request(path_of(source), b"", signed(body)).replace(b"content-length: 0", b"transfer-encoding: chunked")
    async with reception.serving() as port:
        for sent in (request(path_of(source), body, signed(body)), chunked + b"bb8\r\n" + body + b"\r\n0\r\n\r\n"):
            status, _, content = await exchange(port, sent)
            assert (status, json.loads(content)["code"]) == (413, "body_too_large")
    assert await reception.messages() == []


async def test_a_body_that_breaks_off_is_not_stored(reception, source):
    body = b'{"a":1}'
    async with reception.serving() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(path_of(source), body, signed(body))[:-3])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        status, _, _ = await exchange(port, request(path_of(source), body, signed(body, "d-2")))
        assert status == 200
    assert [message["provider_event_id"] for message in await reception.messages()] == ["d-2"]


async def test_the_certificates_header_counts_by_the_real_peer(reception):
    source = await reception.source({"scheme": "mtls", "header": "X-Fp", "identities": ["ab:cd"]})
    sent = request(path_of(source), b"{}", {"x-fp": "ab:cd", "x-forwarded-for": "203.0.113.7"})
    async with reception.serving(trusted=("127.0.0.1",)) as port:
        assert (await exchange(port, sent))[0] == 200
    async with reception.serving(trusted=("10.0.0.0/8",)) as port:
        assert (await exchange(port, sent))[0] == 401


async def test_twilio_signs_the_address_itself(reception):
    source = await reception.source("twilio", secret=SECRET)
    body = b"MessageSid=SM1&Body=Hello"
    content = source["address"] + "?a=1" + "BodyHello" + "MessageSidSM1"
    signature = base64.b64encode(hmac.new(SECRET.encode(), content.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    async with reception.serving() as port:
        assert (await exchange(port, request(path_of(source) + "?a=1", body, headers)))[0] == 200
        assert (await exchange(port, request(path_of(source) + "?a=2", body, headers)))[0] == 401


async def test_head_and_options_are_answered(reception, source):
    async with reception.serving() as port:
        status, _, content = await exchange(port, request(path_of(source), b"", {}, "HEAD"))
        assert (status, content) == (401, b"")
        status, _, _ = await exchange(port, request(path_of(source), b"", {}, "OPTIONS"))
        assert status == 204
