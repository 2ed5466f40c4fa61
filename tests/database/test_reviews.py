"""Reviews: only by who has it installed, counted honestly, and a foreign listing stays as it is."""

import asyncpg
import pytest

from tests.database.rows import Sample, row_id

WRITE = (
    "insert into hub.integration_reviews (org_id, listing_org_id, listing_id, version, rating)"
    " values ($1, $2, $3, '1.0.0', $4) returning id"
)


class Market:
    """The first organization's public listing, and API processes that act for both."""

    def __init__(self, admin, app, seller, buyer) -> None:
        self.admin = admin
        self.app = app
        self.seller = seller
        self.buyer = buyer
        self.listing = row_id("integration_marketplace", seller)

    async def act(self, org, statement, *arguments):
        """One statement of an API process on behalf of an organization."""
        async with self.app.transaction():
            await self.app.execute("select set_config('hub.org', $1, true)", str(org))
            return await self.app.fetch(statement, *arguments)

    async def install(self, org, listing=True) -> None:
        await self.act(
            org,
            "insert into hub.integration_instances (org_id, integration_org_id, integration_id, listing_id, name)"
            " values ($1, $2, $3, $4, 'Mine')",
            org, self.seller, row_id("integrations", self.seller), self.listing if listing else None,
        )  # fmt: skip

    async def review(self, org, rating):
        return (await self.act(org, WRITE, org, self.seller, self.listing, rating))[0][0]

    async def average(self) -> tuple[int, int]:
        row = await self.admin.fetchrow(
            "select review_count, rating_sum from hub.integration_marketplace where id = $1", self.listing
        )
        return tuple(row)


@pytest.fixture
async def market(admin, app, two_orgs) -> Market:
    for kind in ("integrations", "integration_marketplace"):
        await admin.execute(Sample(kind, two_orgs[0]).insert(kind))
    return Market(admin, app, *two_orgs)


@pytest.mark.parametrize("listing", [True, False], ids=["from the listing", "by its definition"])
async def test_only_who_has_it_installed_may_review(market, listing):
    with pytest.raises(asyncpg.CheckViolationError, match="only an organization that has it installed"):
        await market.review(market.buyer, 5)
    assert await market.average() == (0, 0)
    await market.install(market.buyer, listing)
    await market.review(market.buyer, 5)
    assert await market.average() == (1, 5)


async def test_nobody_reviews_in_anothers_name(market):
    await market.install(market.buyer)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await market.act(market.seller, WRITE, market.buyer, market.seller, market.listing, 5)
    assert await market.average() == (0, 0)


async def test_one_review_an_organization(market):
    await market.install(market.buyer)
    await market.review(market.buyer, 4)
    with pytest.raises(asyncpg.UniqueViolationError):
        await market.review(market.buyer, 5)
    assert await market.average() == (1, 4)


async def test_the_average_is_honest_through_a_reviews_life(market):
    for org in (market.seller, market.buyer):
        await market.install(org)
    first = await market.review(market.buyer, 2)
    await market.review(market.seller, 5)
    assert await market.average() == (2, 7)
    await market.act(market.buyer, "update hub.integration_reviews set rating = 4, body = 'x' where id = $1", first)
    assert await market.average() == (2, 9)
    hide = "update hub.integration_reviews set moderation = $2, moderation_reason = 'spam' where id = $1"
    for moderation, expected in (("hidden", (1, 5)), ("hidden", (1, 5)), ("visible", (2, 9)), ("hidden", (1, 5))):
        await market.admin.execute(hide, first, moderation)
        assert await market.average() == expected
    await market.act(market.buyer, "update hub.integration_reviews set rating = 1 where id = $1", first)
    assert await market.average() == (1, 5)
    await market.act(market.buyer, "delete from hub.integration_reviews where id = $1", first)
    assert await market.average() == (1, 5)
    # It is still there: deleting it and writing it anew would undo the moderation.
    with pytest.raises(asyncpg.UniqueViolationError):
        await market.review(market.buyer, 1)
    await market.admin.execute(hide, first, "visible")
    assert await market.average() == (2, 6)
    await market.act(market.buyer, "delete from hub.integration_reviews where id = $1", first)
    assert await market.average() == (1, 5)
    await market.act(market.seller, "delete from hub.integration_reviews where org_id = $1", market.seller)
    assert await market.average() == (0, 0)


