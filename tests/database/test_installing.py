"""Integrations and their instances: what is public is read and installed by everybody, nothing else is."""

import asyncpg
import pytest

from tests.database.rows import Sample, row_id
from worksphere_hub import ids

INSTALL = (
    "insert into hub.integration_instances (org_id, integration_org_id, integration_id, listing_id, name)"
    " values ($1, $2, $3, $4, 'Mine') returning id"
)
MANIFEST = "select manifest from hub.integrations where org_id = $1 and id = $2"


class Catalogue:
    """The seller's integrations (number 0 is public) with their listings, and API processes that act for both."""

    def __init__(self, app, seller, buyer) -> None:
        self.app = app
        self.seller = seller
        self.buyer = buyer
        self.public, self.private = (row_id("integrations", seller, number) for number in (0, 1))
        self.listing = row_id("integration_marketplace", seller)

    async def act(self, org, statement, *arguments):
        """One statement of an API process on behalf of an organization."""
        async with self.app.transaction():
            await self.app.execute("select set_config('hub.org', $1, true)", str(org))
            return await self.app.fetch(statement, *arguments)

    async def install(self, org, integration, listing=None):
        return (await self.act(org, INSTALL, org, self.seller, integration, listing))[0]["id"]


@pytest.fixture
async def catalogue(admin, app, two_orgs) -> Catalogue:
    for number in (0, 1):
        await admin.execute(Sample("integrations", two_orgs[0], number).insert("integrations"))
    await admin.execute(Sample("integration_marketplace", two_orgs[0]).insert("integration_marketplace"))
    return Catalogue(app, *two_orgs)


async def test_a_public_manifest_is_read_by_everybody_and_a_private_one_by_its_owner(catalogue):
    for integration, readers in ((catalogue.public, 2), (catalogue.private, 1)):
        seen = [
            await catalogue.act(org, MANIFEST, catalogue.seller, integration)
            for org in (catalogue.seller, catalogue.buyer)
        ]
        assert [len(rows) for rows in seen] == [1, readers - 1]


async def test_a_foreign_integration_cannot_be_changed(catalogue):
    for statement in ("update hub.integrations set name = 'Mine'", "delete from hub.integrations"):
        assert await catalogue.act(catalogue.buyer, f"{statement} returning id") == []
    assert len(await catalogue.act(catalogue.seller, "select from hub.integrations where name = 'Thing'")) == 2


async def test_a_public_one_is_installed_from_its_listing_or_by_itself(catalogue, admin):
    assert await catalogue.install(catalogue.buyer, catalogue.public, catalogue.listing)
    await catalogue.act(catalogue.buyer, "delete from hub.integration_instances")
    assert await catalogue.install(catalogue.buyer, catalogue.public)
    assert await catalogue.install(catalogue.seller, catalogue.private)


async def test_a_private_one_of_another_is_as_if_it_did_not_exist(catalogue):
    told = []
    for integration in (catalogue.private, ids.new()):
        with pytest.raises(asyncpg.ForeignKeyViolationError) as failure:
            await catalogue.install(catalogue.buyer, integration)
        told.append((failure.value.message, failure.value.detail, failure.value.hint))
    assert told[0] == told[1]


async def test_an_instance_cannot_be_moved_to_what_could_not_be_installed(catalogue):
    found = await catalogue.install(catalogue.buyer, catalogue.public)
    move = "update hub.integration_instances set integration_id = $2 where id = $1 returning id"
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="no such integration to install"):
        await catalogue.act(catalogue.buyer, move, found, catalogue.private)


async def test_what_was_withdrawn_is_installed_by_nobody_else_and_works_on_where_it_is(catalogue):
    found = await catalogue.install(catalogue.buyer, catalogue.public)
    await catalogue.act(
        catalogue.seller,
        "update hub.integrations set state = 'withdrawn', withdrawn_at = now(), withdrawn_reason = 'Over'"
        " where id = $1",
        catalogue.public,
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="no such integration to install"):
        await catalogue.act(
            catalogue.buyer,
            INSTALL.replace("'Mine'", "'Again'"),
            catalogue.buyer,
            catalogue.seller,
            catalogue.public,
            None,
        )
    change = (
        "update hub.integration_instances set status = 'enabled', integration_id = integration_id"
        " where id = $1 returning id"
    )
    assert len(await catalogue.act(catalogue.buyer, change, found)) == 1
    assert len(await catalogue.act(catalogue.buyer, MANIFEST, catalogue.seller, catalogue.public)) == 1


async def test_a_listing_of_something_else_is_refused(catalogue, admin):
    other = ids.new()
    await admin.execute(
        "insert into hub.integrations"
        " (org_id, id, slug, version, name, category, manifest, manifest_digest, state, visibility)"
        " values ($1, $2, 'other', '1.0.0', 'Other', 'chat', '{}', sha256('x'), 'published', 'public')",
        catalogue.seller, other,
    )  # fmt: skip
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="no such integration to install"):
        await catalogue.install(catalogue.buyer, other, catalogue.listing)
    # Another version of what the listing offers is the same thing.
    await catalogue.act(catalogue.seller, "update hub.integrations set visibility = 'public'")
    assert await catalogue.install(catalogue.buyer, catalogue.private, catalogue.listing)


