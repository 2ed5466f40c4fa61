"""The HTTP door of what is done by hand: retry, skip, resend, replay, preview."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.db.pool import Row
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.webhooks import endpoints, manual, replays, shape, views
from worksphere_hub.webhooks.configuration import merged
from worksphere_hub.webhooks.directory import shape_of
from worksphere_hub.webhooks.errors import EndpointNotFound, NotRetryable, ReplayNotFound
from worksphere_hub.webhooks.names import parse_delivery_id
from worksphere_hub.webhooks.schemas import AcceptedOut, DeliveryOut
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.shape import Shape
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(prefix="/v1", route_class=IdempotentRoute)

Retrier = Annotated[Principal, Depends(requires("deliveries:retry"))]
Reader = Annotated[Principal, Depends(requires("deliveries:read"))]
PayloadReader = Annotated[Principal, Depends(requires("payloads:read"))]
_Strict = ConfigDict(extra="forbid")


class ReplayCreate(BaseModel):
    """Which past events to send to an endpoint (again)."""

    model_config = _Strict
    what: Annotated[
        Literal["all", "failed", "missing"],
        Field(description="missing: those it has no delivery of; failed: those that were given up or called off."),
    ] = "missing"
    since: AwareDatetime
    until: AwareDatetime | None = None
    event_types: Annotated[list[Annotated[str, Field(max_length=130)]], Field(min_length=1, max_length=100)] = ["*"]
    rate: Annotated[float | None, Field(ge=0.01, le=10_000, description="Deliveries queued per second at most.")] = None
    dry_run: Annotated[bool, Field(description="Only count.")] = False


class ReplayOut(BaseModel):
    """A replay and how far it is."""

    id: str
    endpoint_id: str
    what: Literal["all", "failed", "missing"]
    event_types: list[str]
    rate: float | None
    state: Literal["running", "paused", "cancelled", "completed"]
    examined: int
    queued: int
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class ReplayCount(BaseModel):
    """What a replay would do."""

    would_send: int
    examined: int
    exact: bool = Field(description="False: it stopped counting, and there are at least so many.")


class EventReplay(BaseModel):
    """To whom to send an event again."""

    model_config = _Strict
    endpoint_ids: Annotated[list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100)] = (
        None
    )


class Queued(BaseModel):
    """How many deliveries are on their way."""

    queued: int


class Resend(BaseModel):
    """The data of the edited copy."""

    model_config = _Strict
    data: Any


class PreviewRequest(BaseModel):
    """A past event, and what to try on it instead of the endpoint's own settings."""

    model_config = _Strict
    event_id: Annotated[str, Field(max_length=80)]
    filter: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    transform: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    thin: bool = False


class PreviewOut(BaseModel):
    """What would be sent."""

    passes: bool
    body: str | None
    error: str | None
    micros: int


@router.post("/deliveries/{delivery_id}/retry", status_code=202, tags=["deliveries"])
async def retry_delivery(request: Request, principal: Retrier, delivery_id: str) -> DeliveryOut:
    """Try a delivery now. Its automatic retries are not disturbed: should this fail, all is as before."""
    return views.delivery_out(await manual.retry(_services(request), principal, *parse_delivery_id(delivery_id)))


@router.post("/deliveries/{delivery_id}/skip", tags=["deliveries"])
async def skip_delivery(request: Request, principal: Retrier, delivery_id: str) -> DeliveryOut:
    """Give a delivery up. What waits behind it in its order goes on."""
    return views.delivery_out(await manual.skip(_services(request), principal, *parse_delivery_id(delivery_id)))


@router.post("/deliveries/{delivery_id}/resend", status_code=202, tags=["deliveries"])
async def resend_delivery(request: Request, principal: PayloadReader, delivery_id: str, wanted: Resend) -> AcceptedOut:
    """Send an edited copy of an event to this delivery's endpoint. The original stays as it was."""
    principal.require("events:publish")
    limit: int = request.state.settings.events.body_limit
    event, endpoint = parse_delivery_id(delivery_id)
    accepted = await manual.resend(_services(request), principal, event, endpoint, wanted.data, body_limit=limit)
    return AcceptedOut(id=accepted.id, accepted_at=accepted.accepted_at)


