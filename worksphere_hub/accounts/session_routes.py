"""The HTTP door of sessions: signing in, and what one may do with one's own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts import sessions, views
from worksphere_hub.accounts.errors import SessionNotFound
from worksphere_hub.accounts.permissions import SELF
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import PUBLIC, origin, requires
from worksphere_hub.accounts.schemas import PasswordChange, SessionOut, SignedInCreated, SignedInOut, SignIn
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, session_of
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.http.strict_route import StrictRoute

# No Idempotency-Key here: signing in twice makes two sessions, and a token is not worth keeping.
router = APIRouter(prefix="/v1", tags=["sessions"], route_class=StrictRoute)

Person = Annotated[Principal, Depends(requires(SELF))]

CURRENT = "current"


@router.post("/sessions", status_code=201, dependencies=[PUBLIC], openapi_extra={"security": []})
async def sign_in(request: Request, given: SignIn) -> SignedInCreated:
    """Sign in. The answer holds the token, never shown again: send it as a bearer token."""
    signed_in = await sessions.sign_in(
        _accounts(request), given.email, given.password.get_secret_value(), given.organization, origin(request)
    )
    return views.signed_in_created(signed_in)


@router.get("/sessions")
async def list_sessions(request: Request, principal: Person, page: Paged) -> Page[SessionOut]:
    """List where you are signed in to this organization, newest first."""
    org = principal.home_org
    async with _accounts(request).database.tenant(org) as tx:
        rows = await tx.rows(QUERIES.list_sessions, org, principal.id, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    data = [views.session_out(session_of(row), principal.credential) for row in shown]
    return Page(data=data, next_cursor=cursor)


@router.get("/sessions/{session_id}")
async def get_session(request: Request, principal: Person, session_id: str) -> SignedInOut:
    """Show who you are in one of your sessions; `current` is the one you ask with."""
    session = _session_id(session_id, principal)
    async with _accounts(request).database.tenant(principal.home_org) as tx:
        return views.signed_in_out(await sessions.find(tx, principal.home_org, principal.id, session))


@router.delete("/sessions/{session_id}", status_code=204)
async def sign_out(request: Request, principal: Person, session_id: str) -> Response:
    """End one of your sessions; `current` is the one you ask with."""
    await sessions.sign_out(_accounts(request).database, principal, _session_id(session_id, principal))
    return Response(status_code=204)


@router.delete("/sessions", status_code=204)
async def sign_out_everywhere(request: Request, principal: Person) -> Response:
    """End all of your sessions, in every organization, this one too."""
    await sessions.sign_out_everywhere(_accounts(request).database, principal)
    return Response(status_code=204)


@router.put("/password", status_code=204)
async def change_password(request: Request, principal: Person, given: PasswordChange) -> Response:
    """Change your password. All your other sessions end."""
    current, new = given.current_password.get_secret_value(), given.new_password.get_secret_value()
    await sessions.change_password(_accounts(request), principal, current, new)
    return Response(status_code=204)


def _session_id(text: str, principal: Principal) -> UUID:
    found = principal.credential if text == CURRENT else ids.parse("ses", text)
    if found is None:
        raise SessionNotFound
    return found


def _accounts(request: Request) -> Accounts:
    return request.state.accounts
