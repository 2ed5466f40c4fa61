"""The HTTP door of events and deliveries. (Publishing is in `publish`: it is a bare handler.)"""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.events import grammar
from worksphere_hub.events import search as event_search
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound
from worksphere_hub.http.paging import Page, Paged, encode_cursor
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.webhooks import delivery_search, views
from worksphere_hub.webhooks.errors import DeliveryNotFound, EndpointNotFound
from worksphere_hub.webhooks.names import parse_delivery_id
from worksphere_hub.webhooks.schemas import (
    AttemptOut,
    DeliveryOut,
    DeliveryReason,
    DeliveryState,
    EventOut,
    VerdictOut,
)
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(prefix="/v1", route_class=StrictRoute)

_TYPE_FILTER = "An event type, or all below a prefix: `invoice.*`."

EventReader = Annotated[Principal, Depends(requires("events:read"))]
DeliveryReader = Annotated[Principal, Depends(requires("deliveries:read"))]


class Accepted:
    """A stretch of time in which events were accepted, also as ids: before the first of `bounds`, from the second."""

    __slots__ = ("bounds", "since", "until")

    def __init__(
        self,
        since: Annotated[AwareDatetime | None, Query(description="Accepted at this time or later.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Accepted before this time.")] = None,
    ) -> None:
        self.since, self.until = since, until
        last = ids.floor(until) if until else UUID(int=2**128 - 1)
        self.bounds = (last, ids.floor(since) if since else UUID(int=0))


Times = Annotated[Accepted, Depends(Accepted)]


class EventSearch:
    """What events are wanted. Indexed attributes are compared to the first 256 characters."""

    __slots__ = ("wanted",)

    def __init__(
        self,
        times: Times,
        event_type: Annotated[str | None, Query(alias="type", max_length=130, description=_TYPE_FILTER)] = None,
        channel: Annotated[str | None, Query(max_length=64, description="Published on this channel.")] = None,
        ordering_key: Annotated[str | None, Query(max_length=128)] = None,
        attribute: Annotated[
            str | None,
            Query(max_length=900, description="An indexed attribute and its value: `data.customer.id=cus_1`."),
        ] = None,
        idempotency_key: Annotated[str | None, Query(min_length=1, max_length=255)] = None,
    ) -> None:
        _require("type", event_type, grammar.is_type_filter, grammar.TYPE_FILTER_RULE)
        _require("channel", channel, grammar.is_channel, grammar.CHANNEL_RULE)
        _require("ordering_key", ordering_key, grammar.is_ordering_key, grammar.ORDERING_KEY_RULE)
        self.wanted = event_search.Search(
            times.since, times.until, event_type, channel, ordering_key, _attribute(attribute), idempotency_key
        )


Search = Annotated[EventSearch, Depends(EventSearch)]


class DeliverySearch:
    """What deliveries are wanted."""

    __slots__ = ("wanted",)

    def __init__(
        self,
        times: Times,
        endpoint_id: str | None = None,
        state: DeliveryState | None = None,
        reason: Annotated[DeliveryReason | None, Query(description="Why it ended without being delivered.")] = None,
        event_type: Annotated[str | None, Query(max_length=130, description=_TYPE_FILTER)] = None,
    ) -> None:
        _require("event_type", event_type, grammar.is_type_filter, grammar.TYPE_FILTER_RULE)
        endpoint = ids.decode("whe", endpoint_id, EndpointNotFound) if endpoint_id is not None else None
        self.wanted = delivery_search.DeliverySearch(times.bounds, endpoint, state, reason, event_type)


Deliveries = Annotated[DeliverySearch, Depends(DeliverySearch)]


@router.get("/events", tags=["events"])
async def list_events(
    request: Request,
    principal: EventReader,
    page: Paged,
    search: Search,
) -> Page[EventOut]:
    """List events, newest first. Their data is shown to those who may read payloads.

    What an event type declares as indexed attributes can be searched by value, to the first 256 characters. Where
    several things are wanted at once, a page may have fewer events than its limit and not be the last: see
    `next_cursor`.
    """
    async with _database(request).search(principal.org) as tx:
        events, onward = await event_search.page(tx, principal.org, search.wanted, page.after_id(), page.limit)
    with_data = principal.may("payloads:read")
    return Page(
        data=[views.event_out(event, with_data=with_data) for event in events],
        next_cursor=encode_cursor([onward.hex]) if onward else None,
    )


