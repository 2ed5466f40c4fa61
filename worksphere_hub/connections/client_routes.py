"""The HTTP door of OAuth clients, and of the addresses that browsers may be sent back to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.connections import clients, views
from worksphere_hub.connections.errors import ClientNotFound
from worksphere_hub.connections.schemas import ClientCreate, ClientOut, ClientUpdate, ReturnUrls
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1/oauth-clients", tags=["connections"], route_class=IdempotentRoute)
return_router = APIRouter(prefix="/v1/oauth-return-urls", tags=["connections"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("connections:read"))]
# Whoever sets a client decides where every code of it is redeemed: that is configuring, not connecting.
Writer = Annotated[Principal, Depends(requires("integrations:write"))]


@router.post("", status_code=201)
async def create_oauth_client(request: Request, principal: Writer, wanted: ClientCreate) -> ClientOut:
    """Register the provider's app, for one instance or for an integration of one's own. Its secret is sealed."""
    room = _room(request)
    return views.client_out(await clients.create(room.database, room.vault, principal, wanted))


@router.get("")
async def list_oauth_clients(request: Request, principal: Reader, page: Paged) -> Page[ClientOut]:
    """List the organization's clients, newest first; those that others share with it are not among them."""
    async with _room(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_clients, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.client_out(row) for row in shown], next_cursor=cursor)


@router.get("/{client_id}")
async def get_oauth_client(request: Request, principal: Reader, client_id: str) -> ClientOut:
    """Show one client, without its secret."""
    client = ids.decode("ocl", client_id, ClientNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.client_by_id, principal.org, client)
    if row is None:
        raise ClientNotFound
    return views.client_out(row)


@router.put("/{client_id}")
async def replace_oauth_client(request: Request, principal: Writer, client_id: str, wanted: ClientUpdate) -> ClientOut:
    """Replace a client's id and secret, as when the provider's app gets a new secret."""
    client = ids.decode("ocl", client_id, ClientNotFound)
    room = _room(request)
    return views.client_out(await clients.change(room.database, room.vault, principal, client, wanted))


@router.delete("/{client_id}", status_code=204)
async def delete_oauth_client(request: Request, principal: Writer, client_id: str) -> Response:
    """Delete a client. Connections authorized with it cannot be renewed any more."""
    await clients.delete(_room(request).database, principal, ids.decode("ocl", client_id, ClientNotFound))
    return Response(status_code=204)


@return_router.get("")
async def list_oauth_return_urls(request: Request, principal: Reader) -> ReturnUrls:
    """List where a browser may be sent back to."""
    async with _room(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_return_urls, principal.org)
    return ReturnUrls(urls=[row["url"] for row in rows])


@return_router.put("")
async def replace_oauth_return_urls(request: Request, principal: Writer, wanted: ReturnUrls) -> ReturnUrls:
    """Say where a browser may be sent back to: these addresses, word for word, and no others."""
    urls = sorted(set(wanted.urls))
    async with _room(request).database.tenant(principal.org) as tx:
        before = [row["url"] for row in await tx.rows(QUERIES.list_return_urls, principal.org)]
        await tx.run(QUERIES.clear_return_urls, principal.org)
        await tx.run(QUERIES.insert_return_urls, principal.org, urls)
        await audit.record(
            tx, principal, "oauth_return_urls.replaced", target_kind="organization", target_id=None,
            changes={"urls": [before, urls]},
        )  # fmt: skip
    return ReturnUrls(urls=urls)


def _room(request: Request) -> Connections:
    return request.state.connections
