"""The HTTP door of endpoints."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.webhooks import endpoints, event_routes, event_type_routes, views
from worksphere_hub.webhooks.endpoints import EndpointChange, Services
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.schemas import (
    AcceptedOut,
    AttemptOut,
    EndpointCreate,
    EndpointCreated,
    EndpointOut,
    EndpointUpdate,
)
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook endpoints"], route_class=IdempotentRoute)
ROUTERS = (router, event_routes.router, event_type_routes.router)

Reader = Annotated[Principal, Depends(requires("endpoints:read"))]
Writer = Annotated[Principal, Depends(requires("endpoints:write"))]
Pauser = Annotated[Principal, Depends(requires("endpoints:pause"))]


@router.post("", status_code=201)
async def create_endpoint(request: Request, principal: Writer, wanted: EndpointCreate) -> EndpointCreated:
    """Register a receiver. The answer holds its signing secret, which is never shown again."""
    change = EndpointChange(wanted.url, wanted.description, wanted.event_types)
    endpoint, secret = await endpoints.register(_services(request), principal, wanted=change, secret=wanted.secret)
    return EndpointCreated(**views.endpoint_out(endpoint).model_dump(), secret=secret)


@router.get("")
async def list_endpoints(request: Request, principal: Reader, page: Paged) -> Page[EndpointOut]:
    """List receivers, newest first."""
    async with _services(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_endpoints, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.endpoint_out(endpoints.endpoint_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{endpoint_id}")
async def get_endpoint(request: Request, principal: Reader, endpoint_id: str) -> EndpointOut:
    """Show one receiver."""
    async with _services(request).database.tenant(principal.org) as tx:
        return views.endpoint_out(
            await endpoints.find(tx, principal.org, ids.decode("whe", endpoint_id, EndpointNotFound))
        )


@router.patch("/{endpoint_id}")
async def update_endpoint(request: Request, principal: Writer, endpoint_id: str, wanted: EndpointUpdate) -> EndpointOut:
    """Change a receiver's URL, description or event types."""
    change = EndpointChange(wanted.url, wanted.description, wanted.event_types)
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    return views.endpoint_out(await endpoints.change(_services(request), principal, endpoint, change))


@router.delete("/{endpoint_id}", status_code=204)
async def delete_endpoint(request: Request, principal: Writer, endpoint_id: str) -> Response:
    """Delete a receiver. What was still to be delivered is cancelled; its history stays."""
    await endpoints.delete(_services(request), principal, ids.decode("whe", endpoint_id, EndpointNotFound))
    return Response(status_code=204)


@router.post("/{endpoint_id}/enable")
async def enable_endpoint(request: Request, principal: Pauser, endpoint_id: str) -> EndpointOut:
    """Enable a receiver. What was held for it is sent."""
    endpoint = await endpoints.enable(_services(request), principal, ids.decode("whe", endpoint_id, EndpointNotFound))
    return views.endpoint_out(endpoint)


@router.post("/{endpoint_id}/disable")
async def disable_endpoint(request: Request, principal: Pauser, endpoint_id: str) -> EndpointOut:
    """Disable a receiver. What waits for it is held; new events pass it by."""
    endpoint = await endpoints.disable(_services(request), principal, ids.decode("whe", endpoint_id, EndpointNotFound))
    return views.endpoint_out(endpoint)


@router.post("/{endpoint_id}/test", status_code=202)
async def test_endpoint(request: Request, principal: Writer, endpoint_id: str) -> AcceptedOut:
    """Send a test event to this receiver alone. Its attempts are listed like any other's."""
    accepted = await endpoints.send_test(
        _services(request), principal, ids.decode("whe", endpoint_id, EndpointNotFound)
    )
    return AcceptedOut(id=accepted.id, accepted_at=accepted.accepted_at)


@router.get("/{endpoint_id}/attempts")
async def list_endpoint_attempts(
    request: Request, principal: Reader, endpoint_id: str, page: Paged
) -> Page[AttemptOut]:
    """List a receiver's attempts, newest first, each with its request, response, timing and cause of failure."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    async with _services(request).database.tenant(principal.org) as tx:
        await endpoints.find(tx, principal.org, endpoint)
        rows = await tx.rows(
            QUERIES.list_attempts_of_endpoint, principal.org, endpoint, page.after_id(), page.limit + 1
        )
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    with_payload = principal.may("payloads:read")
    return Page(data=[views.attempt_out(row, with_payload=with_payload) for row in shown], next_cursor=cursor)


def _services(request: Request) -> Services:
    return request.state.webhooks
