"""Look around the marketplace: find, filter, count, sort."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from worksphere_hub.catalog import manifests
from worksphere_hub.catalog.errors import ListingNotFound
from worksphere_hub.catalog.market_schemas import Facet, Facets, ListingOut, MarketPage, Sort
from worksphere_hub.catalog.market_views import card_out, listing_out
from worksphere_hub.catalog.models import Listing
from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.http.paging import PageParams, encode_cursor

_WORD = re.compile(r"\w+")
_WORDS = 8


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Several values of one filter are alternatives."""

    typed: str | None = None
    categories: list[str] | None = None
    auth_types: list[str] | None = None
    tiers: list[str] | None = None
    min_rating: float | None = None
    installed: bool | None = None
    sort: Sort | None = None

    @property
    def filters(self) -> tuple[object, ...]:
        """What the statements take after what was typed."""
        rating = None if self.min_rating is None else Decimal(str(self.min_rating))
        return (self.categories or None, self.auth_types or None, self.tiers or None, rating, self.installed)


async def browse(tx: Transaction, search: Search, page: PageParams) -> MarketPage:
    """One page. What was typed has to begin words of a listing; where nothing does, near misses are shown."""
    prefix = prefix_query(search.typed)
    # PostgreSQL cannot hold a zero byte, so nothing is found by one.
    typed = (search.typed or "").replace("\x00", " ").strip() if prefix else None
    sort = search.sort or ("relevance" if typed else "installs")
    after = _after(page)
    tolerant = bool(after and after[0])
    key = (None, None, None) if after is None else after[1:]
    rows = await tx.rows(QUERIES.browse, typed, prefix, tolerant, *search.filters, sort, *key, page.limit + 1)
    if not rows and after is None and typed is not None:
        tolerant = True
        rows = await tx.rows(QUERIES.browse, typed, prefix, tolerant, *search.filters, sort, *key, page.limit + 1)
    counted = None
    if after is None:
        counted = _facets(await tx.rows(QUERIES.count_facets, typed, prefix, tolerant, *search.filters))
    shown = rows[: page.limit]
    cursor = _cursor(shown[-1], tolerant=tolerant) if len(rows) > page.limit else None
    return MarketPage(data=[card_out(row) for row in shown], next_cursor=cursor, facets=counted, tolerant=tolerant)


async def show(tx: Transaction, org: UUID, listing: Listing) -> ListingOut:
    """A listing's page."""
    row = await tx.row(QUERIES.listing_card, org, listing.org, listing.id)
    if row is None:
        raise ListingNotFound
    manifest = manifests.known(row["manifest_digest"])
    if manifest is None:
        document = await tx.value(QUERIES.manifest_of, listing.org, listing.integration)
        manifest = manifests.stored(row["manifest_digest"], document)
    versions = await tx.rows(QUERIES.listing_versions, listing.org, listing.slug)
    instances = await tx.rows(QUERIES.listing_instances, org, listing.org, listing.id)
    return listing_out(row, manifest, versions, [each["id"] for each in instances])


def prefix_query(typed: str | None) -> str | None:
    """What was typed as a text search query: each word begins one of the listing's. None: nothing to look for."""
    words = _WORD.findall((typed or "").lower())[:_WORDS]
    return " & ".join(f"'{word}':*" for word in words) or None


def _facets(rows: list[Row]) -> Facets:
    names = ("category", "auth_type", "tier", "min_rating", "installed")
    found: dict[str, list[Facet]] = {name: [] for name in names}
    total = 0
    for row in rows:
        if row["facet"] == "total":
            total = row["count"]
        else:
            found[row["facet"]].append(Facet(value=row["value"], count=row["count"]))
    return Facets(total=total, **found)


def _cursor(row: Row, *, tolerant: bool) -> str:
    # A name may hold any character, and a cursor only plain ones.
    return encode_cursor([int(tolerant), str(row["sort_key"]), row["sort_name"].encode().hex(), row["id"].hex])


def _after(page: PageParams) -> tuple[bool, Decimal, str, UUID] | None:
    key: tuple[Any, ...] | None = page.after(4)
    if key is None:
        return None
    try:
        number, listing = Decimal(str(key[1])), UUID(hex=str(key[3]))
        name = bytes.fromhex(str(key[2])).decode()
        if number.is_finite() and "\x00" not in name:
            return bool(key[0]), number, name, listing
    except (InvalidOperation, ValueError):
        pass
    message = "is not a cursor of this list; leave it out to start from the first page"
    raise InvalidInput(f"cursor {message}.", problems=[FieldProblem("cursor", message)])
