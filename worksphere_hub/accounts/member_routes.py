"""The HTTP door of members, invitations and roles."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts import invitations, members, roles, views
from worksphere_hub.accounts.errors import InvitationNotFound, MemberNotFound, RoleNotFound
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import PUBLIC, origin, requires
from worksphere_hub.accounts.schemas import (
    ROLE_NAME,
    InvitationAccept,
    InvitationCreate,
    InvitationCreated,
    InvitationOut,
    MemberOut,
    MemberUpdate,
    RoleCreate,
    RoleOut,
    SignedInCreated,
)
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, invitation_of, member_of, role_of
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1", route_class=IdempotentRoute)

MemberReader = Annotated[Principal, Depends(requires("members:read"))]
MemberWriter = Annotated[Principal, Depends(requires("members:write"))]
RoleReader = Annotated[Principal, Depends(requires("roles:read"))]
RoleWriter = Annotated[Principal, Depends(requires("roles:write"))]


@router.get("/members", tags=["members"])
async def list_members(request: Request, principal: MemberReader, page: Paged) -> Page[MemberOut]:
    """List members, the newest person first."""
    async with _accounts(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_members, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["person_id"].hex])
    return Page(data=[views.member_out(member_of(row)) for row in shown], next_cursor=cursor)


@router.get("/members/{member_id}", tags=["members"])
async def get_member(request: Request, principal: MemberReader, member_id: str) -> MemberOut:
    """Show one member."""
    person = _member_id(member_id)
    async with _accounts(request).database.tenant(principal.org) as tx:
        return views.member_out(await members.find(tx, principal.org, person))


@router.patch("/members/{member_id}", tags=["members"])
async def update_member(request: Request, principal: MemberWriter, member_id: str, wanted: MemberUpdate) -> MemberOut:
    """Give a member another role. Neither the old nor the new one may be above your own."""
    person = _member_id(member_id)
    changed = await members.change_role(_accounts(request).database, principal, person, wanted.role)
    return views.member_out(changed)


@router.delete("/members/{member_id}", tags=["members"], status_code=204)
async def remove_member(request: Request, principal: MemberWriter, member_id: str) -> Response:
    """Remove a member. Their sessions here end, and their API keys are refused."""
    await members.remove(_accounts(request).database, principal, _member_id(member_id))
    return Response(status_code=204)


@router.post("/invitations", tags=["members"], status_code=201)
async def create_invitation(request: Request, principal: MemberWriter, wanted: InvitationCreate) -> InvitationCreated:
    """Invite somebody. The answer holds a code, never shown again: pass it on to the person."""
    return views.invitation_created(
        await invitations.invite(_accounts(request), principal, email=wanted.email, role=wanted.role)
    )


@router.get("/invitations", tags=["members"])
async def list_invitations(request: Request, principal: MemberReader, page: Paged) -> Page[InvitationOut]:
    """List open invitations, newest first."""
    async with _accounts(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_invitations, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.invitation_out(invitation_of(row)) for row in shown], next_cursor=cursor)


@router.delete("/invitations/{invitation_id}", tags=["members"], status_code=204)
async def revoke_invitation(request: Request, principal: MemberWriter, invitation_id: str) -> Response:
    """Take an invitation back."""
    invitation = ids.parse("inv", invitation_id)
    if invitation is None:
        raise InvitationNotFound
    await invitations.revoke(_accounts(request).database, principal, invitation)
    return Response(status_code=204)


@router.post(
    "/invitations/accept",
    tags=["members"],
    status_code=201,
    dependencies=[PUBLIC],
    openapi_extra={"security": []},
)
async def accept_invitation(request: Request, given: InvitationAccept) -> SignedInCreated:
    """Become a member and sign in: with a new password, or with that of the account you have already."""
    signed_in = await invitations.accept(
        _accounts(request),
        given.code.get_secret_value(),
        given.name,
        given.password.get_secret_value(),
        origin(request),
    )
    return views.signed_in_created(signed_in)


@router.get("/roles", tags=["roles"])
async def list_roles(request: Request, principal: RoleReader) -> Page[RoleOut]:
    """List all roles, the built-in ones first."""
    async with _accounts(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_roles, principal.org)
    return Page(data=[views.role_out(role_of(row)) for row in rows])


@router.post("/roles", tags=["roles"], status_code=201)
async def create_role(request: Request, principal: RoleWriter, wanted: RoleCreate) -> RoleOut:
    """Create a role out of permissions that you have yourself."""
    return views.role_out(await roles.create(_accounts(request), principal, wanted.name, wanted.permissions))


@router.delete("/roles/{role_name}", tags=["roles"], status_code=204)
async def delete_role(request: Request, principal: RoleWriter, role_name: str) -> Response:
    """Delete a role that nobody has."""
    # What cannot be a name does not get as far as the database, which does not take every text.
    if ROLE_NAME.fullmatch(role_name) is None:
        raise RoleNotFound
    await roles.delete(_accounts(request).database, principal, role_name)
    return Response(status_code=204)


def _member_id(text: str) -> UUID:
    found = ids.parse("per", text)
    if found is None:
        raise MemberNotFound
    return found


def _accounts(request: Request) -> Accounts:
    return request.state.accounts
