"""Write attempts down in batches: whatever finishes while one transaction runs, and shortly after, shares the next.

Unlike a publisher, nobody waits for an attempt to be recorded, so a moment's pause buys larger batches: at full speed
four times fewer transactions for a hundredth of a second.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.write import write_results

_RETRY_SECONDS = 0.5


class Recorder:
    """Takes results from the running attempts and commits them. One per worker."""

    def __init__(
        self,
        database: Database,
        *,
        batch: int,
        on_recorded: Callable[[Sequence[Result], int], None],
        pause: float = 0.0,
    ) -> None:
        """`on_recorded` hears of each committed batch and of how many in it were fenced; `pause` is in seconds."""
        self._database = database
        self._batch = batch
        self._on_recorded = on_recorded
        self._pause = pause
        self._waiting: deque[Result] = deque()
        self._flusher: asyncio.Task[None] | None = None
        self._draining = False
        # The dispatcher listens here for what has been committed.
        self.heard: Callable[[Sequence[Result]], None] = lambda _: None

    def give(self, result: Result) -> None:
        """Take a result; it is written soon."""
        self._waiting.append(result)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def drain(self) -> None:
        """Wait until everything taken is written."""
        self._draining = True
        while self._flusher is not None and not self._flusher.done():
            await asyncio.wait([self._flusher])

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch))]
            await self._write(batch)
            if len(batch) < self._batch and not self._draining:
                await asyncio.sleep(self._pause)

    async def _write(self, batch: list[Result]) -> None:
        while True:
            try:
                fenced = await write_results(self._database, batch)
            except Exception as error:  # noqa: BLE001 - attempts that were made must not be forgotten
                if is_passing(error):
                    # The deliveries stay leased meanwhile. Should the leases run out, they are sent again and marked.
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                if len(batch) > 1:
                    for one in batch:
                        await self._write([one])
                    return
                with wide("attempt.unrecordable", event_id=str(batch[0].claim.event)) as line:
                    line.caught(error)
                return
            self._tell(batch, fenced)
            return

    def _tell(self, batch: list[Result], fenced: int) -> None:
        self.heard(batch)
        try:
            self._on_recorded(batch, fenced)
        except Exception as error:  # noqa: BLE001 - it is recorded; what waits must not stay behind for a log line's sake
            with wide("attempts.untold", attempts=len(batch)) as line:
                line.caught(error)
