"""The worker's side: claim what was received, publish it, write down what became of it."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.events import store as events
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.models import NewEvent
from worksphere_hub.inbound import convert, facts, store
from worksphere_hub.inbound.models import Claim, Outcome
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.telemetry.logs import wide

_FULL_CLAIM = 32
_SWEEP_SECONDS = 600.0


class Processor:
    """One per worker; any number of them share the messages. Cancelled, it finishes what it holds."""

    def __init__(
        self, database: Database, acceptor: Acceptor, ear: Ear, settings: InboundSettings, *, body_limit: int
    ) -> None:
        """`body_limit` is how many bytes an event may have."""
        self._database = database
        self._acceptor = acceptor
        self._ear = ear
        self._settings = settings
        self._body_limit = body_limit

    async def run(self) -> None:
        """Process for ever."""
        swept_at = float("-inf")
        while True:
            try:
                count = await self._whole_turn()
                if clock.monotonic() - swept_at > _SWEEP_SECONDS:
                    swept_at = clock.monotonic()
                    await self.sweep()
            except Exception as error:  # noqa: BLE001 - whatever it is, this loop must live on
                with wide("inbound.turn_failed") as line:
                    line.caught(error)
                count = 0
            if count < _FULL_CLAIM:
                await self._ear.wait(self._settings.idle_poll)

    async def _whole_turn(self) -> int:
        """A turn that is not cut off in the middle: its messages would wait for their lease to run out."""
        turn = asyncio.create_task(self.turn())
        try:
            return await asyncio.shield(turn)
        except asyncio.CancelledError:
            with suppress(Exception):
                await turn
            raise

    async def turn(self) -> int:
        """Process what is due, 32 messages at most; answers how many there were."""
        claims = await store.claim(self._database, self._settings.lease)
        if not claims:
            return 0
        outcomes = await asyncio.gather(*(self._process(claim) for claim in claims))
        with wide("inbound.processed", count=len(claims)) as line:
            fenced = await store.finish(self._database, outcomes)
            line.add(fenced=fenced, failed=sum(outcome.state == "failed" for outcome in outcomes))
        return len(claims)

    async def sweep(self) -> int:
        """Forget what has expired; answers how many rows."""
        total = 0
        while count := (await self._database.call(store.QUERIES.forget_inbound))[0][0]:
            total += count
        return total

    async def _process(self, claim: Claim) -> Outcome:
        if claim.attempts > self._settings.tries:
            # Every worker that tried died of it before it could say so.
            return Outcome(claim, "failed", error="gave_up: no worker came to an end with it.")
        try:
            if claim.route == "accounts":
                return await self._pass_on(claim)
            # One after the other: what one message says first comes first.
            accepted = [await self._acceptor.accept(event) for event in await self._events(claim)]
            found = [each for name in accepted if (each := await self._event(claim, name.id)) is not None]
        except convert.NotPublishable as error:
            return Outcome(claim, error.state, error=error.why)
        except Exception as error:  # noqa: BLE001 - one message's trouble is its own
            return convert.after_failure(claim, _why(error), self._settings)
        if not found:
            return Outcome(claim, "ignored", error="published_before: the event of this id is past its retention.")
        return Outcome(claim, "processed", events=found)

    async def _event(self, claim: Claim, public_id: str) -> UUID | None:
        """The event behind its publisher's name for it, which a message of the route `publish` may have given it."""
        event = ids.parse("evt", public_id)
        if event is not None:
            return event
        async with self._database.tenant(claim.org) as tx:
            known = await events.find(tx, claim.org, public_id)
        return None if known is None else known.id

    async def _events(self, claim: Claim) -> list[NewEvent]:
        """The events that a message becomes. Raises NotPublishable, also when it holds no fact."""
        now = clock.now()
        if claim.route != "connector":
            return [convert.event_of(claim, now, self._body_limit)]
        found = await facts.of_message(self._database, claim)
        if not found:
            raise convert.NotPublishable("no_facts: it only wanted an answer.", state="ignored")
        return [convert.event_of_fact(claim, fact, now, self._body_limit) for fact in found]

    async def _pass_on(self, claim: Claim) -> Outcome:
        accounts = await facts.accounts(self._database, claim)
        if not accounts:
            raise convert.NotPublishable("no_account: it is about no account.", state="ignored")
        seen_until = clock.now() + timedelta(days=self._settings.seen_days)
        count = await store.pass_on(self._database, claim, accounts, seen_until)
        if count == 0:
            # Somebody may be connecting that account at this very moment.
            return convert.after_failure(claim, "no_connection: nobody has connected the account.", self._settings)
        return Outcome(claim, "passed")


def _why(error: Exception) -> str:
    if isinstance(error, HubError):
        return f"{error.code}: {error.detail}"
    return "database_unavailable" if is_passing(error) else f"internal_error: {type(error).__name__}"
