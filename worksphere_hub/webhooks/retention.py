"""How long things are kept, and one message removed for good."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.failures import DatabaseUnavailable
from worksphere_hub.db.pool import Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound
from worksphere_hub.events.models import Event
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.store import QUERIES

_MOST_ERASED = 1_000
_ERASED_AT_ONCE = 50
# Besides the last try, whose failure is told.
_TRIES = 5

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that messages, and what became of them, are kept. `own`: the organization decided it."""

    payload_days: int
    attempt_days: int
    own: bool


async def find(tx: Transaction, org: UUID, settings: WebhookSettings) -> Retention:
    """An organization's retention, or the deployment's."""
    row = await tx.row(QUERIES.retention_of, org)
    if row is None:
        return Retention(settings.payload_days, settings.attempt_days, own=False)
    return Retention(row["payload_days"], row["attempt_days"], own=True)


async def change(services: Services, principal: Principal, payload_days: int, attempt_days: int) -> Retention:
    """Decide how long an organization keeps things."""
    if payload_days > attempt_days:
        message = "must not be longer than attempt_days: what happened is remembered for longer than what was said"
        raise InvalidEndpoint(f"payload_days {message}.", problems=[FieldProblem("payload_days", message)])
    async with services.database.tenant(principal.org) as tx:
        before = await find(tx, principal.org, services.settings)
        await tx.run(QUERIES.set_retention, principal.org, payload_days, attempt_days)
        after = Retention(payload_days, attempt_days, own=True)
        await audit.record(
            tx,
            principal,
            "retention.changed",
            target_kind="organization",
            target_id=None,
            changes={
                "payload_days": [before.payload_days, payload_days],
                "attempt_days": [before.attempt_days, attempt_days],
            },
        )
    return after


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure came to: how many events had a message when it began, and how many were erased."""

    found: int
    erased: int

    @property
    def left(self) -> int:
        """Events that still have their message: ask again."""
        return self.found - self.erased


async def expunge(services: Services, principal: Principal, public_id: str) -> Event:
    """Remove an event's message and the bodies of its answers for good; what is still to be delivered is called off."""
    org = principal.org

    async def work(tx: Transaction) -> Event:
        event = await event_store.find(tx, org, public_id)
        if event is None:
            raise EventNotFound
        called_off = await _remove(tx, org, event.id)
        if called_off is not None:
            changes = {"called_off": [0, called_off]}
            await audit.record(
                tx, principal, "event.expunged", target_kind="event", target_id=event.public_id, changes=changes
            )
        found = await event_store.find(tx, org, public_id)
        assert found is not None
        return found

    return await _despite_workers(services, org, work)


async def erase(services: Services, principal: Principal, attribute: tuple[str, str], *, dry_run: bool) -> Erasure:
    """Expunge the events that have a value at an indexed path, those of one person say; the oldest 1,000 at most.

    It goes in short transactions, so whoever is cut off asks again: what is gone is not found any more.
    """
    org = principal.org
    async with services.database.tenant(org) as tx:
        events, found = await event_store.about(tx, org, attribute, 1 if dry_run else _MOST_ERASED)
    if dry_run:
        return Erasure(found, 0)
    erased = 0
    for begin in range(0, len(events), _ERASED_AT_ONCE):
        some = events[begin : begin + _ERASED_AT_ONCE]

        async def work(tx: Transaction, some: Sequence[UUID] = some) -> int:
            return sum([await _remove(tx, org, event) is not None for event in some])

        erased += await _despite_workers(services, org, work)
    if erased:
        async with services.database.tenant(org) as tx:
            # The value itself is what is to be forgotten.
            changes = {"attribute": [None, attribute[0]], "erased": [0, erased]}
            await audit.record(
                tx, principal, "events.erased", target_kind="organization", target_id=None, changes=changes
            )
    return Erasure(found, erased)


async def _despite_workers(services: Services, org: UUID, work: Callable[[Transaction], Awaitable[_Made]]) -> _Made:
    """Do something in a transaction, again when a worker records a delivery of the same event just then.

    A delivery that ends moves to another partition, and PostgreSQL lets nobody wait for a row that moves away.
    """
    for _ in range(_TRIES):
        with suppress(DatabaseUnavailable):
            async with services.database.tenant(org) as tx:
                return await work(tx)
    async with services.database.tenant(org) as tx:
        return await work(tx)


async def _remove(tx: Transaction, org: UUID, event: UUID) -> int | None:
    """Remove all that tells what an event said; answers how many deliveries were called off, None if it was gone."""
    await tx.rows(QUERIES.hold_still, org, event)
    if not await event_store.expunge(tx, org, event):
        return None
    await tx.run(QUERIES.forget_answers, org, event)
    await tx.rows(QUERIES.forget_inbound_of, org, event)
    called_off = await tx.rows(QUERIES.call_off_event, org, event)
    for row in called_off:
        if row["lane"] is not None:
            await tx.rows(QUERIES.promote_lane, org, row["endpoint_id"], row["lane"])
    return len(called_off)
