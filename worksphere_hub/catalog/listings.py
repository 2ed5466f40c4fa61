"""Offer integrations: private or to everybody, shared with single organizations, always the newest version."""

from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.errors import OrganizationNotFound
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import manifests
from worksphere_hub.catalog.errors import (
    IntegrationNotFound,
    ListingExists,
    ListingNotFound,
    NotPublished,
    TooManyShares,
)
from worksphere_hub.catalog.models import Integration, Listing, Visibility
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, integration_of, listing_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Transaction


async def of_slug(tx: Transaction, org: UUID, slug: str) -> Listing | None:
    """The organization's own listing of an integration, locked until the transaction ends."""
    row = await tx.row(QUERIES.own_listing_for_change, org, slug)
    return None if row is None else listing_of(row)


async def find(tx: Transaction, org: UUID, named: str) -> Listing:
    """A listing that one sees, by its id or its slug.

    Of several with one slug the public one counts, then one's own: nobody who shares a listing takes the place of
    another. What is not offered any more is found by those who own it or have it installed.
    """
    listing_id = ids.parse("lst", named)
    # What is no slug may hold characters that PostgreSQL does not take.
    row = None
    if listing_id is not None or (named.isascii() and named.isprintable()):
        row = await tx.row(QUERIES.listing_by_name, org, listing_id, named)
    if row is None:
        raise ListingNotFound
    return listing_of(row)


async def create(catalog: Catalog, principal: Principal, integration_id: UUID, visibility: Visibility) -> Listing:
    """Offer an integration of one's own. Public ones are seen by all, so only who runs the hub offers such."""
    if visibility == "public":
        principal.require("marketplace:publish")
    org = principal.org
    async with catalog.database.tenant(org) as tx:
        row = await tx.row(QUERIES.integration_for_change, org, integration_id)
        if row is None:
            raise IntegrationNotFound
        integration = integration_of(row)
        newest = await tx.row(QUERIES.newest_published, org, integration.slug)
        if integration.state != "published" or newest is None:
            raise NotPublished(f"{integration.version} is {integration.state}. Publish it first.")
        made = await insert(tx, org, integration_of(newest), visibility)
        await _audit(tx, principal, "listing.created", made, {"visibility": [None, visibility]})
    return made


async def insert(tx: Transaction, org: UUID, integration: Integration, visibility: Visibility) -> Listing:
    """Write a listing."""
    exists = ListingExists(f"There is a listing {integration.slug} already.")
    constraints = {"integration_marketplace_org_id_slug_key": exists, "integration_marketplace_public_slug_key": exists}
    columns = await _columns(tx, integration)
    with translated(constraints):
        row = await tx.row(QUERIES.insert_listing, org, ids.new(), integration.slug, visibility, *columns)
    assert row is not None
    await tx.run(QUERIES.show_versions, org, integration.slug, visibility)
    return listing_of(row)


async def offer(tx: Transaction, listing: Listing, integration: Integration) -> None:
    """Have a listing offer another version."""
    await tx.run(QUERIES.update_listing, listing.org, listing.id, *await _columns(tx, integration))


async def unlist(catalog: Catalog, principal: Principal, named: str, *, unlisted: bool) -> Listing:
    """Take a listing out of the marketplace, or put it back. Its reviews stay, and what is installed goes on."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await owned(tx, principal, named)
        if listing.unlisted == unlisted:
            return listing
        row = await tx.row(QUERIES.set_unlisted, principal.org, listing.id, unlisted)
        assert row is not None
        action = "listing.unlisted" if unlisted else "listing.relisted"
        await _audit(tx, principal, action, listing, {"unlisted": [listing.unlisted, unlisted]})
        return listing_of(row)


async def share(catalog: Catalog, principal: Principal, named: str, organization: UUID) -> None:
    """Let one organization see and install a private listing."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await owned(tx, principal, named)
        limit = catalog.settings.share_limit
        with translated({"integration_marketplace_shares_shared_with_org_id_fkey": OrganizationNotFound()}):
            added = await tx.value(QUERIES.insert_share, principal.org, listing.id, organization, limit)
        if added is None:
            raise TooManyShares(f"A listing may be shared with {limit} organizations.")
        if added:
            changes = {"with": [None, ids.encode("org", organization)]}
            await _audit(tx, principal, "listing.shared", listing, changes)


async def unshare(catalog: Catalog, principal: Principal, named: str, organization: UUID) -> None:
    """Take a share back; what that organization has installed goes on."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await owned(tx, principal, named)
        if not await tx.run(QUERIES.delete_share, principal.org, listing.id, organization):
            raise OrganizationNotFound
        changes = {"with": [ids.encode("org", organization), None]}
        await _audit(tx, principal, "listing.unshared", listing, changes)


async def owned(tx: Transaction, principal: Principal, named: str) -> Listing:
    """A listing of one's own; another's answers like a missing one. Changing a public one takes its permission."""
    found = await find(tx, principal.org, named)
    if not found.owned:
        own = await of_slug(tx, principal.org, found.slug)
        if own is None or named != own.slug:
            raise ListingNotFound
        found = own
    if found.visibility == "public":
        principal.require("marketplace:publish")
    return found


async def _columns(tx: Transaction, integration: Integration) -> list[Any]:
    """What a listing shows of the version that it offers."""
    document = await tx.value(QUERIES.manifest_of, integration.org, integration.id)
    manifest = manifests.stored(integration.digest, document)
    return [
        integration.id,
        manifest.name,
        manifest.summary,
        manifest.description,
        manifest.category,
        integration.auth_types,
        " ".join(manifest.tags),
        manifest.version,
        integration.tier,
        manifest.links.model_dump(exclude_none=True),
    ]


async def _audit(tx: Transaction, principal: Principal, action: str, listing: Listing, changes: audit.Changes) -> None:
    target = ids.encode("lst", listing.id)
    noted = {"slug": [listing.slug, listing.slug], **changes}
    await audit.record(tx, principal, action, target_kind="listing", target_id=target, changes=noted)
