"""The HTTP door of endpoints."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import clock, ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import grammar
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.webhooks import (
    attempt_routes,
    endpoint_secrets,
    endpoints,
    event_routes,
    event_type_routes,
    jwks_routes,
    pull_routes,
    replay_routes,
    retention_routes,
    views,
)
from worksphere_hub.webhooks.endpoint_rows import endpoint_of
from worksphere_hub.webhooks.errors import EndpointNotFound, InvalidEndpoint
from worksphere_hub.webhooks.schemas import (
    AcceptedOut,
    EndpointCreate,
    EndpointCreated,
    EndpointOut,
    EndpointUpdate,
    KeyOut,
    SecretRotated,
    SecretRotation,
    TestRequest,
)
from worksphere_hub.webhooks.send_test import Trial, send_test
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook endpoints"], route_class=IdempotentRoute)
ROUTERS = (
    router,
    event_routes.router,
    event_type_routes.router,
    jwks_routes.router,
    pull_routes.router,
    replay_routes.router,
    attempt_routes.router,
    retention_routes.router,
)

Reader = Annotated[Principal, Depends(requires("endpoints:read"))]
Writer = Annotated[Principal, Depends(requires("endpoints:write"))]
Rotator = Annotated[Principal, Depends(requires("endpoints:rotate"))]
Pauser = Annotated[Principal, Depends(requires("endpoints:pause"))]


@router.post("", status_code=201)
async def create_endpoint(request: Request, principal: Writer, wanted: EndpointCreate) -> EndpointCreated:
    """Register a receiver. The answer holds its signing secret, which is never shown again."""
    given = wanted.model_dump(exclude_unset=True, exclude={"secret", "auth"})
    endpoint, keys = await endpoints.register(
        _services(request), principal, given, secret=wanted.secret, auth=wanted.auth
    )
    shown = views.endpoint_out(endpoint).model_dump()
    return EndpointCreated(**shown, secret=keys.secret, public_key=keys.public_key)


@router.get("")
async def list_endpoints(request: Request, principal: Reader, page: Paged) -> Page[EndpointOut]:
    """List receivers, newest first."""
    async with _services(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_endpoints, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.endpoint_out(endpoint_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{endpoint_id}")
async def get_endpoint(request: Request, principal: Reader, endpoint_id: str) -> EndpointOut:
    """Show one receiver."""
    async with _services(request).database.tenant(principal.org) as tx:
        return views.endpoint_out(
            await endpoints.find(tx, principal.org, ids.decode("whe", endpoint_id, EndpointNotFound))
        )


@router.patch("/{endpoint_id}")
async def update_endpoint(request: Request, principal: Writer, endpoint_id: str, wanted: EndpointUpdate) -> EndpointOut:
    """Change a receiver. What is left out stays as it is."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    given = wanted.model_dump(exclude_unset=True, exclude={"auth"})
    return views.endpoint_out(await endpoints.change(_services(request), principal, endpoint, given, auth=wanted.auth))


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


@router.post("/{endpoint_id}/rotate-secret")
async def rotate_secret(
    request: Request, principal: Rotator, endpoint_id: str, wanted: SecretRotation | None = None
) -> SecretRotated:
    """Give a receiver new signing keys. The old ones sign beside them for a day, or for as long as you say."""
    wanted = wanted or SecretRotation()
    overlap = timedelta(seconds=wanted.overlap_seconds)
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    keys = await endpoint_secrets.rotate(_services(request), principal, endpoint, overlap=overlap, secret=wanted.secret)
    return SecretRotated(secret=keys.secret, public_key=keys.public_key, old_keys_until=clock.now() + overlap)


@router.get("/{endpoint_id}/keys")
async def list_endpoint_keys(request: Request, principal: Reader, endpoint_id: str) -> Page[KeyOut]:
    """List the keys that sign a receiver's messages now: which they are, not what they are."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    async with _services(request).database.tenant(principal.org) as tx:
        await endpoints.find(tx, principal.org, endpoint)
        rows = await endpoint_secrets.list_keys(tx, principal.org, endpoint)
    return Page(data=[views.key_out(row) for row in rows])


@router.post("/{endpoint_id}/test", status_code=202)
async def send_test_event(
    request: Request, principal: Writer, endpoint_id: str, wanted: TestRequest | None = None
) -> AcceptedOut:
    """Send a test event to this receiver alone. Its attempts are listed like any other's."""
    wanted = wanted or TestRequest()
    if wanted.source != "ping":
        # Otherwise whoever may point an endpoint somewhere could read what they may not.
        principal.require("payloads:read")
        if wanted.event_type is None or not grammar.is_event_type(wanted.event_type):
            raise InvalidEndpoint("event_type is missing.", problems=[FieldProblem("event_type", grammar.TYPE_RULE)])
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    accepted = await send_test(_services(request), principal, endpoint, Trial(wanted.source, wanted.event_type))
    return AcceptedOut(id=accepted.id, accepted_at=accepted.accepted_at)


def _services(request: Request) -> Services:
    return request.state.webhooks
