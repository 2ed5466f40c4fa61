"""The HTTP door of connect sessions, for whoever runs the host product. (Its customers' is `page_routes`.)"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.connections.browser_routes import base_of
from worksphere_hub.connections.connect import sessions
from worksphere_hub.connections.connect.schemas import (
    ConnectSessionCreate,
    ConnectSessionCreated,
    ConnectSessionOut,
)
from worksphere_hub.connections.errors import ConnectSessionNotFound
from worksphere_hub.connections.services import Connections
from worksphere_hub.http.idempotent_route import IdempotentRoute

router = APIRouter(prefix="/v1/connect-sessions", tags=["connections"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("connections:read"))]
Writer = Annotated[Principal, Depends(requires("connections:write"))]


@router.post("", status_code=201)
async def create_connect_session(
    request: Request, principal: Writer, wanted: ConnectSessionCreate
) -> ConnectSessionCreated:
    """Make a page on which a customer connects an account, without a key; open its `url` in the customer's browser."""
    room = _room(request)
    return await sessions.create(room, principal, wanted, base_of(request, room))


@router.get("/{session_id}")
async def get_connect_session(request: Request, principal: Reader, session_id: str) -> ConnectSessionOut:
    """Show how far a page's customer has come."""
    session = ids.decode(sessions.PREFIX, session_id, ConnectSessionNotFound)
    return await sessions.show(_room(request), principal, session)


@router.delete("/{session_id}", status_code=204)
async def close_connect_session(request: Request, principal: Writer, session_id: str) -> Response:
    """Take a page back: nobody can do anything on it any more. What was connected stays connected."""
    await sessions.close(_room(request), principal, ids.decode(sessions.PREFIX, session_id, ConnectSessionNotFound))
    return Response(status_code=204)


def _room(request: Request) -> Connections:
    return request.state.connections
