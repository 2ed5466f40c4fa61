"""The worker: claim what is due, send it, record it, and keep or give back what it holds."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks import store
from worksphere_hub.webhooks.courier import Courier
from worksphere_hub.webhooks.gathering import Gathering
from worksphere_hub.webhooks.hand import Hand, Job
from worksphere_hub.webhooks.health import Health
from worksphere_hub.webhooks.known import Known
from worksphere_hub.webhooks.models import Claim, Result
from worksphere_hub.webhooks.record import Recorder
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.turns import Ask, Turns

_FULL_CLAIM = 256
# A claim of this many says that there are more: no pause before the next.
_MANY = 64
# A delivery that cannot be prepared (its key does not open, say) is given back for this long, without an attempt; one
# that only missed the database for a moment comes back as soon as the claims do.
_UNREADY_SECONDS = 30.0
_DATABASE_AWAY_SECONDS = 1.0
# For so many seconds a walk is waited for before what is known is claimed by name beside it.
_PATIENCE = 0.03


@dataclass(frozen=True, slots=True)
class Parts:
    """What a dispatcher works with."""

    database: Database
    courier: Courier
    recorder: Recorder
    health: Health
    ear: Ear
    settings: WebhookSettings


class Dispatcher:
    """One worker's delivery loop. `run` until `stop`, then everything it held is recorded or given back."""

    def __init__(self, parts: Parts, *, on_claimed: Callable[[int], None] = lambda _: None) -> None:
        self._parts = parts
        self._on_claimed = on_claimed
        self._hand = Hand(parts.settings.endpoint_concurrency, parts.settings.in_flight // 2)
        self._gathering = Gathering(self._take)
        self._tasks: dict[asyncio.Task[None], Job] = {}
        self._turns = Turns()
        self._known = Known()
        self._walk: asyncio.Task[tuple[list[Claim], bool]] | None = None
        self._room = asyncio.Event()
        self._stopping = False
        self._passed_over = False
        parts.recorder.heard = self._recorded

    @property
    def in_hand(self) -> int:
        """How many deliveries this worker holds now."""
        return self._hand.size + self._gathering.size

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
        if self.in_hand > settings.in_flight - _FULL_CLAIM // 4:
            self._room.clear()
            await self._room.wait()
            return
        busy, busy_orgs = self._hand.busy(), self._hand.busy_orgs()
        self._passed_over = bool(busy or busy_orgs)
        try:
            claims, seen_all = await self._claim(busy, busy_orgs)
        except Exception as error:  # noqa: BLE001 - whatever the database says, this loop must live on
            with wide("deliveries.claim_failed") as line:
                line.caught(error)
            await self._parts.ear.wait(_DATABASE_AWAY_SECONDS)
            return
        self._on_claimed(len(claims))
        self._take(self._gathering.add(claims))
        if len(claims) >= _MANY:
            return
        if claims:
            await asyncio.sleep(settings.claim_pause)
        elif seen_all:
            await self._parts.ear.wait(settings.idle_poll)

    async def _claim(self, busy: Sequence[UUID], busy_orgs: Sequence[UUID]) -> tuple[list[Claim], bool]:
        """Claim what is due; answers also whether there is nothing that was not looked at."""
        places = self._known.places(busy)
        if self._walk is None and self._known.may_walk(clock.monotonic()):
            ask = self._turns.ask(busy, busy_orgs)
            self._walk = asyncio.create_task(self._look_everywhere(ask))
        if self._walk is not None:
            await asyncio.wait([self._walk], timeout=_PATIENCE if places else None)
            if self._walk.done():
                walk, self._walk = self._walk, None
                return walk.result()
        if not places:
            return [], True
        ask = Ask(store.NOBODY, {}, busy, busy_orgs, places)
        claims = await store.claim(self._parts.database, ask, self._parts.settings.lease)
        self._known.took(claims)
        return claims, self._walk is None and not claims

    async def _look_everywhere(self, ask: Ask) -> tuple[list[Claim], bool]:
        began = clock.monotonic()
        try:
            claims = await store.claim(self._parts.database, ask, self._parts.settings.lease)
        finally:
            self._known.walked(began, clock.monotonic())
        self._known.took(claims)
        return claims, self._turns.took(claims)

    def _take(self, jobs: Sequence[Job]) -> None:
        for job in self._hand.add(jobs):
            self._start(job)

    def _start(self, job: Job) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(job))
        self._tasks[task] = job
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        job = self._tasks.pop(task)
        following = self._hand.finish(job)
        if following is not None:
            self._start(following)
        self._room.set()
        if self._passed_over and not self._hand.is_busy(job[0]):
            # The last claim left this endpoint's out; there may be more of them than the doorbell will ring for.
            self._parts.ear.wake()

    async def _deliver(self, job: Job) -> None:
        try:
            results = await self._parts.courier.deliver(job)
        except asyncio.CancelledError:
            # Cut off at the end of the drain: whether the receiver got it is unknown, so the lease is left to run out
            # and whoever takes it next marks it as reclaimed.
            raise
        except Exception as error:  # noqa: BLE001 - one delivery's trouble is its own
            with wide("delivery.unready", org_id=job[0].org.hex, endpoint_id=job[0].endpoint.hex) as line:
                line.caught(error)
            pause = _DATABASE_AWAY_SECONDS if is_passing(error) else _UNREADY_SECONDS
            results = [Result(claim, "pending", pause) for claim in job]
        for result in results:
            self._parts.recorder.give(result)
            self._parts.health.note(result)

    def _recorded(self, results: Sequence[Result]) -> None:
        if any(result.claim.limited or result.claim.lane is not None for result in results):
            # There is room again for more of its endpoint's, or the next of its lane is due: no doorbell tells of that.
            self._parts.ear.wake()

    async def _beat(self) -> None:
        """Keep the leases of what is in hand for longer than a third of one."""
        lease = self._parts.settings.lease
        while True:
            await asyncio.sleep(lease / 3)
            old = clock.monotonic() - lease / 3
            held = [claim for claim in self._all_held() if claim.taken_at < old]
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

    def _all_held(self) -> list[Claim]:
        running = [claim for job in self._tasks.values() for claim in job]
        return [*running, *self._hand.waiting(), *self._gathering.waiting()]

    async def _drain(self) -> None:
        if self._walk is not None:
            with contextlib.suppress(Exception):
                # What it still brings goes back with the rest.
                self._take(self._gathering.add((await self._walk)[0]))
        for claim in (*self._gathering.abandon(), *self._hand.abandon()):
            self._parts.recorder.give(Result(claim, "pending"))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._parts.settings.drain)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._parts.recorder.drain()
        await self._parts.health.drain()
