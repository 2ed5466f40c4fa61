"""Two records of a campaign: what publishers were told is accepted, and what receivers saw."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from standardwebhooks import Webhook, WebhookVerificationError

from tests.acceptance.running import RunningHub


class Receiver:
    """Counts what arrives at each path, and checks every signature with the official library."""

    def __init__(self) -> None:
        self.arrived: Counter[tuple[str, str]] = Counter()
        self.secrets: dict[str, str] = {}
        self.bad_signatures = 0
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                path = head[0].split(" ")[1]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                try:
                    Webhook(self.secrets[path]).verify(body, headers)
                except (WebhookVerificationError, KeyError):
                    self.bad_signatures += 1
                self.arrived[path, headers["webhook-id"]] += 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()


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


class Publisher:
    """Publishes events with ids of its own, and asks again, with the same id, until it has an answer."""

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        self.accepted: set[str] = set()
        self.asked_again = 0
        self.stopping = False

    async def run(self, name: str, pause: float) -> None:
        number = 0
        while not self.stopping:
            number += 1
            await self._publish(f"{name}-{number}")
            await asyncio.sleep(pause)

    async def _publish(self, event_id: str) -> None:
        body = {"type": "load.event", "id": event_id, "data": {"id": event_id}}
        while True:
            try:
                status, _ = await self._hub.request("POST", "/v1/events", body)
            except (ConnectionError, OSError, json.JSONDecodeError, ValueError):
                status = 0
            if status == 202:
                self.accepted.add(event_id)
                return
            assert status in {0, 503}, status
            self.asked_again += 1
            await asyncio.sleep(0.05)
