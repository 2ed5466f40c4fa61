"""Count refused requests: in memory at once, in the database at most once a second, however many there are."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub.db.pool import Database
from worksphere_hub.inbound import store
from worksphere_hub.telemetry.logs import wide

_PAUSE_SECONDS = 1.0
# Sources times reasons that one process counts between two writes; what goes beyond is not counted.
_MOST = 10_000


@dataclass(slots=True)
class _Count:
    number: int
    address: str | None


class Refusals:
    """One per API process. What it has not written yet is lost with the process: a second's counts."""

    def __init__(self, database: Database, *, pause: float = _PAUSE_SECONDS) -> None:
        self._database = database
        self._pause = pause
        self._counts: dict[tuple[UUID, UUID, str], _Count] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def note(self, org: UUID, source: UUID, reason: str, address: str | None) -> None:
        """Count one refused request."""
        key = (org, source, reason)
        known = self._counts.get(key)
        if known is not None:
            known.number += 1
            known.address = address
        elif len(self._counts) < _MOST:
            self._counts[key] = _Count(1, address)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def close(self) -> None:
        """Write what is still to be written."""
        self._closing.set()
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        while self._counts:
            counted, self._counts = self._counts, {}
            rows = [(*key, count.number, count.address) for key, count in counted.items()]
            with wide("inbound.refused", count=sum(count.number for count in counted.values())) as line:
                try:
                    await store.count_refusals(self._database, rows)
                except Exception as error:  # noqa: BLE001 - counts are worth a log line, not a loop that ends
                    line.caught(error)
            try:
                async with asyncio.timeout(self._pause):
                    await self._closing.wait()
            except TimeoutError:
                continue
