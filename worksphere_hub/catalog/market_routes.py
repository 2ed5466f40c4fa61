"""The HTTP door of the marketplace: look around, offer, share, install."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.errors import OrganizationNotFound
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.catalog import instances, listings, marketplace, views
from worksphere_hub.catalog.errors import IntegrationNotFound
from worksphere_hub.catalog.instances import Wanted
from worksphere_hub.catalog.market_schemas import (
    AuthType,
    Install,
    ListingCreate,
    ListingOut,
    ListingUpdate,
    MarketPage,
    ShareCreate,
    ShareOut,
    Sort,
)
from worksphere_hub.catalog.marketplace import Search
from worksphere_hub.catalog.models import Tier
from worksphere_hub.catalog.schemas import InstanceOut
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged

router = APIRouter(prefix="/v1/marketplace", tags=["marketplace"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("integrations:read"))]
Writer = Annotated[Principal, Depends(requires("integrations:write"))]
_Word = Annotated[str, Query(pattern=r"^[a-z0-9-]{1,40}$")]


def _search(
    q: Annotated[str | None, Query(max_length=100, description="Beginnings of words.")] = None,
    category: Annotated[list[_Word] | None, Query(max_length=20, description="Repeat for several.")] = None,
    auth_type: Annotated[list[AuthType] | None, Query(description="Repeat for several.")] = None,
    tier: Annotated[list[Tier] | None, Query(description="Of the quality scale; repeat for several.")] = None,
    min_rating: Annotated[float | None, Query(ge=1, le=5, description="The least plain average.")] = None,
) -> Search:
    return Search(q, category, [*auth_type] if auth_type else None, [*tier] if tier else None, min_rating)


@router.get("")
async def browse_marketplace(
    request: Request,
    principal: Reader,
    page: Paged,
    search: Annotated[Search, Depends(_search)],
    installed: Annotated[bool | None, Query(description="Only those that are installed, or only those not.")] = None,
    sort: Annotated[Sort | None, Query(description="By relevance where q is given, else by installs.")] = None,
) -> MarketPage:
    """Look around: full-text search that forgives mistakes, filters, and how many each filter would show."""
    wanted = Search(
        search.typed, search.categories, search.auth_types, search.tiers, search.min_rating, installed, sort
    )
    async with _catalog(request).database.tenant(principal.org) as tx:
        return await marketplace.browse(tx, wanted, page)


@router.post("", status_code=201)
async def create_listing(request: Request, principal: Writer, wanted: ListingCreate) -> ListingOut:
    """Offer an integration. Private ones are shared one by one; public ones take `marketplace:publish`."""
    catalog = _catalog(request)
    integration = ids.decode("int", wanted.integration_id, IntegrationNotFound)
    made = await listings.create(catalog, principal, integration, wanted.visibility)
    async with catalog.database.tenant(principal.org) as tx:
        return await marketplace.show(tx, principal.org, made)


@router.get("/{slug}")
async def get_listing(request: Request, principal: Reader, slug: str) -> ListingOut:
    """Show a listing's page, by its slug or its id: what it asks for, its versions, its quality, its use."""
    async with _catalog(request).database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, slug)
        return await marketplace.show(tx, principal.org, listing)


@router.patch("/{slug}")
async def update_listing(request: Request, principal: Writer, slug: str, wanted: ListingUpdate) -> ListingOut:
    """Take a listing out of the marketplace, or put it back. Reviews stay, and what is installed goes on."""
    catalog = _catalog(request)
    changed = await listings.unlist(catalog, principal, slug, unlisted=wanted.unlisted)
    async with catalog.database.tenant(principal.org) as tx:
        return await marketplace.show(tx, principal.org, changed)


@router.post("/{slug}/install", status_code=201)
async def install_listing(request: Request, principal: Writer, slug: str, wanted: Install) -> InstanceOut:
    """Install the version that a listing offers."""
    asked = Wanted(wanted.name, wanted.environment, wanted.settings, wanted.enable, wanted.digest)
    return views.instance_out(await instances.install(_catalog(request), principal, slug, asked))


@router.get("/{slug}/shares")
async def list_shares(request: Request, principal: Writer, slug: str) -> Page[ShareOut]:
    """List the organizations that a private listing of one's own is shared with."""
    async with _catalog(request).database.tenant(principal.org) as tx:
        listing = await listings.owned(tx, principal, slug)
        rows = await tx.rows(QUERIES.list_shares, principal.org, listing.id)
    shown = [
        ShareOut(organization_id=ids.encode("org", row["shared_with_org_id"]), created_at=row["created_at"])
        for row in rows
    ]
    return Page(data=shown)


@router.post("/{slug}/shares", status_code=204)
async def share_listing(request: Request, principal: Writer, slug: str, wanted: ShareCreate) -> Response:
    """Let one organization see and install a private listing."""
    organization = ids.decode("org", wanted.organization_id, OrganizationNotFound)
    await listings.share(_catalog(request), principal, slug, organization)
    return Response(status_code=204)


@router.delete("/{slug}/shares/{organization_id}", status_code=204)
async def unshare_listing(request: Request, principal: Writer, slug: str, organization_id: str) -> Response:
    """Take a share back. What that organization has installed goes on."""
    organization = ids.decode("org", organization_id, OrganizationNotFound)
    await listings.unshare(_catalog(request), principal, slug, organization)
    return Response(status_code=204)


def _catalog(request: Request) -> Catalog:
    return request.state.catalog
