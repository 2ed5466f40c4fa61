"""Stand-ins: what goes to them, what of the rest stays guarded, and where browsers are sent."""

import asyncio

import pytest

from worksphere_hub.security.egress import EgressClient, EgressFailed, EgressPolicy
from worksphere_hub.security.reroutes import InvalidReroute, Reroutes

LINES = ["api.example.com=http://127.0.0.1:4100/example/", "*.example.org=http://127.0.0.1:4100/org"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://api.example.com/v1/x?y=1", "http://127.0.0.1:4100/example/v1/x?y=1"),
        ("https://API.example.com", "http://127.0.0.1:4100/example"),
        ("https://api.example.com?x=1", "http://127.0.0.1:4100/example?x=1"),
        ("https://a.b.example.org/c", "http://127.0.0.1:4100/org/c"),
        ("https://example.org/c", None),
        ("https://www.example.com/", None),
        ("https://api.example.com.evil.test/", None),
        ("https://evilexample.org/", None),
        ("nonsense", None),
    ],
)
def test_where_a_request_goes_instead(url, found):
    rerouted = Reroutes(LINES).find(url)
    assert (rerouted.url if rerouted else None) == found


def test_a_stand_in_is_told_whom_it_stands_in_for():
    rerouted = Reroutes(LINES).find("https://a.example.org:8443/x")
    assert rerouted.headers == {"x-forwarded-host": "a.example.org:8443", "x-forwarded-proto": "https"}


@pytest.mark.parametrize("line", ["", "example.com", "=http://127.0.0.1", "a.com=ftp://x", "a/b=http://x", "a.com="])
def test_what_is_no_reroute_is_named(line):
    with pytest.raises(InvalidReroute):
        Reroutes([line])


@pytest.fixture
async def stand_in():
    seen = []

    async def serve(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


async def test_only_what_is_for_the_provider_gets_to_the_stand_in(stand_in):
    port, seen = stand_in
    reroutes = Reroutes([f"api.example.com=http://127.0.0.1:{port}/example"])
    async with EgressClient(EgressPolicy(), reroutes=reroutes) as egress:
        reply = await egress.send("GET", "https://api.example.com/x", headers={"x-own": "1"}, body=None)
        assert (reply.status, reply.body) == (200, b"ok")
        async with egress.stream(
            "GET", "https://api.example.com/y", headers={}, body=None, total_timeout=5.0
        ) as stream:
            assert stream.status == 200
        await egress.check("https://api.example.com/x")
        # The stand-in's own address is as closed as it was.
        for url in (f"http://127.0.0.1:{port}/example/x", f"https://127.0.0.1:{port}/"):
            with pytest.raises(EgressFailed) as refused:
                await egress.send("GET", url, headers={}, body=None)
            assert refused.value.cause in {"address_refused", "url_refused"}
        assert egress.browser_url("https://api.example.com/sign-in?a=1").endswith("/example/sign-in?a=1")
        assert egress.browser_url("https://www.example.com/") == "https://www.example.com/"
    first, second = seen
    assert first.startswith(b"GET /example/x HTTP/1.1")
    assert b"x-forwarded-host: api.example.com\r\n" in first.lower()
    assert b"x-forwarded-proto: https\r\n" in first.lower()
    assert b"x-own: 1\r\n" in first.lower()
    assert second.startswith(b"GET /example/y HTTP/1.1")
