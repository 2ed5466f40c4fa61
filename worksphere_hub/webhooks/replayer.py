"""The worker's side of replays: one step after the other, each a transaction of its own."""

import asyncio
from collections.abc import Callable

from worksphere_hub.db.pool import Database
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks.store import QUERIES

_LOOK_SECONDS = 0.5


class Replayer:
    """One per worker; any number of them share the replays."""

    def __init__(self, database: Database, on_queued: Callable[[], None]) -> None:
        """`on_queued` hears that there are new deliveries."""
        self._database = database
        self._on_queued = on_queued

    async def run(self) -> None:
        """Step for ever."""
        while True:
            try:
                stepped = await self.step()
            except Exception as error:  # noqa: BLE001 - the next round tries again, from the same place
                with wide("replay.step_failed") as line:
                    line.caught(error)
                stepped = False
            if not stepped:
                await asyncio.sleep(_LOOK_SECONDS)

    async def step(self) -> bool:
        """One step of whichever replay is due; answers whether there was one."""
        (row,) = await self._database.call(QUERIES.step_replay)
        if row["queued"]:
            self._on_queued()
        return row["stepped"]
