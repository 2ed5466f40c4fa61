"""What a hostile receiver does, by the first part of the path: one function each."""

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

MEBIBYTE = 1024 * 1024
HUGE = 5 * 1024 * MEBIBYTE
GZIP_BOMB = gzip.compress(bytes(32 * MEBIBYTE))


@dataclass(slots=True)
class Received:
    """One request as it arrived; `at` is on the monotonic clock, `connection` counts from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    connection: int

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class Recorder(Protocol):
    """The receiver, as its connections see it."""

    async def record(self, request: Received) -> None:
        """Keep a request and wake those who wait for it."""

    def times(self, path: str) -> int:
        """Count a visit to `path`, this one included."""

    closed: set[str]
    tokens: list[str]

    def url(self, path: str = "/ok", *, host: str | None = None) -> str:
        """The address of a behaviour."""


@dataclass(slots=True)
class Exchange:
    """One connection: reads a request, misbehaves, and says whether another request may follow."""

    receiver: Recorder
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: Received = field(init=False)

    async def turn(self) -> bool:
        head = await self._read_head()
        if head is None:
            return False
        method, target, headers = head
        body = await self._read_body(headers)
        self.request = Received(method, target, headers, body, time.monotonic(), self.number)
        await self.receiver.record(self.request)
        _, name, *rest = self.request.path.split("/", 2)
        behave = BEHAVIOURS.get(name)
        if behave is None:
            return await self.answer(404)
        return await behave(self, rest[0] if rest else "")

    async def _read_head(self) -> tuple[str, str, dict[str, str]] | None:
        try:
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return None
        method, target, _ = lines[0].split(" ")
        pairs = (line.partition(":") for line in lines[1:] if line)
        return method, target, {name.lower(): value.strip() for name, _, value in pairs}

    async def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    async def answer(self, status: int, body: bytes = b"", *headers: tuple[str, str]) -> bool:
        """Answer properly; the connection stays open."""
        bare = status in {204, 304}
        length = () if bare else (("Content-Length", str(len(body))),)
        await self.send_head(status, *length, *headers)
        if not bare and self.request.method != "HEAD":
            await self.send(body)
        return True

    async def send_head(self, status: int, *headers: tuple[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers)]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Send RST instead of FIN."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def wait_for_the_end(self) -> bool:
        """Say nothing until the other side leaves."""
        while await self.reader.read(65536):
            pass
        return False


Behaviour = Callable[[Exchange, str], Awaitable[bool]]
BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(name: str) -> Callable[[Behaviour], Behaviour]:
    """Register what a path does; its argument is the rest of the path."""

    def register(function: Behaviour) -> Behaviour:
        BEHAVIOURS[name] = function
        return function

    return register


@behaviour("ok")
async def _ok(exchange: Exchange, _: str) -> bool:
    return await exchange.answer(200, b"ok")


@behaviour("echo")
async def _echo(exchange: Exchange, _: str) -> bool:
    return await exchange.answer(200, exchange.request.body)


@behaviour("status")
async def _status(exchange: Exchange, code: str) -> bool:
    """/status/429?retry-after=7 answers 429; each query parameter becomes a header."""
    headers = parse_qsl(urlsplit(exchange.request.target).query)
    return await exchange.answer(int(code), b"status " + code.encode(), *headers)


@behaviour("control")
async def _control(exchange: Exchange, word: str) -> bool:
    """/control/disable answers 400 with that in `webhook-delivery`."""
    return await exchange.answer(400, b"", ("webhook-delivery", word))


@behaviour("flaky")
async def _flaky(exchange: Exchange, failures: str) -> bool:
    """/flaky/2/any-name answers 503 twice, then 200."""
    failed = exchange.receiver.times(exchange.request.path) <= int(failures.partition("/")[0])
    return await exchange.answer(503 if failed else 200, b"flaky")


@behaviour("door")
async def _door(exchange: Exchange, name: str) -> bool:
    """/door/any-name answers 500 while its name is in the receiver's `closed`."""
    return await exchange.answer(500 if name in exchange.receiver.closed else 200)


@behaviour("token")
async def _token(exchange: Exchange, _: str) -> bool:
    """Gives out a token, which /bearer takes until it is struck from the receiver's `tokens`."""
    exchange.receiver.tokens.append(f"token-{len(exchange.receiver.tokens) + 1}")
    answer = f'{{"access_token": "{exchange.receiver.tokens[-1]}", "token_type": "Bearer", "expires_in": 3600}}'
    return await exchange.answer(200, answer.encode(), ("content-type", "application/json"))


@behaviour("bearer")
async def _bearer(exchange: Exchange, _: str) -> bool:
    shown = exchange.request.headers.get("authorization", "").removeprefix("Bearer ")
    return await exchange.answer(200 if shown in exchange.receiver.tokens else 401)


@behaviour("redirect")
async def _redirect(exchange: Exchange, code: str) -> bool:
    to = exchange.receiver.url("/ok/followed")
    return await exchange.answer(int(code), b"elsewhere", ("Location", to), ("Refresh", f"0; url={to}"))


@behaviour("late")
async def _late(exchange: Exchange, milliseconds: str) -> bool:
    """/late/200 answers 200 ms later."""
    await asyncio.sleep(int(milliseconds) / 1000)
    return await exchange.answer(200, b"late")


