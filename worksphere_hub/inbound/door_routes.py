"""The door that providers knock at: `/in/{token}`, without a key of the hub's."""

from typing import Any

from fastapi import APIRouter, Request, Response

from worksphere_hub import clock, ids
from worksphere_hub.accounts.requires import PUBLIC, address
from worksphere_hub.http.errors import BodyTooLarge, HeadersTooLarge
from worksphere_hub.http.peers import is_trusted
from worksphere_hub.http.reading import announced_length, discard_body, read_or_discard
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.inbound.receive import Taken
from worksphere_hub.inbound.schemes.scheme import Received
from worksphere_hub.inbound.sources import Inbound

router = APIRouter(prefix="/in", tags=["inbound"], route_class=StrictRoute, dependencies=[PUBLIC])

_QUERY_LIMIT = 16_384

# The address is the credential here, together with what the source's scheme wants.
_OPEN: dict[str, Any] = {"security": []}


@router.post("/{token}", openapi_extra=_OPEN)
async def receive_inbound(request: Request, token: str) -> Response:
    """Receive what a provider sends. 200 once it is verified and stored, also when it was before."""
    return await _receive(request, token)


@router.get("/{token}", openapi_extra=_OPEN)
async def receive_inbound_query(request: Request, token: str) -> Response:
    """Receive what a provider sends in the query, or answer its challenge."""
    return await _receive(request, token)


async def _receive(request: Request, token: str) -> Response:
    inbound: Inbound = request.state.inbound
    client = address(request)
    try:
        door = await inbound.doorkeeper.admit(token, announced_length(request.scope), client)
    except BodyTooLarge:
        await discard_body(request.scope, request.receive)
        raise
    if len(request.scope["query_string"]) > _QUERY_LIMIT:
        inbound.doorkeeper.refuse(door, "too_large", client)
        raise HeadersTooLarge(f"The query may have at most {_QUERY_LIMIT} bytes.")
    try:
        body = await read_or_discard(request.scope, request.receive, door.size_limit)
    except BodyTooLarge:
        inbound.doorkeeper.refuse(door, "too_large", client)
        raise
    taken = await inbound.doorkeeper.take(door, _received(request, inbound, body, door.tolerance), client)
    return _answer(taken)


def _received(request: Request, inbound: Inbound, body: bytes, tolerance: int) -> Received:
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    here = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    bases = (inbound.settings.public_url.rstrip("/"),) if inbound.settings.public_url else (here,)
    return Received(
        method=request.method,
        urls=tuple(base + path for base in bases),
        query=query,
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]),
        body=body,
        now=clock.epoch(),
        tolerance=tolerance,
        by_proxy=is_trusted(request.scope["state"].get("peer"), inbound.trusted_proxies),
    )


def _answer(taken: Taken) -> Response:
    # No body: some providers show it to their users.
    headers = {"hub-message": ids.encode("inm", taken.message)} if taken.message else {}
    if taken.message and not taken.new:
        headers["hub-duplicate"] = "true"
    if taken.answer is None:
        return Response(status_code=200, headers=headers)
    return Response(taken.answer.body, 200, headers | {"content-type": taken.answer.content_type})
