"""The door to what connectors do: actions run, streams listed and looked into."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.connections import actions
from worksphere_hub.connections.action_schemas import (
    ActionOut,
    ActionResult,
    ActionRun,
    SampleOut,
    SampleRequest,
    StreamOut,
)
from worksphere_hub.connections.actions import Who
from worksphere_hub.connections.errors import ConnectionNotFound
from worksphere_hub.connections.services import Connections
from worksphere_hub.http.headers import request_id
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page
from worksphere_hub.http.strict_route import StrictRoute

router = APIRouter(prefix="/v1/connections/{connection_id}", tags=["connections"], route_class=IdempotentRoute)
# Looking leaves nothing behind, and what was seen is not kept for a repetition.
reading_router = APIRouter(prefix="/v1/connections/{connection_id}", tags=["connections"], route_class=StrictRoute)

Caller = Annotated[Principal, Depends(requires("connections:call"))]


@router.post("/actions/{name}")
async def run_action(
    request: Request, principal: Caller, connection_id: str, name: str, wanted: ActionRun
) -> ActionResult:
    """Run an action of the connection's integration at the provider.

    Send an `Idempotency-Key`: then the same request again gives the same answer, and does nothing at the provider.
    """
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    result = await actions.run(_room(request), _who(request, principal), connection, name, wanted.input)
    return ActionResult(result=result)


@reading_router.get("/actions")
async def list_actions(request: Request, principal: Caller, connection_id: str) -> Page[ActionOut]:
    """List what can be done through a connection, by name."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    found = await actions.opened(_room(request), _who(request, principal), connection)
    return Page(
        data=[
            ActionOut(
                name=name,
                title=action.deed.title,
                input_schema=dict(action.deed.input_schema),
                idempotent=action.deed.idempotent,
                scopes=list(action.deed.scopes),
            )
            for name, action in sorted(found.connector.actions.items())
        ]
    )


@reading_router.get("/streams")
async def list_streams(request: Request, principal: Caller, connection_id: str) -> Page[StreamOut]:
    """List what can be read through a connection, by name, as this account has it."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    found = await actions.streams(_room(request), _who(request, principal), connection)
    return Page(
        data=[
            StreamOut(
                name=name,
                title=kind.title,
                primary_key=list(kind.primary_key),
                record_schema=dict(kind.schema),
                cursor_field=kind.cursor_field,
                incremental=kind.incremental,
                deletes=kind.deletes,
                scopes=list(kind.scopes),
            )
            for name, kind in found
        ]
    )


@reading_router.post("/streams/{name}/sample")
async def sample_stream(
    request: Request, principal: Caller, connection_id: str, name: str, wanted: SampleRequest
) -> SampleOut:
    """Read the first records of a stream, to see what it gives."""
    connection = ids.decode("con", connection_id, ConnectionNotFound)
    who = _who(request, principal)
    page = await actions.sample(_room(request), who, connection, name, wanted.only, wanted.limit)
    return SampleOut(records=[dict(record) for record in page.records])


def _room(request: Request) -> Connections:
    return request.state.connections


def _who(request: Request, principal: Principal) -> Who:
    return Who(principal.org, principal.label, request_id(request.scope))