@behaviour("hang")
async def _hang(exchange: Exchange, _: str) -> bool:
    return await exchange.wait_for_the_end()


@behaviour("hang-in-headers")
async def _hang_in_headers(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Half: ")
    return await exchange.wait_for_the_end()


@behaviour("hang-in-body")
async def _hang_in_body(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Content-Length", "10"))
    await exchange.send(b"half")
    return await exchange.wait_for_the_end()


@behaviour("drip")
async def _drip(exchange: Exchange, milliseconds: str) -> bool:
    """/drip/20 sends one byte of body each 20 ms, for ever."""
    await exchange.send_head(200, ("Transfer-Encoding", "chunked"))
    while True:
        await exchange.send(b"1\r\n.\r\n")
        await asyncio.sleep(int(milliseconds or "20") / 1000)


@behaviour("drip-headers")
async def _drip_headers(exchange: Exchange, milliseconds: str) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        await exchange.send(b".")
        await asyncio.sleep(int(milliseconds or "20") / 1000)


@behaviour("reset")
async def _reset(exchange: Exchange, _: str) -> bool:
    exchange.reset()
    return False


@behaviour("reset-in-headers")
async def _reset_in_headers(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Half: ")
    exchange.reset()
    return False


@behaviour("reset-after-headers")
async def _reset_after_headers(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Content-Length", "100000"))
    # Whole first, so that the headers are read before the RST throws away what is still in flight.
    await asyncio.sleep(0.05)
    exchange.reset()
    return False


@behaviour("close")
async def _close(exchange: Exchange, _: str) -> bool:
    return False


@behaviour("close-in-body")
async def _close_in_body(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Content-Length", "10"))
    await exchange.send(b"half")
    exchange.writer.close()
    return False


@behaviour("ok-then-close")
async def _ok_then_close(exchange: Exchange, _: str) -> bool:
    """Answers as if the connection stayed open, then closes it: the next request on it must not be lost."""
    await exchange.answer(200, b"ok")
    exchange.writer.close()
    return False


@behaviour("endless")
async def _endless(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Transfer-Encoding", "chunked"))
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    while True:
        await exchange.send(chunk)


@behaviour("huge")
async def _huge(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Content-Length", str(HUGE)))
    block = b"x" * MEBIBYTE
    for _number in range(HUGE // MEBIBYTE):
        await exchange.send(block)
    return True


@behaviour("bigheader")
async def _bigheader(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Big: ")
    for _number in range(10):
        await exchange.send(b"x" * MEBIBYTE)
    await exchange.send(b"\r\n\r\n")
    return True


@behaviour("header-of")
async def _header_of(exchange: Exchange, size: str) -> bool:
    """/header-of/40000 answers with one header value of that many bytes."""
    return await exchange.answer(200, b"ok", ("X-Long", "x" * int(size)))


@behaviour("many-headers")
async def _many_headers(exchange: Exchange, count: str) -> bool:
    return await exchange.answer(200, b"ok", *((f"X-{number}", "v") for number in range(int(count))))


@behaviour("odd-header")
async def _odd_header(exchange: Exchange, _: str) -> bool:
    return await exchange.answer(200, b"ok", ("X-Odd", "caf\xe9 \xff"))


@behaviour("gzip")
async def _gzip(exchange: Exchange, _: str) -> bool:
    return await exchange.answer(200, gzip.compress(b"plain"), ("Content-Encoding", "gzip"))


@behaviour("gzip-bomb")
async def _gzip_bomb(exchange: Exchange, _: str) -> bool:
    return await exchange.answer(200, GZIP_BOMB, ("Content-Encoding", "gzip"))


@behaviour("continues")
async def _continues(exchange: Exchange, _: str) -> bool:
    while True:
        await exchange.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 50)
        await asyncio.sleep(0.005)


@behaviour("garbage")
async def _garbage(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"\x16\x03\x01 this is no HTTP \x00\xff\r\n\r\n")
    return False


@behaviour("ancient")
async def _ancient(exchange: Exchange, _: str) -> bool:
    """HTTP/0.9: a body and nothing else."""
    await exchange.send(b"<html>hello</html>")
    exchange.writer.close()
    return False


@behaviour("bad-chunks")
async def _bad_chunks(exchange: Exchange, _: str) -> bool:
    await exchange.send_head(200, ("Transfer-Encoding", "chunked"))
    await exchange.send(b"zz\r\nhello\r\n0\r\n\r\n")
    return await exchange.wait_for_the_end()


@behaviour("bad-length")
async def _bad_length(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello")
    return await exchange.wait_for_the_end()


@behaviour("extra")
async def _extra(exchange: Exchange, _: str) -> bool:
    """Sends a second, unasked answer behind the first, to poison whoever uses the connection next."""
    poison = b"HTTP/1.1 500 Poison\r\nContent-Length: 6\r\n\r\npoison"
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + poison)
    return True


@behaviour("body-without-leave")
async def _body_without_leave(exchange: Exchange, _: str) -> bool:
    await exchange.send(b"HTTP/1.1 204 No Content\r\n\r\nbut a body nevertheless")
    return True
