"""Keep house: partitions ahead of time, expired records away, the queue's state on the gauges."""

import asyncio
from collections.abc import Callable

from worksphere_hub import clock
from worksphere_hub.db.pool import Database
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.telemetry.metrics import Metrics
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.store import QUERIES, promote_left, queue_state

_LOOK_SECONDS = 5.0
_SWEEP_SECONDS = 1.0
_CLEAN_SECONDS = 600.0
_FORGET_BATCH = 2_000


class Janitor:
    """One per worker. Several at once do no harm: each of its works is idempotent."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        settings: WebhookSettings,
        on_promoted: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._on_promoted = on_promoted

    async def run(self) -> None:
        """Look every few seconds, clean every ten minutes, for ever."""
        cleaned_at = float("-inf")
        while True:
            with wide("house.kept") as line:
                line.quiet()
                try:
                    await self.look()
                    if clock.monotonic() - cleaned_at > _CLEAN_SECONDS:
                        line.add(forgotten=await self.clean())
                        cleaned_at = clock.monotonic()
                except Exception as error:  # noqa: BLE001 - the next round tries again
                    line.caught(error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def sweep(self) -> None:
        """Every second, for ever: give a head to lanes that were left without one, and wake the dispatcher."""
        while True:
            with wide("lanes.swept") as line:
                line.quiet()
                try:
                    promoted = await promote_left(self._database)
                    if promoted:
                        line.add(promoted=promoted)
                        self._on_promoted()
                except Exception as error:  # noqa: BLE001 - the next round tries again
                    line.caught(error)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def look(self) -> None:
        """Put the queue's state on the gauges."""
        state = await queue_state(self._database)
        oldest = state["oldest_due_at"]
        self._metrics.queue_depth.set(state["pending"])
        self._metrics.queue_oldest_due_seconds.set(
            0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
        )

    async def clean(self) -> int:
        """Make the coming partitions, and forget what has expired or is kept no longer; answers how many rows went."""
        await self._database.call(QUERIES.add_partitions)
        await self._database.call(QUERIES.drop_partitions, self._settings.attempt_days)
        total = 0
        while count := (await self._database.call(QUERIES.forget_expired))[0][0]:
            total += count
        days = (self._settings.payload_days, self._settings.attempt_days)
        while count := (await self._database.call(QUERIES.forget_payloads, *days, _FORGET_BATCH))[0][0]:
            total += count
        return total
