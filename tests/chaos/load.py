"""The publishers of a campaign: each asks again, with the same event id, until it has an answer, and notes it."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.chaos.checker import Told
from tests.chaos.receiver import canonical

_ANSWER_SECONDS = 10.0
_LAST_ANSWER_SECONDS = 60.0
_PAUSE = 0.02
_ASK_AGAIN = 0.1


@dataclass
class Load:
    """Publishers of several organizations, by slug and key, against one hub's port."""

    port: int
    keys: Mapping[str, str]
    fill: int = 0
    told: Told = field(default_factory=Told)
    asked_again: int = 0
    answers_503: int = 0
    # The longest that nothing at all was accepted, in seconds.
    longest_gap: float = 0.0
    _stopping: bool = False
    _last: float = field(default_factory=time.monotonic)

    async def publish(self, org: str, event: str) -> None:
        """Publish one event, as often as it takes."""
        data = {"id": event, "fill": secrets.token_hex(self.fill // 2)}
        body = json.dumps({"type": "load.event", "id": event, "data": data}).encode()
        self.told.sent[org, event] = canonical(data)
        while True:
            status, retry_after = await self._ask(self.keys[org], body)
            if status == 202:
                now = time.monotonic()
                self.longest_gap = max(self.longest_gap, now - self._last)
                self._last = now
                self.told.accepted[org, event] = None
                return
            if status == 503 and retry_after:
                self.answers_503 += 1
            elif status:
                self.told.wrong_answers.append(f"{event}: {status}")
            self.asked_again += 1
            await asyncio.sleep(_ASK_AGAIN)

    async def accept_more(self, count: int, *, within: float = 90.0) -> float:
        """Return once that many more events are accepted; answers the seconds that took."""
        since = time.monotonic()
        enough = len(self.told.accepted) + count
        async with asyncio.timeout(within):
            while len(self.told.accepted) < enough:
                await asyncio.sleep(0.005)
        return time.monotonic() - since

    async def _run(self, org: str, name: str) -> None:
        number = 0
        while not self._stopping:
            number += 1
            await self.publish(org, f"{name}-{number}")
            await asyncio.sleep(_PAUSE)

    async def _ask(self, key: str, body: bytes) -> tuple[int, str | None]:
        """One request over a connection of its own; answers status (0: none came) and Retry-After."""
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(head.encode() + body)
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return 0, None
        top, found, _ = answer.decode("latin-1").partition("\r\n\r\n")
        if not found:
            return 0, None
        lines = dict(line.lower().split(": ", 1) for line in top.split("\r\n")[1:])
        return int(top[9:12]), lines.get("retry-after")


@asynccontextmanager
async def publishing(load: Load, publishers: int = 8) -> AsyncGenerator[Load]:
    """Publish for as long as the block lasts; at its end every publisher has had its last answer."""
    orgs = list(load.keys)
    tasks = [
        asyncio.create_task(load._run(orgs[number % len(orgs)], f"p{number}-{secrets.token_hex(3)}"))
        for number in range(publishers)
    ]
    load._stopping = False
    load._last = time.monotonic()
    try:
        yield load
        load._stopping = True
        async with asyncio.timeout(_LAST_ANSWER_SECONDS):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
