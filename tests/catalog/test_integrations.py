"""Integrations of one's own: drafts change, versions do not, and whoever uses a withdrawn one is told."""

import asyncio

import asyncpg
import pytest

from tests.catalog.market import SETTLED
from tests.sdk.manifest.samples import base

PATH = "/v1/integrations"


async def draft(market, who, **changes):
    return await market.done(who, "POST", PATH, {"manifest": base(**changes)})


async def test_a_draft_is_made_read_changed_and_deleted(market):
    acme = market.acme
    made = await draft(market, acme)
    assert (made["slug"], made["version"], made["state"], made["tier"]) == ("tickets", "1.2.0", "draft", "none")
    assert made["auth_types"] == ["api_key"]
    path = f"{PATH}/{made['id']}"
    shown = await market.done(acme, "GET", path)
    assert shown["manifest"] == base()
    changed = await market.done(
        acme, "PATCH", path, {"manifest": base(version="1.3.0", name="Desk"), "digest": made["digest"]}
    )
    assert (changed["version"], changed["name"]) == ("1.3.0", "Desk")
    assert changed["digest"] != made["digest"]
    stale = {"manifest": base(), "digest": made["digest"]}
    assert await market.refused(acme, "PATCH", path, stale) == (409, "conflict")
    assert await market.refused(acme, "PATCH", path, {"manifest": base(slug="b")}) == (422, "invalid_manifest")
    await market.done(acme, "DELETE", path)
    assert await market.refused(acme, "GET", path) == (404, "not_found")
    assert await market.audited(acme.org) == ["integration.created", "integration.updated", "integration.deleted"]


async def test_a_bad_manifest_is_refused_with_all_problems(market):
    bad = base(version="1", hosts=None, api__base_ur="x")
    answer = await market.ask(market.acme, "POST", PATH, {"manifest": bad})
    assert (answer.status, answer.json()["code"]) == (422, "invalid_manifest")
    assert {each["field"] for each in answer.json()["errors"]} == {"version", "hosts", "api.base_ur"}
    verdict = await market.done(market.acme, "POST", f"{PATH}/validate", {"manifest": bad})
    assert not verdict["valid"]
    assert verdict["tier"] is None
    assert verdict["problems"] == answer.json()["errors"]


async def test_a_good_manifest_is_said_to_be_good_and_not_stored(market):
    verdict = await market.done(market.acme, "POST", f"{PATH}/validate", {"manifest": base()})
    assert (verdict["valid"], verdict["problems"], verdict["tier"]) == (True, [], "none")
    assert (await market.done(market.acme, "GET", PATH))["data"] == []
    made = await draft(market, market.acme)
    assert made["digest"] == verdict["digest"]


