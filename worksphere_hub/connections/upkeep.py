"""The worker's side: renew what is due, ask about codes, test what is to be tested, and forget what is over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from worksphere_hub import clock
from worksphere_hub.connections import flows, renewal, store
from worksphere_hub.connections.check import Task
from worksphere_hub.connections.models import Held
from worksphere_hub.connections.provider import chance
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Row
from worksphere_hub.telemetry.logs import wide

_FORGET_SECONDS = 600.0
_PUT_OFF = timedelta(seconds=60)
_MOST_RENEWED_AT_ONCE = 16


class Upkeep:
    """One per worker; any number of them share what is due."""

    def __init__(self, room: Connections) -> None:
        self._room = room

    async def run(self) -> None:
        """Look for ever; cancelled, it finishes what it has begun."""
        forgotten_at = float("-inf")
        while True:
            for step in (self.renew_due, self.ask_devices, self.check_due):
                await self._guarded(step)
            if clock.monotonic() - forgotten_at > _FORGET_SECONDS:
                forgotten_at = clock.monotonic()
                await self._guarded(self.forget)
            await asyncio.sleep(self._room.settings.idle_poll)

    async def renew_due(self) -> int:
        """Renew the credentials that are due; answers how many were looked at."""
        claimed = await self._room.database.call(QUERIES.claim_renewals, _PUT_OFF)
        gate = asyncio.Semaphore(_MOST_RENEWED_AT_ONCE)

        async def one(row: Row) -> None:
            async with gate:
                await self._renew(row)

        await asyncio.gather(*(_told("credential.renewal_failed", row, one(row)) for row in claimed))
        return len(claimed)

    async def ask_devices(self) -> int:
        """Ask the providers about codes that are being typed in; answers how many."""
        claimed = await self._room.database.call(QUERIES.claim_device_flows)
        await asyncio.gather(*(_told("device_flow.failed", row, flows.poll_device(self._room, row)) for row in claimed))
        return len(claimed)

    async def check_due(self) -> int:
        """Test the connections whose turn it is; answers how many."""
        settings = self._room.settings
        await self._room.database.call(QUERIES.schedule_checks, timedelta(seconds=settings.check_every))
        claimed = await self._room.database.call(QUERIES.claim_checks, timedelta(seconds=settings.check_lease))
        tasks = [(row, Task(row["org_id"], row["id"], row["connection_id"], row["fence"])) for row in claimed]
        await asyncio.gather(
            *(_told("connection.check_failed", row, self._room.checker.run(task)) for row, task in tasks)
        )
        return len(claimed)

    async def forget(self) -> int:
        """Forget what is past its time; answers how many rows."""
        database, total = self._room.database, 0
        for query, arguments in (
            (QUERIES.forget_previous_credentials, ()),
            (QUERIES.forget_rate_budgets, ()),
            (QUERIES.forget_connection_history, (self._room.settings.history_days,)),
        ):
            while count := (await database.call(query, *arguments))[0][0]:
                total += count
        return total

    async def _renew(self, row: Row) -> None:
        org, connection_id, slot = row["org_id"], row["connection_id"], row["slot"]
        async with self._room.database.tenant(org) as tx:
            connection = await store.find(tx, org, connection_id)
            found = await tx.row(QUERIES.credential_of, org, connection_id, slot)
            if found is None or found["renewal"] is None or found["dead_at"] is not None:
                return
            held = store.held_of(found)
            used = connection.last_used_at or connection.created_at
            idle = (clock.now() - used).total_seconds() > self._room.settings.idle_after
            if idle and self._is_postponed(held):
                life = renewal.Life(held.obtained_at, None, refreshable=True, idle_seconds=held.idle_seconds)
                due = renewal.idle_due_at(life, self._room.settings.keep_alive, chance())
                await tx.run(QUERIES.postpone_credential, org, connection_id, slot, held.version, due)
                return
        await self._room.renewer.renew(org, connection_id, held)

    def _is_postponed(self, held: Held) -> bool:
        """Whether an unused credential can wait: what keeps its refresh token alive is not due yet."""
        life = renewal.Life(held.obtained_at, None, refreshable=True, idle_seconds=held.idle_seconds)
        due = renewal.idle_due_at(life, self._room.settings.keep_alive, 0.0)
        return due is not None and due > clock.now()

    async def _guarded(self, step: Callable[[], Awaitable[int]]) -> None:
        """A step that is not cut off in the middle, and whose failure does not end the others."""
        task = asyncio.ensure_future(step())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            with suppress(Exception):
                await task
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again
            with wide("connections.upkeep_failed") as line:
                line.caught(error)


async def _told(event: str, row: Row, work: Coroutine[Any, Any, object]) -> None:
    """One connection's trouble is its own."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the others must not wait for it
        with wide(event, org=row["org_id"].hex, connection_id=row["connection_id"].hex) as line:
            line.caught(error)
