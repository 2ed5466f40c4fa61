"""A connection costs little before there is a request."""

import asyncio

import pytest

from tests.http.driving import build, exchange, problem_of, serving, status_of
from worksphere_hub.http.limits import Limits

HEAD = b"GET /healthz HTTP/1.1\r\nhost: hub\r\n"


async def raw_ok(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def app():
    return build(raw_routes={("GET", "/raw"): raw_ok})


@pytest.mark.parametrize("path", [b"/healthz", b"/raw"])
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"".join(b"x-%d: y\r\n" % number for number in range(101)), id="many headers"),
        pytest.param(b"x-long: " + b"y" * 40_000 + b"\r\n", id="one long header"),
        pytest.param(b"x-" + b"n" * 40_000 + b": y\r\n", id="a long name"),
    ],
)
async def test_a_header_flood_is_answered_431(path, flood):
    async with serving(app()) as port:
        answer = await exchange(port, b"GET " + path + b" HTTP/1.1\r\nhost: hub\r\n" + flood + b"\r\n")
        assert (status_of(answer), problem_of(answer)["code"]) == (431, "headers_too_large")
        assert b"connection: close" in answer
        assert status_of(await exchange(port, HEAD + b"\r\n")) == 200


@pytest.mark.parametrize("piece", [b"x: y\r\n" * 3_000, b"y" * 20_000])
async def test_headers_that_never_end_are_cut_off(piece):
    async with serving(app()) as port:
        answer = await exchange(port, HEAD + b"x-first: ", *[piece] * 200)
        assert status_of(answer) in {431, 0}, "431, unless the reset outran it"
        assert status_of(await exchange(port, HEAD + b"\r\n")) == 200


async def test_a_request_line_that_never_ends_is_cut_off():
    async with serving(app()) as port:
        assert status_of(await exchange(port, b"GET /", *[b"a" * 20_000] * 200)) in {431, 0}


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="silence"),
        pytest.param(b"GET /hea", id="half a request line"),
        pytest.param(HEAD + b"x-slow:", id="half a header"),
        pytest.param(b"\r\n\r\n", id="line breaks only"),
    ],
)
async def test_a_head_that_does_not_arrive_in_time_is_answered_408(start):
    async with serving(app(), Limits(arrival_seconds=0.2)) as port:
        answer = await exchange(port, start)
    assert (status_of(answer), problem_of(answer)["code"]) == (408, "request_too_slow")


async def test_line_breaks_between_requests_do_not_hold_the_connection():
    async with serving(app(), Limits(arrival_seconds=0.2)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"}")
        writer.write(b"\r\n")
        rest = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert status_of(rest) == 408


async def test_a_body_that_does_not_arrive_in_time_ends_the_request():
    ended = asyncio.Event()

    async def waits(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()

    async with serving(build(raw_routes={("POST", "/raw"): waits}), Limits(arrival_seconds=0.2)) as port:
        head = b"POST /raw HTTP/1.1\r\nhost: hub\r\ncontent-length: 10\r\n\r\nhalf"
        assert status_of(await exchange(port, head)) == 0
        await asyncio.wait_for(ended.wait(), 20)


async def test_a_request_that_is_served_for_long_is_left_alone():
    release = asyncio.Event()
    arrived = asyncio.Event()

    async def slow(scope, receive, send):
        arrived.set()
        await release.wait()
        await raw_ok(scope, receive, send)

    async with serving(build(raw_routes={("GET", "/raw"): slow}), Limits(arrival_seconds=0.1)) as port:
        answering = asyncio.create_task(exchange(port, b"GET /raw HTTP/1.1\r\nhost: hub\r\n\r\n"))
        await asyncio.wait_for(arrived.wait(), 20)
        # Another connection's clock runs out after this one's would have: by then it would be closed.
        assert status_of(await exchange(port, b"")) == 408
        release.set()
        assert status_of(await answering) == 204


async def test_what_is_not_http_is_answered_with_a_problem():
    async with serving(app()) as port:
        answer = await exchange(port, b"\x16\x03\x01\x02\x00\x01\x00 hello\r\n\r\n")
    assert (status_of(answer), problem_of(answer)["code"]) == (400, "malformed_http")


async def test_the_clock_of_an_arrived_request_stops():
    async with serving(app(), Limits(arrival_seconds=0.2)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"}")
        # Another connection's clock, started later, has run out; this one's would have, too.
        assert status_of(await exchange(port, b"")) == 408
        writer.write(HEAD + b"\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"}"), 20)
        writer.close()


async def test_several_requests_share_a_connection():
    async with serving(app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD + b"\r\n") * 3 + HEAD + b"connection: close\r\n\r\n")
        data = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert data.count(b"HTTP/1.1 200") == 4


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(b"\x16\x03 nonsense\r\n\r\n", id="nonsense"),
        pytest.param(HEAD + b"x: y\r\n" * 200 + b"\r\n", id="a flood"),
        pytest.param(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", id="a broken body"),
    ],
)
async def test_a_bad_second_request_is_not_answered_into_the_first_answer(second):
    release, arrived = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"ha", "more_body": True})
        arrived.set()
        await release.wait()
        await send({"type": "http.response.body", "body": b"lf"})

    async with serving(build(raw_routes={("GET", "/raw"): slow})) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /raw HTTP/1.1\r\nhost: hub\r\n\r\n")
        await asyncio.wait_for(arrived.wait(), 20)
        writer.write(second)
        await writer.drain()
        # A whole exchange on another connection: by then the server has read what was sent on this one.
        assert status_of(await exchange(port, HEAD + b"\r\n")) == 200
        release.set()
        data = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    first, *more = data.split(b"HTTP/1.1 ")[1:]
    assert first.endswith(b"\r\n\r\nhalf")
    assert [answer[:3] for answer in more] in ([], [b"200"]), "a second request that is whole may be served"


async def test_a_refused_body_that_is_dribbled_is_cut_off_without_a_second_answer():
    async with serving(app(), Limits(arrival_seconds=0.2)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /healthz HTTP/1.1\r\nhost: hub\r\ncontent-length: 5000000\r\n\r\nxx")
        data = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert data.count(b"HTTP/1.1") == 1
    assert status_of(data) == 413
