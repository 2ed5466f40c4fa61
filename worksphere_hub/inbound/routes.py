"""The HTTP door of sources and their messages. (Providers have one of their own: `door_routes`.)"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.inbound import addresses, door_routes, messages, sources, subscription_routes, views
from worksphere_hub.inbound.errors import MessageNotFound, SourceNotFound
from worksphere_hub.inbound.schemas import (
    AddressOut,
    MessageOut,
    MessageWithBody,
    PullOut,
    RefusalOut,
    SecretOut,
    SecretRotation,
    SourceCreate,
    SourceCreated,
    SourceOut,
    SourceUpdate,
    State,
)
from worksphere_hub.inbound.schemes.pulled import Pulled
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.security.tokens import MintedToken

router = APIRouter(prefix="/v1/inbound-sources", tags=["inbound sources"], route_class=IdempotentRoute)
ROUTERS = (router, subscription_routes.router, door_routes.router)

Reader = Annotated[Principal, Depends(requires("inbound:read"))]
Writer = Annotated[Principal, Depends(requires("inbound:write"))]
Rotator = Annotated[Principal, Depends(requires("inbound:rotate"))]
Replayer = Annotated[Principal, Depends(requires("inbound:replay"))]


@router.post("", status_code=201)
async def create_inbound_source(request: Request, principal: Writer, wanted: SourceCreate) -> SourceCreated:
    """Create a source. The answer holds its address, and its secret where the hub makes one: neither is shown again."""
    made = await sources.create(_inbound(request), principal, wanted)
    shown = views.source_out(made.source).model_dump()
    address = None if isinstance(made.source.scheme, Pulled) else _address(request, made.token)
    return SourceCreated(**shown, address=address, secret=made.secret)


@router.get("")
async def list_inbound_sources(request: Request, principal: Reader, page: Paged) -> Page[SourceOut]:
    """List sources, newest first."""
    async with _inbound(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_sources, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.source_out(sources.source_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{source_id}")
async def get_inbound_source(request: Request, principal: Reader, source_id: str) -> SourceOut:
    """Show one source."""
    async with _inbound(request).database.tenant(principal.org) as tx:
        return views.source_out(await sources.find(tx, principal.org, ids.decode("ins", source_id, SourceNotFound)))


@router.get("/{source_id}/pull")
async def get_inbound_pull(request: Request, principal: Reader, source_id: str) -> PullOut:
    """Show how fetching from a source's queue stands; there is nothing of a source that is posted to."""
    source = ids.decode("ins", source_id, SourceNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.pull_of_source, principal.org, source)
    if row is None:
        raise SourceNotFound
    return views.pull_out(row)


@router.patch("/{source_id}")
async def update_inbound_source(request: Request, principal: Writer, source_id: str, wanted: SourceUpdate) -> SourceOut:
    """Change a source: its name, how it verifies, where it routes, its limits, or whether it is enabled."""
    source = ids.decode("ins", source_id, SourceNotFound)
    return views.source_out(await sources.change(_inbound(request), principal, source, wanted))


@router.delete("/{source_id}", status_code=204)
async def delete_inbound_source(request: Request, principal: Writer, source_id: str) -> Response:
    """Delete a source. Its address is gone at once; its messages stay for their time."""
    await sources.delete(_inbound(request), principal, ids.decode("ins", source_id, SourceNotFound))
    return Response(status_code=204)


@router.post("/{source_id}/rotate-token")
async def rotate_inbound_token(request: Request, principal: Rotator, source_id: str) -> AddressOut:
    """Move a source to a new address, which is shown this once. The old one is gone."""
    source = ids.decode("ins", source_id, SourceNotFound)
    token = await sources.rotate_token(_inbound(request), principal, source)
    return AddressOut(address=_address(request, token))


@router.post("/{source_id}/rotate-secret")
async def rotate_inbound_secret(
    request: Request, principal: Rotator, source_id: str, wanted: SecretRotation
) -> SecretOut:
    """Add a secret; the older ones are good for the overlap that is given."""
    source = ids.decode("ins", source_id, SourceNotFound)
    return SecretOut(secret=await sources.rotate_secret(_inbound(request), principal, source, wanted))


@router.get("/{source_id}/messages")
async def list_inbound_messages(
    request: Request,
    principal: Reader,
    source_id: str,
    page: Paged,
    state: Annotated[State | None, Query()] = None,
) -> Page[MessageOut]:
    """List what a source has taken, newest first, with its verdict and how far its processing is."""
    source = ids.decode("ins", source_id, SourceNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        await sources.find(tx, principal.org, source)
        rows = await tx.rows(QUERIES.list_messages, principal.org, source, page.after_id(), state, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.message_out(row) for row in shown], next_cursor=cursor)


@router.get("/{source_id}/messages/{message_id}")
async def get_inbound_message(request: Request, principal: Reader, source_id: str, message_id: str) -> MessageWithBody:
    """Show one message; its raw body to those who may read payloads."""
    source = ids.decode("ins", source_id, SourceNotFound)
    message = ids.decode("inm", message_id, MessageNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        row = await messages.find(tx, principal.org, source, message)
    return views.message_with_body(row, with_payload=principal.may("payloads:read"))


@router.post("/{source_id}/messages/{message_id}/replay", status_code=202)
async def replay_inbound_message(request: Request, principal: Replayer, source_id: str, message_id: str) -> MessageOut:
    """Process a message again from its raw body, by the source as it is now. It is published anew."""
    source = ids.decode("ins", source_id, SourceNotFound)
    message = ids.decode("inm", message_id, MessageNotFound)
    return views.message_out(await messages.replay(_inbound(request).database, principal, source, message))


@router.post("/{source_id}/messages/{message_id}/ignore")
async def ignore_inbound_message(request: Request, principal: Replayer, source_id: str, message_id: str) -> MessageOut:
    """Set a message aside that failed or waits. It can be replayed later."""
    source = ids.decode("ins", source_id, SourceNotFound)
    message = ids.decode("inm", message_id, MessageNotFound)
    return views.message_out(await messages.ignore(_inbound(request).database, principal, source, message))


@router.get("/{source_id}/refusals")
async def list_inbound_refusals(request: Request, principal: Reader, source_id: str) -> Page[RefusalOut]:
    """Count what a source has refused in the last 90 days, by day and reason: 200 rows at most, the latest first."""
    source = ids.decode("ins", source_id, SourceNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        await sources.find(tx, principal.org, source)
        rows = await tx.rows(QUERIES.list_refusals, principal.org, source)
    return Page(data=[views.refusal_out(row) for row in rows])


def _inbound(request: Request) -> Inbound:
    return request.state.inbound


def _address(request: Request, token: MintedToken) -> str:
    return addresses.address_of(_inbound(request).settings, str(request.base_url), token)