async def test_a_published_version_never_changes(market):
    made = await market.published(market.acme)
    path = f"{PATH}/{made['id']}"
    assert made["state"] == "published"
    assert await market.refused(market.acme, "PATCH", path, {"manifest": base()}) == (409, "integration_published")
    assert await market.refused(market.acme, "POST", f"{path}/publish") == (409, "integration_published")
    for change in ("manifest = '{}'", "manifest_digest = sha256('x')", "version = '9.0.0'", "state = 'draft'"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changes"):
            await market.admin.execute(f"update hub.integrations set {change}")


async def test_versions_go_up(market):
    acme = market.acme
    await market.published(acme, version="1.9.0")
    assert await market.refused(acme, "POST", PATH, {"manifest": base(version="1.9.0")}) == (
        409,
        "integration_version_exists",
    )
    older = await draft(market, acme, version="1.8.0")
    refused = await market.refused(acme, "POST", f"{PATH}/{older['id']}/publish")
    assert refused == (409, "integration_version_not_newer")
    # By numbers, and not by letters.
    await market.published(acme, version="1.10.0")
    listed = (await market.done(acme, "GET", PATH))["data"]
    assert [each["version"] for each in listed] == ["1.10.0", "1.8.0", "1.9.0"]


async def test_two_that_publish_one_after_the_other_do_not_pass_each_other(market):
    drafts = [await draft(market, market.acme, version=version) for version in ("1.0.0", "2.0.0")]
    answers = await market.together(
        *((market.acme, "POST", f"{PATH}/{each['id']}/publish") for each in reversed(drafts))
    )
    # Whichever came first: 1.0.0 is refused if it came second, and both are published else.
    states = {each["version"]: each["state"] for each in (await market.done(market.acme, "GET", PATH))["data"]}
    assert states["2.0.0"] == "published"
    assert sorted(answer.status for answer in answers) in ([200, 200], [200, 409])


async def test_a_list_is_filtered(market):
    acme = market.acme
    await market.published(acme, slug="one", category="crm")
    await draft(market, acme, slug="two", category="storage", auth={"none": {"type": "none", "label": "Public"}})
    for query, found in (
        ("", ["two", "one"]),
        ("slug=one", ["one"]),
        ("category=storage", ["two"]),
        ("auth_type=api_key", ["one"]),
        ("auth_type=oauth2", []),
        ("state=draft", ["two"]),
        ("limit=1", ["two"]),
    ):
        assert [each["slug"] for each in (await market.done(acme, "GET", f"{PATH}?{query}"))["data"]] == found, query


async def test_what_is_used_is_not_deleted(market):
    listing = await market.listed()
    first = await market.installed(market.acme)
    path = f"{PATH}/{listing['integration_id']}"
    assert await market.refused(market.operator, "DELETE", path) == (409, "integration_in_use")
    newer = await market.published(market.operator, version="1.3.0")
    assert await market.refused(market.operator, "DELETE", path) == (409, "integration_in_use")
    # Nor is the version that may be rolled back to.
    upgrade = f"/v1/instances/{first['id']}/upgrade"
    await market.done(market.acme, "POST", upgrade, {"digest": newer["digest"]})
    assert await market.refused(market.operator, "DELETE", path) == (409, "integration_in_use")
    await market.done(market.acme, "DELETE", f"/v1/instances/{first['id']}")
    await market.done(market.operator, "DELETE", path)


async def test_a_withdrawn_version_tells_its_instances_and_goes_on(market):
    listing = await market.listed()
    mine = await market.installed(market.acme, environment="staging")
    path = f"{PATH}/{listing['integration_id']}/withdraw"
    told = await market.done(market.operator, "POST", path, {"reason": "The provider closes it."})
    assert (told["state"], told["instances"], told["stopped"]) == ("withdrawn", 1, False)
    event = ("hub.listing.withdrawn", {
        "slug": "tickets", "name": "Tickets", "version": "1.2.0", "reason": "The provider closes it.", "stopped": False,
        "instances": [{"id": mine["id"], "name": "Tickets", "environment": "staging"}],
    })  # fmt: skip
    assert (await market.events(market.acme.org))[-1] == event
    assert await market.events(market.other.org) == []
    shown = await market.done(market.acme, "GET", f"/v1/instances/{mine['id']}")
    assert (shown["status"], shown["withdrawn_reason"], shown["stopped"]) == (
        "enabled",
        "The provider closes it.",
        False,
    )
    # Nobody else installs it, and who has it still sees its page.
    install = ("POST", "/v1/marketplace/tickets/install", {"settings": SETTLED})
    assert await market.refused(market.other, *install) == (404, "not_found")
    assert await market.refused(market.acme, *install) == (409, "integration_not_published")
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["versions"][0]["state"] == "withdrawn"
    assert await market.refused(market.other, "GET", "/v1/marketplace/tickets") == (404, "not_found")


async def test_a_stopped_version_stops_its_instances(market):
    listing = await market.listed()
    mine = await market.installed(market.acme)
    path = f"{PATH}/{listing['integration_id']}/withdraw"
    await market.done(market.operator, "POST", path, {"reason": "Being looked into."})
    assert await market.refused(market.operator, "POST", path, {"reason": "Again."}) == (
        409,
        "integration_not_published",
    )
    await market.done(market.operator, "POST", path, {"reason": "It leaks tokens.", "stop": True})
    shown = await market.done(market.acme, "GET", f"/v1/instances/{mine['id']}")
    assert (shown["stopped"], shown["withdrawn_reason"]) == (True, "It leaks tokens.")
    refused = await market.refused(market.acme, "POST", f"/v1/instances/{mine['id']}/enable")
    assert refused == (409, "instance_stopped")


async def test_the_listing_falls_back_to_the_newest_version_that_is_left(market):
    await market.listed(version="1.0.0")
    newer = await market.published(market.operator, version="2.0.0")
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["version"] == "2.0.0"
    await market.done(market.operator, "POST", f"{PATH}/{newer['id']}/withdraw", {"reason": "A mistake."})
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["version"] == "1.0.0"
    # A version does not come back; the next one is higher.
    for state in ("published", "draft"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=r"stays withdrawn|never changes"):
            await market.admin.execute(
                "update hub.integrations set state = $1, withdrawn_at = null, withdrawn_reason = null"
                " where version = '2.0.0'",
                state,
            )
    await market.published(market.operator, version="2.0.1")
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["version"] == "2.0.1"


async def test_who_installs_while_it_is_withdrawn_is_refused_or_told(market):
    """Either the installation came first, and is told, or it is refused: nothing slips through between."""
    listing = await market.listed()
    path = f"{PATH}/{listing['integration_id']}/withdraw"
    installs = [
        (market.acme, "POST", "/v1/marketplace/tickets/install", {"settings": SETTLED, "name": f"n{number}"})
        for number in range(6)
    ]
    *installed, withdrawn = await asyncio.gather(
        *(market.ask(*each) for each in installs),
        market.ask(market.operator, "POST", path, {"reason": "Gone."}),
    )
    assert withdrawn.status == 200
    made = [answer.json()["id"] for answer in installed if answer.status == 201]
    told = [data["instances"] for kind, data in await market.events(market.acme.org) if kind == "hub.listing.withdrawn"]
    assert withdrawn.json()["instances"] == len(made)
    assert sorted(each["id"] for group in told for each in group) == sorted(made)


async def test_there_is_an_end_to_versions(market):
    for number in range(20):
        await draft(market, market.acme, version=f"1.0.{number}")
    refused = await market.refused(market.acme, "POST", PATH, {"manifest": base(version="2.0.0")})
    assert refused == (409, "too_many_integrations")


async def test_a_write_that_is_repeated_is_done_once(market):
    body = {"manifest": base()}
    first = await market.ask(market.acme, "POST", PATH, body, idempotency_key="once")
    second = await market.ask(market.acme, "POST", PATH, body, idempotency_key="once")
    assert (first.status, second.status, first.body) == (201, 201, second.body)
    assert second.headers["idempotency-replayed"] == "true"
