"""The HTTP door of organizations and of the audit log."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from worksphere_hub import ids
from worksphere_hub.accounts import organizations, views
from worksphere_hub.accounts.errors import OrganizationNotFound
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.accounts.schemas import (
    AuditEntryOut,
    OrganizationCreate,
    OrganizationCreated,
    OrganizationOut,
    OrganizationUpdate,
)
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, audit_entry_of, organization_of
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1/organizations", tags=["organizations"], route_class=IdempotentRoute)
audit_router = APIRouter(prefix="/v1/audit", tags=["audit"])

Creator = Annotated[Principal, Depends(requires("organizations:create"))]
Lister = Annotated[Principal, Depends(requires("organizations:list"))]
Suspender = Annotated[Principal, Depends(requires("organizations:suspend"))]
Reader = Annotated[Principal, Depends(requires("organizations:read"))]
Writer = Annotated[Principal, Depends(requires("organizations:write"))]
AuditReader = Annotated[Principal, Depends(requires("audit:read"))]
SlugFilter = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,63}$")]
Action = Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)+$", examples=["api_key.created"])]


@router.post("", status_code=201)
async def create_organization(request: Request, principal: Creator, wanted: OrganizationCreate) -> OrganizationCreated:
    """Create an organization with the built-in roles. For the company that runs the hub."""
    organization, invited = await organizations.create(
        _accounts(request), principal, slug=wanted.slug, name=wanted.name, owner_email=wanted.owner_email
    )
    return views.organization_created(organization, invited)


@router.get("")
async def list_organizations(
    request: Request, _principal: Lister, page: Paged, slug: SlugFilter = None
) -> Page[OrganizationOut]:
    """List all organizations, newest first, or find one by its slug. For the company that runs the hub."""
    rows = await _accounts(request).database.call(QUERIES.list_organizations, page.after_id(), slug, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.organization_out(organization_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{organization_id}")
async def get_organization(request: Request, principal: Reader, organization_id: str) -> OrganizationOut:
    """Show one's own organization; any, for the company that runs the hub."""
    org = _organization_id(organization_id)
    return views.organization_out(await organizations.find(_accounts(request).database, principal, org))


@router.patch("/{organization_id}")
async def update_organization(
    request: Request, principal: Writer, organization_id: str, wanted: OrganizationUpdate
) -> OrganizationOut:
    """Rename one's own organization."""
    org = _organization_id(organization_id)
    return views.organization_out(await organizations.rename(_accounts(request).database, principal, org, wanted.name))


@router.post("/{organization_id}/suspend")
async def suspend_organization(request: Request, principal: Suspender, organization_id: str) -> OrganizationOut:
    """Suspend an organization: its keys and sessions are refused, its events not accepted. For the operator."""
    org = _organization_id(organization_id)
    return views.organization_out(await organizations.suspend(_accounts(request).database, principal, org))


@router.post("/{organization_id}/resume")
async def resume_organization(request: Request, principal: Suspender, organization_id: str) -> OrganizationOut:
    """Lift a suspension. For the company that runs the hub."""
    org = _organization_id(organization_id)
    return views.organization_out(await organizations.resume(_accounts(request).database, principal, org))


@audit_router.get("")
async def list_audit_entries(
    request: Request, principal: AuditReader, page: Paged, action: Action = None
) -> Page[AuditEntryOut]:
    """List the audit log, newest first: every change and every refused attempt."""
    async with _accounts(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_audit, principal.org, page.after_id(), action, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.audit_entry_out(audit_entry_of(row)) for row in shown], next_cursor=cursor)


def _organization_id(text: str) -> UUID:
    found = ids.parse("org", text)
    if found is None:
        raise OrganizationNotFound
    return found


def _accounts(request: Request) -> Accounts:
    return request.state.accounts
