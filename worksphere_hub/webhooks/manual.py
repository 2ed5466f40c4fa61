"""One delivery, by hand: try it now, give it up, or send an edited copy of its event."""

from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound, EventTooLarge
from worksphere_hub.events.message import message_body
from worksphere_hub.events.models import Accepted, NewEvent
from worksphere_hub.webhooks.errors import (
    DeliveryInProgress,
    DeliveryNotFound,
    DeliveryOver,
    EndpointDisabled,
    NotRetryable,
)
from worksphere_hub.webhooks.names import delivery_id
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES

_OPEN_TO_SKIP = frozenset({"pending", "queued", "available", "held", "blocked", "parked"})


async def retry(services: Services, principal: Principal, event: UUID, endpoint: UUID) -> Row:
    """Have a delivery tried now, outside of its automatic chain: should it fail, it is put back as it was."""
    async with services.database.tenant(principal.org) as tx:
        row = await _locked(tx, principal.org, event, endpoint)
        state = _state_of_retry(row)
        if state is not None:
            await tx.run(QUERIES.retry_delivery, principal.org, event, endpoint, state, row["state"])
            await _audit(tx, principal, "delivery.retried", row)
        return await _shown(tx, principal.org, event, endpoint)


async def skip(services: Services, principal: Principal, event: UUID, endpoint: UUID) -> Row:
    """Give a delivery up; what waits behind it goes on."""
    async with services.database.tenant(principal.org) as tx:
        row = await _locked(tx, principal.org, event, endpoint)
        if row["state"] not in _OPEN_TO_SKIP:
            raise DeliveryOver(f"It is {row['state']} already.")
        if row["leased"]:
            raise DeliveryInProgress(retry_after=1.0)
        await tx.run(QUERIES.skip_delivery, principal.org, event, endpoint)
        if row["lane"] is not None:
            await tx.rows(QUERIES.promote_lane, principal.org, endpoint, row["lane"])
        await _audit(tx, principal, "delivery.skipped", row)
        return await _shown(tx, principal.org, event, endpoint)


async def resend(
    services: Services, principal: Principal, event: UUID, endpoint: UUID, data: object, *, body_limit: int
) -> Accepted:
    """Publish an edited copy of an event for one endpoint alone. The original stays as it was."""
    async with services.database.tenant(principal.org) as tx:
        row = await _locked(tx, principal.org, event, endpoint)
        if row["endpoint_status"] != "enabled":
            raise EndpointDisabled("This endpoint is disabled or deleted, so nothing is sent to it.")
        origin = await event_store.find(tx, principal.org, ids.encode("evt", event))
        if origin is None:
            raise EventNotFound
        now = clock.now()
        body = message_body(origin.type, now, msgspec.json.encode(data))
        if len(body) > body_limit:
            raise EventTooLarge(f"The event has {len(body)} bytes; the limit is {body_limit}.")
        copy = NewEvent(
            principal.org, ids.new_hex(), None, origin.type, body, now, now, only_endpoint=endpoint, origin=event
        )
        await event_store.accept_within(tx, [copy], key_days=1)
        await _audit(tx, principal, "delivery.resent", row, copy=f"evt_{copy.id}")
    return Accepted(f"evt_{copy.id}", now)


def _state_of_retry(row: Row) -> str | None:
    """PURE: the state in which a delivery is tried; None when it is about to be. Raises what stands against it."""
    if row["leased"]:
        raise DeliveryInProgress(retry_after=1.0)
    if row["endpoint_status"] is None:
        raise NotRetryable("Its endpoint was deleted.")
    if row["expunged"]:
        raise NotRetryable("Its message was removed, so there is nothing to send.")
    if row["endpoint_status"] == "disabled":
        raise EndpointDisabled("Its endpoint is disabled, so nothing is sent to it. Enable it first.")
    if row["state"] == "queued":
        raise NotRetryable("Another delivery of the same order is before it. Retry or skip that one.")
    if row["state"] == "filtered":
        raise NotRetryable("The endpoint's filter does not want it. Change the filter, or resend an edited copy.")
    if row["reason"] == "contract":
        raise NotRetryable("The event breaks the contract of its type. Resend an edited copy.")
    if row["endpoint_kind"] == "pull":
        return None if row["state"] == "available" else "available"
    return None if row["resume_state"] is not None else "pending"


async def _locked(tx: Transaction, org: UUID, event: UUID, endpoint: UUID) -> Row:
    row = await tx.row(QUERIES.delivery_for_change, org, event, endpoint)
    if row is None:
        raise DeliveryNotFound
    return row


async def _shown(tx: Transaction, org: UUID, event: UUID, endpoint: UUID) -> Row:
    row = await tx.row(QUERIES.delivery_by_id, org, event, endpoint)
    assert row is not None
    return row


async def _audit(tx: Transaction, principal: Principal, action: str, row: Row, **facts: str) -> None:
    await audit.record(
        tx,
        principal,
        action,
        target_kind="delivery",
        target_id=delivery_id(row["event_id"], row["endpoint_id"]),
        changes={"state": [row["state"], None], **{name: [None, value] for name, value in facts.items()}},
    )