async def test_a_draft_is_not_public(catalogue):
    draft = Sample("integrations", catalogue.seller, 2).insert("integrations").replace("'published'", "'draft'")
    await catalogue.act(catalogue.seller, draft)
    with pytest.raises(asyncpg.CheckViolationError):
        await catalogue.act(catalogue.seller, "update hub.integrations set visibility = 'public' where state = 'draft'")


async def test_a_published_version_stays_what_it_is(catalogue):
    for change in ("state = 'draft'", "manifest = '{\"a\": 1}'", "version = '9.0.0'", "manifest_digest = sha256('y')"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changes"):
            await catalogue.act(
                catalogue.seller, f"update hub.integrations set {change} where id = $1", catalogue.private
            )


async def test_a_shared_listing_is_seen_and_installed_by_whom_it_is_shared_with(catalogue, admin):
    """And by nobody else, and no longer than it is shared; what is installed stays readable."""
    await admin.execute("update hub.integration_marketplace set visibility = 'private', slug = 'slug'")
    await admin.execute("update hub.integrations set visibility = 'private'")
    see = "select id from hub.integration_marketplace"
    share = (
        "insert into hub.integration_marketplace_shares (org_id, listing_id, shared_with_org_id) values ($1, $2, $3)"
    )
    assert await catalogue.act(catalogue.buyer, see) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await catalogue.act(catalogue.buyer, share, catalogue.seller, catalogue.listing, catalogue.buyer)
    await catalogue.act(catalogue.seller, share, catalogue.seller, catalogue.listing, catalogue.buyer)
    assert len(await catalogue.act(catalogue.buyer, see)) == 1
    assert len(await catalogue.act(catalogue.buyer, MANIFEST, catalogue.seller, catalogue.public)) == 1
    mine = await catalogue.install(catalogue.buyer, catalogue.public, catalogue.listing)
    assert await catalogue.act(catalogue.buyer, "delete from hub.integration_marketplace_shares returning 1") == []
    await catalogue.act(catalogue.seller, "delete from hub.integration_marketplace_shares")
    assert await catalogue.act(catalogue.buyer, see) == []
    assert len(await catalogue.act(catalogue.buyer, MANIFEST, catalogue.seller, catalogue.public)) == 1
    assert await catalogue.act(catalogue.buyer, MANIFEST, catalogue.seller, catalogue.private) == []
    await catalogue.act(catalogue.buyer, "delete from hub.integration_instances where id = $1", mine)
    assert await catalogue.act(catalogue.buyer, MANIFEST, catalogue.seller, catalogue.public) == []
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="no such integration to install"):
        await catalogue.install(catalogue.buyer, catalogue.public, catalogue.listing)


async def test_who_uses_a_version_is_told_to_its_owner_alone(catalogue):
    mine = await catalogue.install(catalogue.buyer, catalogue.public)
    ask = "select id from hub.instances_of($1, $2)"
    asked = (catalogue.seller, catalogue.public)
    assert [row["id"] for row in await catalogue.act(catalogue.seller, ask, *asked)] == [mine]
    assert await catalogue.act(catalogue.buyer, ask, *asked) == []


async def test_installs_are_counted_by_organizations(catalogue, admin):
    count = "select install_count from hub.integration_marketplace where id = $1"
    first = await catalogue.install(catalogue.buyer, catalogue.public, catalogue.listing)
    await catalogue.act(
        catalogue.buyer, INSTALL.replace("Mine", "Two"), catalogue.buyer, catalogue.seller, catalogue.public,
        catalogue.listing,
    )  # fmt: skip
    await catalogue.install(catalogue.seller, catalogue.public, catalogue.listing)
    assert await admin.fetchval(count, catalogue.listing) == 2
    await catalogue.act(catalogue.buyer, "delete from hub.integration_instances where id = $1", first)
    assert await admin.fetchval(count, catalogue.listing) == 2
    await admin.execute("delete from hub.organizations where id = $1", catalogue.buyer)
    assert await admin.fetchval(count, catalogue.listing) == 1


async def test_a_public_slug_is_taken_once(catalogue):
    publish = (
        "insert into hub.integration_marketplace"
        " (org_id, integration_id, slug, name, summary, category, visibility, published_at)"
        " values ($1, $2, 'chat', 'Chat', 'Chat', 'chat', $3, now())"
    )
    await catalogue.act(catalogue.seller, publish, catalogue.seller, catalogue.public, "public")
    own = Sample("integrations", catalogue.buyer)
    await catalogue.act(catalogue.buyer, own.insert("integrations"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await catalogue.act(catalogue.buyer, publish, catalogue.buyer, own.id, "public")
    await catalogue.act(catalogue.buyer, publish, catalogue.buyer, own.id, "private")
