"""Review what is installed: one review an organization, replied to by the owner, moderated by who runs the hub."""

from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.errors import Forbidden
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import listings
from worksphere_hub.catalog.errors import NotInstalled, ReviewExists, ReviewHidden, ReviewNotFound
from worksphere_hub.catalog.market_schemas import ReviewCreate, ReviewUpdate
from worksphere_hub.catalog.models import Listing
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Row, Transaction

_UNIQUE = "integration_reviews_org_id_listing_org_id_listing_id_key"


async def write(catalog: Catalog, principal: Principal, named: str, wanted: ReviewCreate) -> Row:
    """Write the organization's review. The database looks up whether it is installed, and which version."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, named)
        if listing.owned:
            raise Forbidden("Nobody reviews a listing of their own.")
        refused = {
            "require_installed": NotInstalled(f"Install {listing.slug} first."),
            _UNIQUE: ReviewExists("Change that one instead."),
        }
        values = (wanted.rating, wanted.title, wanted.body, wanted.author)
        with translated(refused):
            row = await tx.row(QUERIES.insert_review, principal.org, ids.new(), listing.org, listing.id, *values)
        assert row is not None
        await _audit(tx, principal, "review.written", row, {"rating": [None, wanted.rating]}, listing)
    return row


async def change(catalog: Catalog, principal: Principal, named: str, review_id: UUID, wanted: ReviewUpdate) -> Row:
    """Change the organization's own review, which then is about the version that is installed now. Not a hidden one."""
    given = wanted.model_dump(exclude_unset=True)
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, named)
        before = await _own(tx, principal, listing, review_id)
        after: dict[str, Any] = {name: before[name] for name in ("rating", "title", "body", "author")} | given
        with translated({"require_installed": NotInstalled(f"{listing.slug} is not installed any more.")}):
            row = await tx.row(QUERIES.update_review, principal.org, review_id, *after.values())
        if row is None:
            raise ReviewHidden("It cannot be changed. Ask them to show it again.")
        await _audit(tx, principal, "review.updated", row, {"rating": [before["rating"], row["rating"]]}, listing)
    return row


async def delete(catalog: Catalog, principal: Principal, named: str, review_id: UUID) -> None:
    """Delete the organization's own review. A hidden one stays: it would be written anew."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, named)
        before = await _own(tx, principal, listing, review_id)
        if not await tx.run(QUERIES.delete_review, principal.org, review_id):
            raise ReviewHidden("It cannot be deleted either.")
        await _audit(tx, principal, "review.deleted", before, {"rating": [before["rating"], None]}, listing)


async def reply(catalog: Catalog, principal: Principal, named: str, review_id: UUID, text: str | None) -> Row:
    """Reply to a review of a listing of one's own, or take the reply back."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.owned(tx, principal, named)
        if not await tx.value(QUERIES.reply_to_review, listing.id, review_id, text):
            raise ReviewNotFound
        row = await find(tx, listing, review_id)
        action = "review.reply_deleted" if text is None else "review.replied"
        await _audit(tx, principal, action, row, {}, listing)
    return row


async def moderate(catalog: Catalog, principal: Principal, named: str, review_id: UUID, what: tuple[str, str]) -> Row:
    """Hide a review, so that it neither shows nor counts, or show it again; `what` is the state and the reason."""
    state, reason = what
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, named)
        kept = reason if state == "hidden" else None
        row = await tx.row(QUERIES.moderate_review, listing.org, listing.id, review_id, state, kept)
        if row is None:
            raise ReviewNotFound
        changes = {"moderation": [None, state], "reason": [None, reason]}
        await _audit(tx, principal, "review.moderated", row, changes, listing)
    return row


async def find(tx: Transaction, listing: Listing, review_id: UUID) -> Row:
    """A review that one sees."""
    row = await tx.row(QUERIES.review_by_id, listing.org, listing.id, review_id)
    if row is None:
        raise ReviewNotFound
    return row


async def _own(tx: Transaction, principal: Principal, listing: Listing, review_id: UUID) -> Row:
    row = await find(tx, listing, review_id)
    if row["org_id"] != principal.org:
        raise ReviewNotFound
    return row


async def _audit(
    tx: Transaction, principal: Principal, action: str, review: Row, changes: audit.Changes, listing: Listing
) -> None:
    target = ids.encode("rvw", review["id"])
    noted = {"slug": [listing.slug, listing.slug], **changes}
    await audit.record(tx, principal, action, target_kind="review", target_id=target, changes=noted)
