"""Drive an application in this process, or through a real server on a loopback socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from worksphere_hub.http.limits import Limits
from worksphere_hub.http.listen import server_config
from worksphere_hub.http.server import Server, create_app
from worksphere_hub.telemetry.metrics import create_metrics


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    state: dict[str, Any] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body)


@asynccontextmanager
async def no_lifespan(_app):
    yield {}


def build(routers=(), raw_routes=None, **changes) -> Server:
    """Make an application with everything a test does not care about filled in."""
    settings = {"metrics": create_metrics(), "readiness": {}, "limits": Limits(), "lifespan": no_lifespan}
    return create_app(routers=routers, raw_routes=raw_routes or {}, **(settings | changes))


async def call(
    app,
    method: str,
    path: str,
    *,
    body: bytes | Sequence[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    scheme: str = "http",
    state: Mapping[str, Any] | None = None,
) -> Answer:
    """Send one request in process; `body` in pieces arrives in pieces, no piece is a client that left."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
        "state": dict(state or {}),
    }
    pieces = [body] if isinstance(body, bytes) else list(body)
    incoming = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)
    ]
    sent: list[dict[str, Any]] = []

    async def receive():
        if not incoming and pieces:
            await asyncio.Event().wait()  # a client that waits for its answer
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    headers_out = {name.decode(): value.decode() for name, value in start["headers"]}
    assert len(headers_out) == len(start["headers"]), f"a header was sent twice: {start['headers']}"
    content = b"".join(message.get("body", b"") for message in sent[1:])
    assert not sent[-1].get("more_body"), "the answer was never finished"
    assert all(message.get("more_body") for message in sent[1:-1]), "something was sent after the end"
    return Answer(start["status"], headers_out, content, scope["state"])


async def post_json(app, path: str, value: Any, **extra) -> Answer:
    """POST a value as JSON."""
    headers = {"content-type": "application/json", **extra.pop("headers", {})}
    return await call(app, "POST", path, body=json.dumps(value).encode(), headers=headers, **extra)


@asynccontextmanager
async def serving(app, limits: Limits | None = None) -> AsyncIterator[int]:
    """Serve `app` with uvicorn as production does; yields the port."""
    config = server_config(app, host="127.0.0.1", port=0, limits=limits or Limits(), grace_seconds=1)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server._serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(running, 20)
        listener.close()


async def exchange(port: int, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send bytes as they are, and read until the server closes or one whole answer is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            try:
                writer.write(piece)
                await writer.drain()
            except ConnectionError:
                break  # the server has answered and gone; the answer is still to be read
        if half_close:
            writer.write_eof()
        return await asyncio.wait_for(_one_answer(reader), 20)
    finally:
        writer.close()


async def _one_answer(reader: asyncio.StreamReader) -> bytes:
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")),
            None,
        )
        if length is None and head.split()[1] != b"204":
            return head + await reader.read()
        return head + await reader.readexactly(length or 0)
    except asyncio.IncompleteReadError as cut:
        return head + cut.partial
    except ConnectionResetError:
        return b""


def status_of(answer: bytes) -> int:
    """Read the status of raw bytes; 0 when there was no answer."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def problem_of(answer: bytes) -> dict[str, Any]:
    """Read the problem document in raw bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return json.loads(body)
