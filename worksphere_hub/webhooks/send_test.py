"""A test event, for one endpoint alone: a ping, the sample of an event type, or its newest real event."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Transaction
from worksphere_hub.events import search as event_search
from worksphere_hub.events.message import message_body
from worksphere_hub.events.models import Accepted, NewEvent
from worksphere_hub.webhooks import endpoints
from worksphere_hub.webhooks.errors import EndpointDisabled, NothingToSend
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES

TYPE = "hub.test"
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """What to send: a ping of type `hub.test`, or of an event type its sample or its last event's data."""

    source: Literal["ping", "sample", "last"] = "ping"
    event_type: str | None = None


async def send_test(services: Services, principal: Principal, endpoint_id: UUID, trial: Trial) -> Accepted:
    """Publish a test event for this endpoint alone; it is delivered and recorded like any other."""
    public_id = ids.encode("whe", endpoint_id)
    origin = None
    async with services.database.tenant(principal.org) as tx:
        endpoint = await endpoints.find(tx, principal.org, endpoint_id)
        if endpoint.status == "disabled":
            raise EndpointDisabled("This endpoint is disabled, so nothing is sent to it. Enable it first.")
        if trial.source == "ping" or trial.event_type is None:
            event_type = TYPE
            data = msgspec.json.encode({"endpoint_id": public_id, "message": "A test from WorkSphere Hub."})
        elif trial.source == "sample":
            event_type, data = trial.event_type, await _sample(tx, principal.org, trial.event_type)
        else:
            event_type = trial.event_type
            origin, data = await _last(tx, principal.org, event_type)
        await audit.record(
            tx,
            principal,
            "endpoint.tested",
            target_kind="endpoint",
            target_id=public_id,
            changes={"source": [None, trial.source], "event_type": [None, event_type]},
        )
    now = clock.now()
    return await services.acceptor.accept(
        NewEvent(
            org=principal.org,
            id=ids.new_hex(),
            key=None,
            type=event_type,
            body=message_body(event_type, now, data),
            occurred_at=now,
            accepted_at=now,
            only_endpoint=endpoint_id,
            origin=origin,
        )
    )


async def _sample(tx: Transaction, org: UUID, event_type: str) -> bytes:
    sample = await tx.value(QUERIES.sample_of_type, org, event_type)
    if sample is None:
        raise NothingToSend(f"{event_type} has no sample. Give its event type one, or send its last event.")
    return msgspec.json.encode(sample)


async def _last(tx: Transaction, org: UUID, event_type: str) -> tuple[UUID, bytes]:
    # Tests and edited copies are no real events.
    events, _ = await event_search.page(tx, org, event_search.Search(type=event_type), None, _LOOKED_AT)
    for event in events:
        if event.body is not None and event.only_endpoint is None:
            return event.id, bytes(msgspec.json.decode(event.body, type=_Message).data)
    raise NothingToSend(f"No event of type {event_type} is there to be copied. Send its sample, or a ping.")


class _Message(msgspec.Struct):
    data: msgspec.Raw
