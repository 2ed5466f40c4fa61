"""Offering: public by who runs the hub, private shared one by one, and nobody takes another's place."""

import pytest

from tests.catalog.market import SETTLED
from tests.sdk.manifest.samples import base
from worksphere_hub import ids

PATH = "/v1/marketplace"


async def seen(market, who):
    return [each["id"] for each in (await market.done(who, "GET", PATH))["data"]]


async def test_only_who_runs_the_hub_offers_to_everybody(market):
    made = await market.published(market.acme)
    body = {"integration_id": made["id"], "visibility": "public"}
    assert await market.refused(market.acme, "POST", PATH, body) == (403, "forbidden")
    listing = await market.listed()
    assert await seen(market, market.other) == [listing["id"]]
    # Nor does a key of theirs that may not.
    key = await market.key(market.operator.org, ["integrations:read", "integrations:write"])
    draft = await market.done(key, "POST", "/v1/integrations", {"manifest": base(version="9.0.0")})
    assert await market.refused(key, "POST", f"/v1/integrations/{draft['id']}/publish") == (403, "forbidden")
    assert await market.refused(key, "PATCH", f"{PATH}/tickets", {"unlisted": True}) == (403, "forbidden")
    withdraw = f"/v1/integrations/{listing['integration_id']}/withdraw"
    assert await market.refused(key, "POST", withdraw, {"reason": "Just so."}) == (403, "forbidden")


async def test_a_draft_is_not_offered(market):
    draft = await market.done(market.acme, "POST", "/v1/integrations", {"manifest": base(slug="draft")})
    body = {"integration_id": draft["id"]}
    assert await market.refused(market.acme, "POST", PATH, body) == (409, "integration_not_published")
    foreign = {"integration_id": ids.encode("int", ids.new())}
    assert await market.refused(market.acme, "POST", PATH, foreign) == (404, "not_found")
    assert await market.refused(market.other, "POST", PATH, body) == (404, "not_found")


async def test_a_slug_is_listed_once(market):
    listing = await market.listed()
    body = {"integration_id": listing["integration_id"]}
    assert await market.refused(market.operator, "POST", PATH, body) == (409, "listing_exists")


async def test_a_private_listing_is_seen_by_whom_it_is_shared_with(market):
    third = await market.party()
    listing = await market.listed(market.acme, visibility="private")
    path = f"{PATH}/{listing['id']}"
    assert await seen(market, market.acme) == [listing["id"]]
    for who in (market.other, market.operator):
        assert await seen(market, who) == []
        assert await market.refused(who, "GET", path) == (404, "not_found")
    share = {"organization_id": market.other.public_id}
    for _ in range(2):
        await market.done(market.acme, "POST", f"{path}/shares", share)
    assert [each["organization_id"] for each in (await market.done(market.acme, "GET", f"{path}/shares"))["data"]] == [
        market.other.public_id
    ]
    assert await seen(market, market.other) == [listing["id"]]
    assert await seen(market, third) == []
    mine = await market.installed(market.other)
    # Who is given it neither shares it on nor sees with whom else it is shared.
    for ask in (("GET", None), ("POST", {"organization_id": third.public_id})):
        assert await market.refused(market.other, ask[0], f"{path}/shares", ask[1]) == (404, "not_found")
    unshare = f"{path}/shares/{market.other.public_id}"
    assert await market.refused(market.other, "DELETE", unshare) == (404, "not_found")
    await market.done(market.acme, "DELETE", unshare)
    assert await market.refused(market.acme, "DELETE", unshare) == (404, "not_found")
    # What is installed goes on, with its definition; there is nothing more to install and nothing to upgrade to.
    assert (await market.done(market.other, "GET", f"/v1/instances/{mine['id']}"))["version"] == "1.2.0"
    assert (await market.done(market.other, "POST", f"/v1/instances/{mine['id']}/validate", {}))["valid"]
    await market.published(market.acme, version="2.0.0")
    assert not (await market.done(market.other, "GET", f"/v1/instances/{mine['id']}/upgrade"))["available"]
    refused = await market.refused(market.other, "POST", f"{PATH}/tickets/install", {"settings": SETTLED, "name": "b"})
    assert refused == (404, "not_found")
    assert await market.audited(market.acme.org) == [
        "integration.created", "integration.published", "listing.created", "listing.shared", "listing.unshared",
        "integration.created", "integration.published",
    ]  # fmt: skip


async def test_sharing_with_nobody_is_refused(market):
    listing = await market.listed(market.acme, visibility="private")
    for organization in (ids.encode("org", ids.new()), "org_x", "x"):
        refused = await market.refused(
            market.acme, "POST", f"{PATH}/{listing['id']}/shares", {"organization_id": organization}
        )
        assert refused == (404, "not_found")


async def test_nobody_takes_the_place_of_a_public_listing(market):
    public = await market.listed(name="The real one")
    fake = await market.listed(market.acme, visibility="private", name="Another")
    await market.done(market.acme, "POST", f"{PATH}/{fake['id']}/shares", {"organization_id": market.other.public_id})
    for who in (market.acme, market.other):
        assert (await market.done(who, "GET", f"{PATH}/tickets"))["id"] == public["id"]
        assert (await market.done(who, "GET", f"{PATH}/{fake['id']}"))["name"] == "Another"
    assert (await market.installed(market.other))["listing_id"] == public["id"]
    # Its owner still manages it by its slug.
    assert (await market.done(market.acme, "PATCH", f"{PATH}/tickets", {"unlisted": True}))["id"] == fake["id"]


async def test_an_unlisted_listing_stays_for_those_who_have_it(market):
    await market.listed()
    mine = await market.installed(market.acme)
    assert (await market.done(market.operator, "PATCH", f"{PATH}/tickets", {"unlisted": True}))["unlisted"]
    assert await seen(market, market.acme) == []
    assert (await market.done(market.acme, "GET", f"{PATH}/tickets"))["unlisted"]
    assert await market.refused(market.other, "GET", f"{PATH}/tickets") == (404, "not_found")
    install = {"settings": SETTLED, "name": "b"}
    refused = await market.refused(market.acme, "POST", f"{PATH}/tickets/install", install)
    assert refused == (409, "integration_not_published")
    assert (await market.done(market.acme, "GET", f"/v1/instances/{mine['id']}"))["status"] == "enabled"
    await market.done(market.operator, "PATCH", f"{PATH}/tickets", {"unlisted": False})
    assert len(await seen(market, market.other)) == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
async def test_older_versions_are_read_by_whom_the_listing_is_shown_to(market, visibility):
    await market.published(market.operator, version="1.0.0")
    newer = await market.published(market.operator, version="1.1.0")
    listing = await market.done(
        market.operator, "POST", PATH, {"integration_id": newer["id"], "visibility": visibility}
    )
    await market.done(
        market.operator, "POST", f"{PATH}/{listing['id']}/shares", {"organization_id": market.acme.public_id}
    )
    page = await market.done(market.acme, "GET", f"{PATH}/{listing['id']}")
    assert [each["version"] for each in page["versions"]] == ["1.1.0", "1.0.0"]