async def test_an_organization_that_goes_takes_its_rating_with_it(market):
    await market.install(market.buyer)
    await market.review(market.buyer, 3)
    await market.admin.execute("delete from hub.organizations where id = $1", market.buyer)
    assert await market.average() == (0, 0)


async def test_a_rolled_back_review_is_not_counted(market):
    await market.install(market.buyer)
    begun = market.app.transaction()
    await begun.start()
    await market.review(market.buyer, 3)
    await begun.rollback()
    assert await market.average() == (0, 0)


@pytest.mark.parametrize("rating", [0, 6])
async def test_a_rating_is_one_to_five(market, rating):
    await market.install(market.buyer)
    with pytest.raises(asyncpg.CheckViolationError):
        await market.review(market.buyer, rating)
    assert await market.average() == (0, 0)


async def test_a_foreign_listing_is_seen_and_cannot_be_changed(market):
    columns = "name = 'Mine', summary = 'Bad', visibility = 'private', published_at = null"
    see = "select name from hub.integration_marketplace where id = $1"
    assert [row["name"] for row in await market.act(market.buyer, see, market.listing)] == ["Thing"]
    for statement in (f"update hub.integration_marketplace set {columns}", "delete from hub.integration_marketplace"):
        changed = await market.act(market.buyer, f"{statement} where id = $1 returning id", market.listing)
        assert changed == []
    assert [row["name"] for row in await market.act(market.buyer, see, market.listing)] == ["Thing"]


@pytest.mark.parametrize("column", ["review_count", "rating_sum", "install_count"])
async def test_not_even_its_owner_sets_the_counts(market, column):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await market.act(market.seller, f"update hub.integration_marketplace set {column} = 5")


async def test_hidden_reviews_are_seen_by_their_author_alone(market):
    await market.install(market.buyer)
    found = await market.review(market.buyer, 1)
    see = "select id from hub.integration_reviews"
    assert [row["id"] for row in await market.act(market.seller, see)] == [found]
    await market.admin.execute(
        "update hub.integration_reviews set moderation = 'hidden', moderation_reason = 'spam' where id = $1", found
    )
    assert await market.act(market.seller, see) == []
    assert [row["id"] for row in await market.act(market.buyer, see)] == [found]


async def test_only_the_owner_replies_and_only_the_operator_moderates(market):
    await market.install(market.buyer)
    found = await market.review(market.buyer, 1)
    reply = "select hub.reply_to_review($1, $2, 'Thanks') as done"
    moderate = "select id from hub.moderate_review($1, $2, $3, 'hidden', 'spam')"
    hidden = "select id from hub.hidden_reviews($1, $2, null)"
    about = (market.seller, market.listing)
    assert not (await market.act(market.buyer, reply, market.listing, found))[0]["done"]
    assert (await market.act(market.seller, reply, market.listing, found))[0]["done"]
    for org in (market.seller, market.buyer):
        assert await market.act(org, moderate, *about, found) == []
        assert await market.act(org, hidden, *about) == []
    await market.admin.execute("update hub.organizations set operator = true where id = $1", market.buyer)
    assert len(await market.act(market.buyer, moderate, *about, found)) == 1
    assert len(await market.act(market.buyer, hidden, *about)) == 1
    assert await market.average() == (0, 0)


async def test_the_version_is_looked_up_and_not_believed(market):
    await market.install(market.buyer)
    found = await market.review(market.buyer, 5)
    await market.act(market.buyer, "update hub.integration_reviews set version = '99.0.0' where id = $1", found)
    assert await market.admin.fetchval("select version from hub.integration_reviews where id = $1", found) == "1.0.0"
