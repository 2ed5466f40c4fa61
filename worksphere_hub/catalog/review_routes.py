"""The HTTP door of reviews."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.catalog import listings, reviews
from worksphere_hub.catalog.errors import ReviewNotFound
from worksphere_hub.catalog.market_schemas import (
    Moderation,
    Reply,
    ReviewCreate,
    ReviewOut,
    ReviewPage,
    ReviewUpdate,
)
from worksphere_hub.catalog.market_views import rating_of, review_out
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1/marketplace/{slug}/reviews", tags=["reviews"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("integrations:read"))]
Reviewer = Annotated[Principal, Depends(requires("reviews:write"))]
Moderator = Annotated[Principal, Depends(requires("marketplace:moderate"))]


@router.get("")
async def list_reviews(
    request: Request,
    principal: Reader,
    slug: str,
    page: Paged,
    rating: Annotated[int | None, Query(ge=1, le=5)] = None,
) -> ReviewPage:
    """List a listing's reviews, newest first; with the first page, what all of them come to."""
    async with _catalog(request).database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, slug)
        key = (listing.org, listing.id)
        rows = await tx.rows(QUERIES.list_reviews, *key, page.after_id(), rating, page.limit + 1)
        figures = await tx.row(QUERIES.review_figures, *key) if page.cursor is None else None
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return ReviewPage(
        data=[review_out(row, principal.org) for row in shown],
        next_cursor=cursor,
        rating=None if figures is None else rating_of(figures),
        histogram=None if figures is None else figures["histogram"],
    )


@router.post("", status_code=201)
async def write_review(request: Request, principal: Reviewer, slug: str, wanted: ReviewCreate) -> ReviewOut:
    """Review what the organization has installed: once, and about the version it has."""
    return review_out(await reviews.write(_catalog(request), principal, slug, wanted), principal.org)


@router.get("/hidden")
async def list_hidden_reviews(request: Request, principal: Moderator, slug: str, page: Paged) -> Page[ReviewOut]:
    """List the reviews of a listing that were hidden, with the reasons."""
    async with _catalog(request).database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, slug)
        rows = await tx.rows(QUERIES.list_hidden_reviews, listing.org, listing.id, page.after_id())
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[review_out(row, principal.org, moderates=True) for row in shown], next_cursor=cursor)


@router.patch("/{review_id}")
async def update_review(
    request: Request, principal: Reviewer, slug: str, review_id: str, wanted: ReviewUpdate
) -> ReviewOut:
    """Change the organization's own review."""
    found = ids.decode("rvw", review_id, ReviewNotFound)
    return review_out(await reviews.change(_catalog(request), principal, slug, found, wanted), principal.org)


@router.delete("/{review_id}", status_code=204)
async def delete_review(request: Request, principal: Reviewer, slug: str, review_id: str) -> Response:
    """Delete the organization's own review."""
    await reviews.delete(_catalog(request), principal, slug, ids.decode("rvw", review_id, ReviewNotFound))
    return Response(status_code=204)


@router.put("/{review_id}/reply")
async def reply_to_review(request: Request, principal: Reviewer, slug: str, review_id: str, wanted: Reply) -> ReviewOut:
    """Reply to a review of a listing of one's own; a second reply takes the first one's place."""
    found = ids.decode("rvw", review_id, ReviewNotFound)
    return review_out(await reviews.reply(_catalog(request), principal, slug, found, wanted.text), principal.org)


@router.delete("/{review_id}/reply")
async def delete_reply(request: Request, principal: Reviewer, slug: str, review_id: str) -> ReviewOut:
    """Take a reply back."""
    found = ids.decode("rvw", review_id, ReviewNotFound)
    return review_out(await reviews.reply(_catalog(request), principal, slug, found, None), principal.org)


@router.put("/{review_id}/moderation")
async def moderate_review(
    request: Request, principal: Moderator, slug: str, review_id: str, wanted: Moderation
) -> ReviewOut:
    """Hide a review, for a reason that its writer sees: it neither shows nor counts. Or show it again."""
    found = ids.decode("rvw", review_id, ReviewNotFound)
    what = (wanted.state, wanted.reason)
    moderated = await reviews.moderate(_catalog(request), principal, slug, found, what)
    return review_out(moderated, principal.org, moderates=True)


def _catalog(request: Request) -> Catalog:
    return request.state.catalog
