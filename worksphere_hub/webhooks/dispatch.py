"""The worker: claim what is due, send it, record it, and keep or give back what it holds."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks import deliver, store
from worksphere_hub.webhooks.directory import Directory
from worksphere_hub.webhooks.endpoints import disable_gone
from worksphere_hub.webhooks.lanes import Lanes
from worksphere_hub.webhooks.models import Claim, Result
from worksphere_hub.webhooks.record import Recorder
from worksphere_hub.webhooks.settings import WebhookSettings

_START = (UUID(int=0), UUID(int=0))
_FULL_CLAIM = 256
# A claim of this many says that there are more: no pause before the next.
_MANY = 64
# A delivery that cannot be prepared (its key does not open, say) is given back for this long, without an attempt; one
# that only missed the database for a moment comes back as soon as the claims do.
_UNREADY_SECONDS = 30.0
_DATABASE_AWAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a dispatcher works with."""

    database: Database
    egress: EgressClient
    directory: Directory
    recorder: Recorder
    ear: Ear
    settings: WebhookSettings


class Dispatcher:
    """One worker's delivery loop. `run` until `stop`, then everything it held is recorded or given back."""

    def __init__(self, parts: Parts, *, on_claimed: Callable[[int], None] = lambda _: None) -> None:
        self._parts = parts
        self._on_claimed = on_claimed
        self._lanes = Lanes(parts.settings.endpoint_concurrency)
        self._tasks: dict[asyncio.Task[None], Claim] = {}
        self._after = _START
        self._room = asyncio.Event()
        self._stopping = False
        self._passed_over = False

    @property
    def in_hand(self) -> int:
        """How many deliveries this worker holds now."""
        return self._lanes.size

    async def run(self) -> None:
        """Deliver until told to stop, then drain."""
        heart = asyncio.create_task(self._beat())
        try:
            while not self._stopping:
                await self._turn()
        finally:
            await self._drain()
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    def stop(self) -> None:
        """Claim nothing more and finish."""
        self._stopping = True
        self._room.set()
        self._parts.ear.wake()

    async def _turn(self) -> None:
        settings = self._parts.settings
        if self._lanes.size > settings.in_flight - _FULL_CLAIM // 4:
            self._room.clear()
            await self._room.wait()
            return
        busy = self._lanes.busy()
        self._passed_over = bool(busy)
        try:
            claims = await store.claim(self._parts.database, self._after, busy, settings.lease)
        except Exception as error:  # noqa: BLE001 - whatever the database says, this loop must live on
            with wide("deliveries.claim_failed") as line:
                line.caught(error)
            await self._parts.ear.wait(_DATABASE_AWAY_SECONDS)
            return
        self._on_claimed(len(claims))
        for claim in self._lanes.add(claims):
            self._start(claim)
        if len(claims) >= _FULL_CLAIM:
            self._after = (claims[-1].org, claims[-1].endpoint)
            return
        swept_all = self._after == _START
        self._after = _START
        if len(claims) >= _MANY:
            return
        if claims:
            await asyncio.sleep(settings.claim_pause)
        elif swept_all:
            await self._parts.ear.wait(settings.idle_poll)

    def _start(self, claim: Claim) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(claim))
        self._tasks[task] = claim
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        claim = self._tasks.pop(task)
        following = self._lanes.finish(claim.endpoint)
        if following is not None:
            self._start(following)
        self._room.set()
        if self._passed_over and not self._lanes.is_busy(claim.endpoint):
            # The last claim left this endpoint's out; there may be more of them than the doorbell will ring for.
            self._parts.ear.wake()

    async def _deliver(self, claim: Claim) -> None:
        try:
            result = await self._result(claim)
        except asyncio.CancelledError:
            # Cut off at the end of the drain: whether the receiver got it is unknown, so the lease is left to run out
            # and whoever takes it next marks it as reclaimed.
            raise
        except Exception as error:  # noqa: BLE001 - one delivery's trouble is its own
            with wide("delivery.unready", org_id=str(claim.org), endpoint_id=str(claim.endpoint)) as line:
                line.caught(error)
            result = Result(claim, "pending", _DATABASE_AWAY_SECONDS if is_passing(error) else _UNREADY_SECONDS)
        self._parts.recorder.give(result)

    async def _result(self, claim: Claim) -> Result:
        if claim.endpoint_status == "disabled":
            return Result(claim, "held")
        target = await self._parts.directory.target(claim) if claim.endpoint_status else None
        if target is None:
            return Result(claim, "cancelled")
        body = claim.body if claim.body is not None else await self._fetch_body(claim)
        if body is None:
            return Result(claim, "cancelled")
        result = await deliver.attempt(self._parts.egress, self._parts.settings, claim, target, body)
        if result.next == "held":
            await disable_gone(self._parts.database, claim.org, claim.endpoint)
        return result

    async def _fetch_body(self, claim: Claim) -> bytes | None:
        async with self._parts.database.tenant(claim.org) as tx:
            return await tx.value(store.QUERIES.event_body, claim.org, claim.event)

    async def _beat(self) -> None:
        """Keep the leases of what is in hand for longer than a third of one."""
        lease = self._parts.settings.lease
        while True:
            await asyncio.sleep(lease / 3)
            old = clock.monotonic() - lease / 3
            held = [claim for claim in self._tasks.values() if claim.taken_at < old]
            held += [claim for claim in self._lanes.waiting() if claim.taken_at < old]
            if not held:
                continue
            try:
                kept = await store.extend(self._parts.database, held, lease)
            except Exception as error:  # noqa: BLE001 - the next beat tries again; a lost lease is fenced
                with wide("leases.extend_failed", held=len(held)) as line:
                    line.caught(error)
            else:
                if kept < len(held):
                    with wide("leases.lost", held=len(held), kept=kept) as line:
                        line.fail("leases_lost")

    async def _drain(self) -> None:
        for claim in self._lanes.abandon():
            self._parts.recorder.give(Result(claim, "pending"))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._parts.settings.drain)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._parts.recorder.drain()