@router.get("/events/{event_id}", tags=["events"])
async def get_event(request: Request, principal: EventReader, event_id: str) -> EventOut:
    """Show one event, by the hub's id or by the publisher's own."""
    async with _database(request).tenant(principal.org) as tx:
        event = await event_store.find(tx, principal.org, event_id)
    if event is None:
        raise EventNotFound
    return views.event_out(event, with_data=principal.may("payloads:read"))


@router.get("/events/{event_id}/deliveries", tags=["events"])
async def list_event_verdicts(request: Request, principal: EventReader, event_id: str) -> Page[VerdictOut]:
    """Say for every endpoint why it did, or did not, get this event, and how far its delivery is."""
    async with _database(request).tenant(principal.org) as tx:
        event = await event_store.find(tx, principal.org, event_id)
        if event is None:
            raise EventNotFound
        rows = await tx.rows(QUERIES.verdicts_of_event, principal.org, event.id)
    return Page(data=[views.verdict_out(row) for row in rows])


@router.get("/deliveries", tags=["deliveries"])
async def list_deliveries(
    request: Request,
    principal: DeliveryReader,
    page: Paged,
    search: Deliveries,
) -> Page[DeliveryOut]:
    """List deliveries, those of the newest event first.

    Where several things are wanted at once, a page may have fewer deliveries than its limit and not be the last: see
    `next_cursor`.
    """
    async with _database(request).search(principal.org) as tx:
        rows, onward = await delivery_search.page(tx, principal.org, search.wanted, _before(page), page.limit)
    cursor = encode_cursor([part.hex for part in onward]) if onward else None
    return Page(data=[views.delivery_out(row) for row in rows], next_cursor=cursor)


@router.get("/deliveries/{delivery_id}", tags=["deliveries"])
async def get_delivery(request: Request, principal: DeliveryReader, delivery_id: str) -> DeliveryOut:
    """Show one delivery."""
    event, endpoint = parse_delivery_id(delivery_id)
    async with _database(request).tenant(principal.org) as tx:
        row = await tx.row(QUERIES.delivery_by_id, principal.org, event, endpoint)
    if row is None:
        raise DeliveryNotFound
    return views.delivery_out(row)


@router.get("/deliveries/{delivery_id}/attempts", tags=["deliveries"])
async def list_delivery_attempts(request: Request, principal: DeliveryReader, delivery_id: str) -> Page[AttemptOut]:
    """List the attempts of one delivery, oldest first."""
    event, endpoint = parse_delivery_id(delivery_id)
    async with _database(request).tenant(principal.org) as tx:
        if await tx.row(QUERIES.delivery_by_id, principal.org, event, endpoint) is None:
            raise DeliveryNotFound
        rows = await tx.rows(QUERIES.list_attempts_of_delivery, principal.org, endpoint, event)
    with_payload = principal.may("payloads:read")
    return Page(data=[views.attempt_out(row, with_payload=with_payload) for row in rows])


def _attribute(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    if not equals or not grammar.is_attribute(name) or "\0" in value:
        message = "must be an indexed path and its value, e.g. data.customer.id=cus_1"
        raise InvalidInput(f"attribute {message}.", problems=[FieldProblem("attribute", message)])
    return name, value[:256]


def _require(field: str, given: str | None, holds: Callable[[str], bool], rule: str) -> None:
    if given is not None and not holds(given):
        raise InvalidInput(f"{field} {rule}.", problems=[FieldProblem(field, rule)])


def _before(page: Paged) -> tuple[UUID, UUID] | None:
    key = page.after(2)
    if key is None:
        return None
    try:
        return UUID(hex=str(key[0])), UUID(hex=str(key[1]))
    except ValueError:
        message = "is not a cursor of this list; leave it out to start from the first page"
        raise InvalidInput(f"cursor {message}.", problems=[FieldProblem("cursor", message)]) from None


def _database(request: Request) -> Database:
    return request.state.database
