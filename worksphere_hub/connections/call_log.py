"""Calls that were made, written down in batches: nobody waits for that, and of a flood the oldest go."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Database
from worksphere_hub.telemetry.logs import wide

_BATCH = 500
_MOST = 20_000


@dataclass(slots=True)
class Call:
    """One call, as it is written down: no query, no header, no body."""

    org: UUID
    connection: UUID
    method: str
    caller: str
    request_id: str
    host: str = ""
    path: str = ""
    status: int | None = None
    error_code: str | None = None
    attempts: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    # Made when the call begins: the log is in that order, whenever it is written.
    id: UUID = field(default_factory=ids.new)

    def row(self) -> dict[str, Any]:
        """A row of `connection_requests`."""
        failed = self.error_code is not None or self.status is None or self.status >= 400
        return {
            "org_id": str(self.org),
            "id": str(self.id),
            "connection_id": str(self.connection),
            "method": self.method[:20],
            "host": self.host[:300],
            "path": self.path[:1000],
            "status": self.status,
            "outcome": "error" if failed else "ok",
            "error_code": self.error_code,
            "attempts": max(self.attempts, 1),
            "waited_ms": round(self.waited * 1000),
            "duration_ms": round(self.seconds * 1000),
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "request_id": self.request_id[:100],
            "caller": self.caller[:200],
        }


class CallLog:
    """Gathers calls and writes them every so often; `close` writes what is left."""

    def __init__(self, database: Database, *, pause: float = 0.25) -> None:
        """`pause` between writes in seconds."""
        self._database = database
        self._pause = pause
        self._calls: deque[Call] = deque(maxlen=_MOST)
        self._task: asyncio.Task[None] | None = None

    def note(self, call: Call) -> None:
        """Write a call down soon."""
        self._calls.append(call)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Write what is left, now."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.write()

    async def write(self) -> None:
        """Write everything that was noted."""
        while self._calls:
            batch = [self._calls.popleft() for _ in range(min(len(self._calls), _BATCH))]
            try:
                await self._database.call(QUERIES.record_requests, [call.row() for call in batch])
            except Exception as error:  # noqa: BLE001 - a call that was made stays made
                with wide("connection_requests.lost", count=len(batch)) as line:
                    line.caught(error)

    async def _write_soon(self) -> None:
        while self._calls:
            await asyncio.sleep(self._pause)
            await asyncio.shield(asyncio.ensure_future(self.write()))
