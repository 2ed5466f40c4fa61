"""The door to subscriptions at providers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.connections import store as connections
from worksphere_hub.connections.errors import ConnectionNotFound
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.inbound import addresses, subscriptions, views
from worksphere_hub.inbound.errors import SubscriptionNotFound
from worksphere_hub.inbound.schemas import SubscriptionCreate, SubscriptionOut
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.inbound.store import QUERIES

router = APIRouter(
    prefix="/v1/connections/{connection_id}/subscriptions", tags=["inbound sources"], route_class=IdempotentRoute
)

Reader = Annotated[Principal, Depends(requires("inbound:read"))]
Writer = Annotated[Principal, Depends(requires("inbound:write"))]


@router.post("", status_code=202)
async def create_subscription(
    request: Request, principal: Writer, connection_id: str, wanted: SubscriptionCreate
) -> SubscriptionOut:
    """Have the provider send what happens to a connection's account. It is made, and kept alive, by a worker.

    Each fact that comes is an event of its own, with the connection and the record it is about.
    """
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    base = addresses.base_of(_inbound(request).settings, str(request.base_url))
    return views.subscription_out(
        await subscriptions.create(_inbound(request), principal, connection, wanted.wanted, base)
    )


@router.get("")
async def list_subscriptions(
    request: Request, principal: Reader, connection_id: str, page: Paged
) -> Page[SubscriptionOut]:
    """List a connection's subscriptions, newest first."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        await connections.find(tx, principal.org, connection)
        names = principal.org, connection, page.after_id(), page.limit + 1
        rows = await tx.rows(QUERIES.list_subscriptions, *names)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.subscription_out(row) for row in shown], next_cursor=cursor)


@router.get("/{subscription_id}")
async def get_subscription(
    request: Request, principal: Reader, connection_id: str, subscription_id: str
) -> SubscriptionOut:
    """Show one subscription."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    subscription = ids.decode("sub", subscription_id, SubscriptionNotFound)
    async with _inbound(request).database.tenant(principal.org) as tx:
        await connections.find(tx, principal.org, connection)
        row = await tx.row(QUERIES.subscription_by_id, principal.org, connection, subscription)
    if row is None:
        raise SubscriptionNotFound
    return views.subscription_out(row)


@router.delete("/{subscription_id}", status_code=202)
async def cancel_subscription(
    request: Request, principal: Writer, connection_id: str, subscription_id: str
) -> Response:
    """End a subscription at the provider. Until that has been done it is shown as `cancelling`, then it is gone."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    subscription = ids.decode("sub", subscription_id, SubscriptionNotFound)
    await subscriptions.cancel(_inbound(request), principal, connection, subscription)
    return Response(status_code=202)


def _inbound(request: Request) -> Inbound:
    return request.state.inbound