@router.post("/events/{event_id}/replay", status_code=202, tags=["events"])
async def replay_event(
    request: Request, principal: Retrier, event_id: str, wanted: EventReplay | None = None
) -> Queued:
    """Send an event again, to the endpoints it is for now or to those you name."""
    chosen = replays.read_endpoint_ids(wanted.endpoint_ids if wanted else None)
    return Queued(queued=await replays.replay_event(_services(request), principal, event_id, chosen))


@router.post("/webhook-endpoints/{endpoint_id}/replay", status_code=202, tags=["replays"])
async def begin_replay(
    request: Request, response: Response, principal: Retrier, endpoint_id: str, wanted: ReplayCreate
) -> ReplayOut | ReplayCount:
    """Send past events to a receiver (again), as a job. With `dry_run` it is only counted, and nothing is sent."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    asked = replays.Wanted(wanted.what, wanted.since, wanted.until, wanted.event_types, wanted.rate)
    if wanted.dry_run:
        response.status_code = 200
        found = await replays.count(_services(request), principal, endpoint, asked)
        return ReplayCount(would_send=found.wanted, examined=found.examined, exact=found.exact)
    return _replay_out(await replays.begin(_services(request), principal, endpoint, asked))


@router.get("/replays", tags=["replays"])
async def list_replays(request: Request, principal: Reader, page: Paged) -> Page[ReplayOut]:
    """List replays, newest first."""
    async with _services(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_replays, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[_replay_out(row) for row in shown], next_cursor=cursor)


@router.get("/replays/{replay_id}", tags=["replays"])
async def get_replay(request: Request, principal: Reader, replay_id: str) -> ReplayOut:
    """Show how far a replay is."""
    async with _services(request).database.tenant(principal.org) as tx:
        return _replay_out(await replays.find(tx, principal.org, ids.decode("rpl", replay_id, ReplayNotFound)))


@router.post("/replays/{replay_id}/{change}", tags=["replays"])
async def change_replay(
    request: Request, principal: Retrier, replay_id: str, change: Literal["pause", "resume", "cancel"]
) -> ReplayOut:
    """Pause a replay, resume it, or cancel it. What it has queued is delivered in any case."""
    state = {"pause": "paused", "resume": "running", "cancel": "cancelled"}[change]
    replay = ids.decode("rpl", replay_id, ReplayNotFound)
    return _replay_out(await replays.set_state(_services(request), principal, replay, state))


@router.post("/webhook-endpoints/{endpoint_id}/preview", tags=["webhook endpoints"])
async def preview_endpoint(
    request: Request, principal: PayloadReader, endpoint_id: str, wanted: PreviewRequest
) -> PreviewOut:
    """Show what a receiver would be sent of a past event, by its own settings or by proposed ones."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    async with _services(request).database.tenant(principal.org) as tx:
        before = (await endpoints.find(tx, principal.org, endpoint)).configuration
        event = await event_store.find(tx, principal.org, wanted.event_id)
    if event is None:
        raise EventNotFound
    if event.body is None:
        raise NotRetryable("The event's message was removed.")
    tried = merged(before, wanted.model_dump(exclude_unset=True, exclude={"event_id"}))
    # An expression may take its time; others are served meanwhile.
    found = await asyncio.to_thread(shape.preview, shape_of(tried) or Shape(), event.body, event.public_id)
    return PreviewOut(
        passes=found.passes,
        body=found.body.decode() if found.body is not None else None,
        error=found.error.detail if found.error else None,
        micros=found.micros,
    )


def _replay_out(row: Row) -> ReplayOut:
    return ReplayOut(
        id=ids.encode("rpl", row["id"]),
        endpoint_id=ids.encode("whe", row["endpoint_id"]),
        what=row["what"],
        event_types=row["event_types"],
        rate=row["rate"],
        state=row["state"],
        examined=row["examined"],
        queued=row["queued"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )


def _services(request: Request) -> Services:
    return request.state.webhooks
