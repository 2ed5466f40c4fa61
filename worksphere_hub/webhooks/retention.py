"""How long things are kept, and one message removed for good."""

from dataclasses import dataclass
from uuid import UUID

from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound
from worksphere_hub.events.models import Event
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.store import QUERIES


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


async def expunge(services: Services, principal: Principal, public_id: str) -> Event:
    """Remove an event's message and the bodies of its answers for good; what is still to be delivered is called off."""
    async with services.database.tenant(principal.org) as tx:
        event = await event_store.find(tx, principal.org, public_id)
        if event is None:
            raise EventNotFound
        if await event_store.expunge(tx, principal.org, event.id):
            await tx.run(QUERIES.forget_answers, principal.org, event.id)
            lanes = await tx.rows(QUERIES.call_off_event, principal.org, event.id)
            for row in lanes:
                if row["lane"] is not None:
                    await tx.rows(QUERIES.promote_lane, principal.org, row["endpoint_id"], row["lane"])
            await audit.record(
                tx,
                principal,
                "event.expunged",
                target_kind="event",
                target_id=event.public_id,
                changes={"called_off": [0, len(lanes)]},
            )
        found = await event_store.find(tx, principal.org, public_id)
        assert found is not None
        return found
