"""The HTTP door of connections. (Browsers, clients and calls have doors of their own.)"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import clock, ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.catalog.errors import InstanceNotFound
from worksphere_hub.connections import (
    action_routes,
    browser_routes,
    client_routes,
    connections,
    flows,
    reveal,
    store,
    views,
)
from worksphere_hub.connections.connect import page_routes
from worksphere_hub.connections.connect import routes as connect_routes
from worksphere_hub.connections.errors import CheckNotFound, ConnectionNotFound
from worksphere_hub.connections.models import INSTANCE
from worksphere_hub.connections.schemas import (
    AuthorizationOut,
    AuthorizationRequest,
    CheckOut,
    ConnectionCreate,
    ConnectionOut,
    ConnectionUpdate,
    CredentialEntry,
    DisconnectOut,
    Expiry,
    HealthChange,
    RequestOut,
    RevealedCredential,
    Status,
)
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.http.strict_route import StrictRoute

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=IdempotentRoute)
# Answers that hold a secret are never kept for a repetition.
secret_router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=StrictRoute)
ROUTERS = (
    router,
    secret_router,
    action_routes.router,
    action_routes.reading_router,
    client_routes.router,
    client_routes.return_router,
    browser_routes.router,
    connect_routes.router,
    page_routes.router,
)

Reader = Annotated[Principal, Depends(requires("connections:read"))]
Writer = Annotated[Principal, Depends(requires("connections:write"))]
Revealer = Annotated[Principal, Depends(requires("connections:reveal"))]


@router.post("", status_code=201)
async def create_connection(request: Request, principal: Writer, wanted: ConnectionCreate) -> ConnectionOut:
    """Create a connection, and connect it at once where its credential is given and needs nobody's consent."""
    return views.connection_out(await connections.create(_room(request), principal, wanted))


@router.get("")
async def list_connections(
    request: Request,
    principal: Reader,
    page: Paged,
    instance_id: Annotated[str | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
) -> Page[ConnectionOut]:
    """List connections, newest first."""
    instance = None if instance_id is None else ids.decode(INSTANCE, instance_id, InstanceNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_connections, principal.org, page.after_id(), instance, status, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.connection_out(store.connection_of(row)) for row in shown], next_cursor=cursor)


@router.get("/expiry")
async def list_connection_expiries(
    request: Request, principal: Reader, days: Annotated[int, Query(ge=1, le=730)] = 90
) -> Page[Expiry]:
    """What ends by itself within so many days, the soonest first, 500 at most: grants, idle refresh tokens, secrets."""
    until = clock.now() + timedelta(days=days)
    async with _room(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_expiries, principal.org, until)
    return Page(data=[views.expiry(row) for row in rows])


@router.get("/{connection_id}")
async def get_connection(request: Request, principal: Reader, connection_id: str) -> ConnectionOut:
    """Show one connection, without its credential."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        return views.connection_out(await store.find(tx, principal.org, connection))


@router.patch("/{connection_id}")
async def update_connection(
    request: Request, principal: Writer, connection_id: str, wanted: ConnectionUpdate
) -> ConnectionOut:
    """Rename a connection, switch it off or on."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    return views.connection_out(await connections.change(_room(request), principal, connection, wanted))


@router.delete("/{connection_id}", status_code=204)
async def delete_connection(request: Request, principal: Writer, connection_id: str) -> Response:
    """Disconnect a connection and remove it with its history."""
    await connections.delete(_room(request), principal, ids.decode("con", connection_id, ConnectionNotFound))
    return Response(status_code=204)


@router.post("/{connection_id}/disconnect")
async def disconnect_connection(request: Request, principal: Writer, connection_id: str) -> DisconnectOut:
    """Give the tokens back at the provider and destroy the credential. The connection can be authorized anew."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    after, revoked = await connections.disconnect(_room(request), principal, connection)
    return DisconnectOut(**views.connection_out(after).model_dump(), revoked=revoked)


@router.post("/{connection_id}/test")
async def check_connection(request: Request, principal: Writer, connection_id: str) -> CheckOut:
    """Test a connection now, by its integration's verification call."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    return views.check_out(await _room(request).checker.now(principal.org, connection, principal.public_id))


@router.get("/{connection_id}/checks")
async def list_connection_checks(
    request: Request, principal: Reader, connection_id: str, page: Paged
) -> Page[CheckOut]:
    """List a connection's checks, newest first."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        await store.find(tx, principal.org, connection)
        rows = await tx.rows(QUERIES.list_checks, principal.org, connection, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.check_out(row) for row in shown], next_cursor=cursor)


@router.get("/{connection_id}/checks/{check_id}")
async def get_connection_check(request: Request, principal: Reader, connection_id: str, check_id: str) -> CheckOut:
    """Show one check."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    check = ids.decode("chk", check_id, CheckNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.check_by_id, principal.org, connection, check)
    if row is None:
        raise CheckNotFound
    return views.check_out(row)


@router.get("/{connection_id}/health")
async def list_connection_health(
    request: Request, principal: Reader, connection_id: str, page: Paged
) -> Page[HealthChange]:
    """List how a connection's health changed, newest first."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        await store.find(tx, principal.org, connection)
        rows = await tx.rows(QUERIES.list_health, principal.org, connection, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.health_change(row) for row in shown], next_cursor=cursor)


@router.get("/{connection_id}/requests")
async def list_connection_requests(
    request: Request, principal: Reader, connection_id: str, page: Paged
) -> Page[RequestOut]:
    """List calls that were made through a connection, newest first: never what was in them."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    async with _room(request).database.tenant(principal.org) as tx:
        await store.find(tx, principal.org, connection)
        rows = await tx.rows(QUERIES.list_requests, principal.org, connection, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.request_out(row) for row in shown], next_cursor=cursor)


@secret_router.put("/{connection_id}/credential")
async def enter_connection_credential(
    request: Request, principal: Writer, connection_id: str, wanted: CredentialEntry
) -> ConnectionOut:
    """Enter a credential in place of the one there is."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    return views.connection_out(await connections.enter(_room(request), principal, connection, wanted.credential))


@secret_router.post("/{connection_id}/authorize")
async def authorize_connection(
    request: Request, principal: Writer, connection_id: str, wanted: AuthorizationRequest
) -> AuthorizationOut:
    """Ask the account's owner: by a link to open in a browser, or by a code to type in. Also to authorize anew."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    room = _room(request)
    return await flows.ask(room, principal, connection, wanted, browser_routes.base_of(request, room))


@secret_router.post("/{connection_id}/reveal")
async def reveal_connection_credential(
    request: Request, response: Response, principal: Revealer, connection_id: str
) -> RevealedCredential:
    """Show a raw credential. Off unless whoever runs the hub allows it; each time goes on the audit log."""
    response.headers["cache-control"] = "no-store"
    return await reveal.reveal(_room(request), principal, ids.decode("con", connection_id, ConnectionNotFound))


def _room(request: Request) -> Connections:
    return request.state.connections
