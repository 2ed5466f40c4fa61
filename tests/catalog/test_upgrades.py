"""An upgrade is what was shown and agreed to; it can be put off, and taken back."""

import asyncio

from tests.catalog.market import SETTLED
from tests.sdk.manifest.samples import OAUTH, base, entered

NEW_SETTINGS = {
    "type": "object",
    "properties": {"subdomain": {"type": "string"}, "region": {"type": "string", "enum": ["eu", "us"]}},
    "required": ["subdomain", "region"],
}


async def two_versions(market, **changes):
    """An instance of the first version, and the second one published."""
    await market.listed(version="1.0.0")
    mine = await market.installed(market.acme)
    newer = await market.published(market.operator, version="2.0.0", **changes)
    return f"/v1/instances/{mine['id']}", newer


async def test_what_an_upgrade_asks_for_is_shown_and_done(market):
    scopes = {"read": {"sentence": "Read your tickets."}}
    await market.listed(version="1.0.0", auth={"oauth": {**OAUTH, "scopes": scopes}})
    mine = await market.installed(market.acme)
    path = f"/v1/instances/{mine['id']}/upgrade"
    nothing = await market.done(market.acme, "GET", path)
    assert (nothing["available"], nothing["to_version"], nothing["difference"]) == (False, None, None)
    assert await market.refused(market.acme, "POST", path, {"digest": mine["digest"]}) == (409, "nothing_to_upgrade")
    newer = await market.published(
        market.operator,
        version="2.0.0",
        auth={"oauth": OAUTH, "key": {"type": "bearer", "label": "Token", "fields": entered("token")}},
        hosts=["${settings.subdomain}.tickets.example", "*.cdn.tickets.example", "login.tickets.example"],
        settings=NEW_SETTINGS,
        changelog=[
            {"version": "2.0.0", "date": "2026-11-20", "changes": ["Tickets can be closed."]},
            {"version": "1.0.0", "date": "2026-01-01", "changes": ["The first."]},
        ],
    )
    shown = await market.done(market.acme, "GET", path)
    assert (shown["from_version"], shown["to_version"], shown["digest"]) == ("1.0.0", "2.0.0", newer["digest"])
    difference = shown["difference"]
    assert difference["hosts"] == {"added": ["login.tickets.example"], "removed": []}
    assert [(each["name"], each["sentence"]) for each in difference["scopes"]["added"]] == [
        ("write", "Change your tickets.")
    ]
    assert difference["auth"] == {"added": ["key"], "removed": [], "changed": []}
    assert difference["settings"] == {"added": ["region"], "removed": [], "changed": ["subdomain"]}
    assert (difference["asks_for_more"], difference["reconnect"]) == (True, True)
    assert [each["version"] for each in shown["changelog"]] == ["2.0.0"]
    assert shown["problems"] == [{"field": "settings", "message": "lacks the field region"}]
    body = {"digest": newer["digest"]}
    assert await market.refused(market.acme, "POST", path, body) == (422, "invalid_settings")
    settings = {**SETTLED, "region": "eu"}
    upgraded = await market.done(market.acme, "POST", path, {**body, "settings": settings})
    assert (upgraded["version"], upgraded["settings"], upgraded["can_roll_back"]) == ("2.0.0", settings, True)
    assert (await market.events(market.acme.org))[-1] == (
        "hub.integration.upgraded",
        {
            "instance_id": mine["id"], "name": "Tickets", "environment": "production", "slug": "tickets",
            "version": "2.0.0", "from_version": "1.0.0",
        },
    )  # fmt: skip
    assert (await market.audited(market.acme.org))[-1] == "instance.upgraded"


async def test_what_was_not_shown_is_not_installed(market):
    path, newer = await two_versions(market)
    await market.published(market.operator, version="3.0.0", hosts=["*.tickets.example", "everything.example"])
    refused = await market.refused(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"]})
    assert refused == (409, "permissions_changed")
    assert (await market.done(market.acme, "GET", path))["version"] == "1.0.0"
    install = {"settings": SETTLED, "name": "Second", "digest": newer["digest"]}
    refused = await market.refused(market.acme, "POST", "/v1/marketplace/tickets/install", install)
    assert refused == (409, "permissions_changed")


async def test_an_upgrade_while_the_listing_is_published_anew_is_to_what_was_shown(market):
    path, newer = await two_versions(market)
    draft = await market.done(market.operator, "POST", "/v1/integrations", {"manifest": base(version="3.0.0")})
    upgraded, published = await asyncio.gather(
        market.ask(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"]}),
        market.ask(market.operator, "POST", f"/v1/integrations/{draft['id']}/publish"),
    )
    assert published.status == 200
    version = (await market.done(market.acme, "GET", path))["version"]
    assert (upgraded.status, version) in {(200, "2.0.0"), (409, "1.0.0")}


async def test_an_upgrade_while_the_version_is_withdrawn_is_refused_or_told(market):
    path, newer = await two_versions(market)
    upgraded, withdrawn = await asyncio.gather(
        market.ask(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"]}),
        market.ask(market.operator, "POST", f"/v1/integrations/{newer['id']}/withdraw", {"reason": "A mistake."}),
    )
    assert withdrawn.status == 200
    told = [kind for kind, _ in await market.events(market.acme.org) if kind == "hub.listing.withdrawn"]
    assert (upgraded.status, len(told)) in {(200, 1), (409, 0)}


async def test_two_upgrades_at_once_are_one(market):
    path, newer = await two_versions(market)
    ask = (market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"]})
    answers = await market.together(ask, ask)
    assert sorted(answer.status for answer in answers) == [200, 409]


async def test_a_pinned_instance_stays(market):
    path, newer = await two_versions(market)
    await market.done(market.acme, "POST", f"{path}/pin")
    shown = await market.done(market.acme, "GET", f"{path}/upgrade")
    assert (shown["available"], shown["pinned"]) == (True, True)
    body = {"digest": newer["digest"]}
    assert await market.refused(market.acme, "POST", f"{path}/upgrade", body) == (409, "instance_pinned")
    await market.done(market.acme, "POST", f"{path}/unpin")
    assert (await market.done(market.acme, "POST", f"{path}/upgrade", body))["version"] == "2.0.0"


async def test_the_way_back(market):
    path, newer = await two_versions(market, settings=NEW_SETTINGS)
    assert await market.refused(market.acme, "POST", f"{path}/rollback") == (409, "nothing_to_roll_back")
    settings = {**SETTLED, "region": "eu"}
    await market.done(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"], "settings": settings})
    back = await market.done(market.acme, "POST", f"{path}/rollback")
    # The first version knows no region: it gets the settings that it had.
    assert (back["version"], back["settings"], back["can_roll_back"]) == ("1.0.0", SETTLED, False)
    assert await market.refused(market.acme, "POST", f"{path}/rollback") == (409, "nothing_to_roll_back")
    assert (await market.events(market.acme.org))[-1][0] == "hub.integration.rolled_back"
    again = await market.done(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"], "settings": settings})
    assert again["version"] == "2.0.0"


async def test_there_is_no_way_back_to_what_was_withdrawn(market):
    await market.listed(version="1.0.0")
    mine = await market.installed(market.acme)
    newer = await market.published(market.operator, version="2.0.0")
    path = f"/v1/instances/{mine['id']}"
    await market.done(market.acme, "POST", f"{path}/upgrade", {"digest": newer["digest"]})
    await market.done(
        market.operator, "POST", f"/v1/integrations/{mine['integration_id']}/withdraw", {"reason": "It leaks."}
    )
    assert await market.refused(market.acme, "POST", f"{path}/rollback") == (409, "nothing_to_roll_back")
