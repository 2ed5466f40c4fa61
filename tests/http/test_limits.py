"""A body or a head that is too large is refused, in process and through a real server."""

import asyncio
import http.client
import json
from contextlib import suppress

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from tests.http.driving import build, call, exchange, problem_of, serving, status_of
from worksphere_hub.http.errors import BodyTooLarge, HeadersTooLarge
from worksphere_hub.http.limits import Limits, RequestLimits, check_headers
from worksphere_hub.http.strict_route import StrictRoute

MIB = 1_048_576


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


def note_app(limits: Limits | None = None):
    router = APIRouter(route_class=StrictRoute)

    @router.post("/notes", status_code=201)
    async def write_note(note: Note) -> dict[str, int]:
        return {"length": len(note.text)}

    return build([router], limits=limits or Limits())


def request(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    lines = [b"POST /notes HTTP/1.1", b"host: hub", b"content-type: application/json", *headers]
    if length is not None:
        lines.append(b"content-length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


# ---- the middleware by itself


async def test_an_announced_body_too_large_is_refused_without_reading_it():
    reads = 0

    async def never(scope, receive, send):
        raise AssertionError("the application must not see this request")

    async def receive():
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"2000001")]}
    await RequestLimits(never, Limits(body_bytes=2_000_000))(scope, receive, send)
    assert sent[0]["status"] == 413
    assert reads == 0


async def test_a_growing_body_is_refused_at_the_byte_too_many_and_not_read_further():
    reads = 0

    async def reader(scope, receive, send):
        with suppress(BodyTooLarge):
            while True:
                await receive()
        await receive()

    async def receive():
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    await RequestLimits(reader, Limits(body_bytes=5_000))({"type": "http", "headers": []}, receive, send)
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["code"] == "body_too_large"
    assert reads == 6


async def test_an_application_that_hides_the_refusal_still_answers_413():
    async def swallowing(scope, receive, send):
        try:
            while True:
                await receive()
        except BodyTooLarge:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"fine"})

    answer = await call(RequestLimits(swallowing, Limits(body_bytes=3)), "POST", "/", body=[b"ab", b"cd"])
    assert answer.status == 413


@pytest.mark.parametrize("size", [0, 1, 2, 3])
async def test_a_body_up_to_the_limit_passes_whole(size):
    seen = []

    async def echo(scope, receive, send):
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answer = await call(RequestLimits(echo, Limits(body_bytes=3)), "POST", "/", body=b"x" * size)
    assert (answer.status, seen) == (200, [b"x" * size])


def test_headers_are_counted_by_number_and_by_bytes():
    limits = Limits(header_count=2, header_bytes=10)
    check_headers([(b"ab", b"cd"), (b"ef", b"ghij")], limits)
    with pytest.raises(HeadersTooLarge):
        check_headers([(b"a", b"")] * 3, limits)
    with pytest.raises(HeadersTooLarge):
        check_headers([(b"ab", b"cd"), (b"ef", b"ghijk")], limits)


# ---- through a real server


async def test_two_mebibytes_are_refused_and_a_plain_client_reads_the_answer():
    body = json.dumps({"text": "x" * 2 * MIB}).encode()

    def plain_client(port: int):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/notes", body=body, headers={"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read()), connection

    async with serving(note_app()) as port:
        status, problem, connection = await asyncio.to_thread(plain_client, port)
        connection.close()
    assert status == 413
    assert problem["code"] == "body_too_large"
    assert "1048576" in problem["detail"]


async def test_a_body_of_exactly_the_limit_is_served():
    body = json.dumps({"text": "x" * (MIB - 12)}).encode()
    assert len(body) == MIB
    async with serving(note_app()) as port:
        assert status_of(await exchange(port, request(body, length=len(body)))) == 201
        assert status_of(await exchange(port, request(body + b" ", length=len(body) + 1))) == 413


async def test_a_body_too_large_that_is_there_at_once_is_refused_without_waiting_for_more():
    async with serving(note_app(Limits(body_bytes=100))) as port:
        pieces = request(b"", b"transfer-encoding: chunked", b"connection: close"), chunk(b"x" * 200) + b"0\r\n\r\n"
        answer = await exchange(port, b"".join(pieces))
        assert (status_of(answer), problem_of(answer)["code"]) == (413, "body_too_large")


async def test_a_chunked_body_is_refused_once_it_has_grown_too_large():
    pieces = [request(b"", b"transfer-encoding: chunked"), chunk(b'{"text": "')]
    pieces += [chunk(b"x" * 65_536) for _ in range(32)]
    async with serving(note_app()) as port:
        answer = await exchange(port, *pieces, chunk(b'"}'), b"0\r\n\r\n")
        assert (status_of(answer), problem_of(answer)["code"]) == (413, "body_too_large")
        # The server is as well as before.
        whole = request(b"", b"transfer-encoding: chunked") + chunk(b'{"text": "') + chunk(b'ok"}') + b"0\r\n\r\n"
        assert status_of(await exchange(port, whole)) == 201


async def test_an_endless_refused_body_is_cut_off():
    async with serving(note_app()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"", length=10**15))
        taken = 0
        with suppress(ConnectionError):
            while taken < 200 * MIB:
                writer.write(b"x" * MIB)
                await asyncio.wait_for(writer.drain(), 20)
                taken += MIB
        writer.close()
    assert taken < 200 * MIB


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param([b"content-length: 5", b"content-length: 50"], b'{"text": "x"}', 400, id="two lengths"),
        pytest.param([b"content-length: -1"], b"{}", 400, id="negative"),
        pytest.param([b"content-length: 0x10"], b"{}", 400, id="hexadecimal"),
        pytest.param([b"content-length: 99999999999999999999999999"], b"{}", 400, id="beyond 64 bits"),
        pytest.param([b"content-length: 13", b"transfer-encoding: chunked"], b"0\r\n\r\n", 400, id="both framings"),
        pytest.param([b"transfer-encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n", 400, id="bad chunk size"),
        pytest.param([b"content-length: 3000000"], b"{}", 413, id="announces much, sends little"),
    ],
)
async def test_a_lying_content_length_is_refused(headers, body, status):
    async with serving(note_app()) as port:
        answer = await exchange(port, request(body, *headers))
        assert status_of(answer) == status
        assert problem_of(answer)["code"] in {"malformed_http", "body_too_large"}
        fine = b'{"text": "x"}'
        assert status_of(await exchange(port, request(fine, length=len(fine)))) == 201


async def test_more_bytes_than_announced_do_not_become_part_of_the_body():
    body = b'{"text": "x"}'
    async with serving(note_app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body + b"A" * 100, length=len(body)))
        data = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert [answer[:3] for answer in data.split(b"HTTP/1.1 ")[1:]] == [b"201"]
    assert data.endswith(b'{"length":1}')


async def test_a_client_that_leaves_before_its_body_is_whole_harms_nobody():
    async with serving(note_app()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b'{"te', length=500))
        await writer.drain()
        writer.close()
        fine = b'{"text": "x"}'
        assert status_of(await exchange(port, request(fine, length=len(fine)))) == 201


async def test_a_refused_upload_is_never_asked_to_continue():
    async with serving(note_app()) as port:
        answer = await exchange(port, request(b"", b"expect: 100-continue", length=3 * MIB))
    assert status_of(answer) == 413
