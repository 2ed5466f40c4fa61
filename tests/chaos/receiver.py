"""The receivers of a campaign: they remember each arrival, and may be slow or refuse."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from standardwebhooks import Webhook

from tests.chaos.checker import Arrival


def canonical(data: object) -> str:
    """Data as JSON that compares equal whatever the order of its keys."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


class Receiver:
    """Answers 204 at every path it knows, unless told otherwise, and checks signatures with the official library."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.times: list[float] = []
        self.largest_skew = 0.0
        self.waiting = 0
        self.port = 0
        self.refusing: dict[str, int] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self._known: dict[str, tuple[str, Webhook]] = {}
        self._connections: set[asyncio.Task[None]] = set()

    def know(self, path: str, org: str, secret: str) -> None:
        """Expect deliveries of an organization at a path."""
        self._known[path] = (org, Webhook(secret))

    def paths(self) -> dict[str, set[str]]:
        """The paths of each organization."""
        found: dict[str, set[str]] = {}
        for path, (org, _) in self._known.items():
            found.setdefault(org, set()).add(path)
        return found

    def count(self, path: str) -> int:
        """How many requests came to a path."""
        return sum(arrival.path == path for arrival in self.arrivals)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the sender or an error ends it."""
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    path = await self._take(reader)
                    if gate := self.gates.get(path):
                        self.waiting += 1
                        await gate.wait()
                        self.waiting -= 1
                    writer.write(f"HTTP/1.1 {self.refusing.get(path, 204)} -\r\ncontent-length: 0\r\n\r\n".encode())
                    await writer.drain()
        finally:
            self._connections.discard(task)
            writer.close()

    def hang_up(self) -> None:
        """End every connection."""
        for task in self._connections:
            task.cancel()

    async def _take(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        org, webhook = self._known[path]
        stamp = int(headers["webhook-timestamp"])
        self.largest_skew = max(self.largest_skew, abs(time.time() - stamp))
        # Not `verify`, which refuses what is five minutes old: some campaigns put the hub's clock wrong on purpose.
        expected = webhook.sign(headers["webhook-id"], datetime.fromtimestamp(stamp, UTC), body.decode())
        signed = expected in headers["webhook-signature"].split(" ")
        data = canonical(json.loads(body)["data"])
        self.arrivals.append(Arrival(org, path, headers["webhook-id"], data, signed))
        self.times.append(time.monotonic())
        return path


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver on loopback."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.hang_up()
        await asyncio.sleep(0)
