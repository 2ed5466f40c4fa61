"""What is installed: settings sound before it works, names, environments, and what goes with it."""

import pytest

from tests.catalog.market import SETTLED
from tests.sdk.manifest.samples import base
from worksphere_hub import ids

PATH = "/v1/instances"


async def test_an_instance_lives(market):
    listing = await market.listed()
    made = await market.installed(market.acme, name="Desk", environment="staging")
    assert (made["name"], made["environment"], made["status"], made["version"]) == (
        "Desk",
        "staging",
        "enabled",
        "1.2.0",
    )
    assert (made["listing_id"], made["settings"], made["pinned"]) == (listing["id"], SETTLED, False)
    path = f"{PATH}/{made['id']}"
    changed = await market.done(
        market.acme, "PATCH", path, {"name": "Help", "environment": "production", "settings": {"subdomain": "b"}}
    )
    assert (changed["name"], changed["environment"], changed["settings"]) == ("Help", "production", {"subdomain": "b"})
    for verb, status in (("disable", "disabled"), ("disable", "disabled"), ("enable", "enabled")):
        assert (await market.done(market.acme, "POST", f"{path}/{verb}"))["status"] == status
    for verb, pinned in (("pin", True), ("unpin", False)):
        assert (await market.done(market.acme, "POST", f"{path}/{verb}"))["pinned"] is pinned
    assert (await market.done(market.acme, "GET", path))["name"] == "Help"
    await market.done(market.acme, "DELETE", path)
    assert await market.refused(market.acme, "GET", path) == (404, "not_found")
    assert await market.audited(market.acme.org) == [
        "instance.installed", "instance.updated", "instance.disabled", "instance.enabled", "instance.updated",
        "instance.updated", "instance.uninstalled",
    ]  # fmt: skip
    told = await market.events(market.acme.org)
    assert [kind for kind, _ in told] == ["hub.integration.installed", "hub.integration.uninstalled"]
    assert told[0][1] == {
        "instance_id": made["id"], "name": "Desk", "environment": "staging", "slug": "tickets", "version": "1.2.0",
    }  # fmt: skip


async def test_settings_are_sound_before_it_works(market):
    await market.listed()
    install = "/v1/marketplace/tickets/install"
    for settings, field in (
        ({}, "settings"),
        ({"subdomain": 3}, "settings.subdomain"),
        ({**SETTLED, "more": 1}, "settings"),
        ({"subdomain": "evil.test/"}, "settings"),
    ):
        answer = await market.ask(market.acme, "POST", install, {"settings": settings})
        assert (answer.status, answer.json()["code"]) == (422, "invalid_settings"), settings
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    draft = await market.installed(market.acme, settings={}, enable=False)
    path = f"{PATH}/{draft['id']}"
    assert draft["status"] == "draft"
    verdict = await market.done(market.acme, "POST", f"{path}/validate", {})
    assert verdict == {
        "valid": False,
        "problems": [{"field": "settings", "message": "lacks the field subdomain"}],
    }
    assert await market.refused(market.acme, "POST", f"{path}/enable") == (422, "invalid_settings")
    assert (await market.done(market.acme, "POST", f"{path}/validate", {"settings": SETTLED}))["valid"]
    # A draft may stay incomplete, what works may not become so.
    await market.done(market.acme, "PATCH", path, {"settings": {"subdomain": 3}})
    await market.done(market.acme, "PATCH", path, {"settings": SETTLED})
    await market.done(market.acme, "POST", f"{path}/enable")
    assert await market.refused(market.acme, "PATCH", path, {"settings": {}}) == (422, "invalid_settings")


async def test_one_name_in_one_environment(market):
    await market.listed()
    await market.installed(market.acme)
    second = await market.installed(market.acme, environment="staging")
    install = ("POST", "/v1/marketplace/tickets/install", {"settings": SETTLED})
    assert await market.refused(market.acme, *install) == (409, "instance_exists")
    change = ("PATCH", f"{PATH}/{second['id']}", {"environment": "production"})
    assert await market.refused(market.acme, *change) == (409, "instance_exists")
    await market.installed(market.other)


async def test_two_installs_at_once_are_one_and_count_once(market):
    await market.listed()
    install = ("POST", "/v1/marketplace/tickets/install", {"settings": SETTLED})
    answers = await market.together((market.acme, *install), (market.acme, *install), (market.acme, *install))
    assert sorted(answer.status for answer in answers) == [201, 409, 409]
    others = [
        (market.other, "POST", "/v1/marketplace/tickets/install", {"settings": SETTLED, "name": f"n{number}"})
        for number in range(5)
    ]
    assert {answer.status for answer in await market.together(*others)} == {201}
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["installs"] == 2
    gone = (await market.done(market.other, "GET", PATH))["data"]
    deleted = await market.together(*((market.other, "DELETE", f"{PATH}/{each['id']}") for each in gone))
    assert {answer.status for answer in deleted} == {204}
    assert (await market.done(market.acme, "GET", "/v1/marketplace/tickets"))["installs"] == 1


async def test_ones_own_integration_is_tried_out_as_a_draft(market):
    made = await market.done(market.acme, "POST", "/v1/integrations", {"manifest": base()})
    body = {"integration_id": made["id"], "settings": SETTLED, "name": "Trial"}
    instance = await market.done(market.acme, "POST", PATH, body)
    assert (instance["slug"], instance["listing_id"], instance["status"]) == ("tickets", None, "enabled")
    assert await market.refused(market.other, "POST", PATH, body) == (404, "not_found")
    missing = {**body, "integration_id": ids.encode("int", ids.new())}
    assert await market.refused(market.acme, "POST", PATH, missing) == (404, "not_found")


async def test_a_list_is_filtered_and_paged(market):
    await market.listed()
    await market.listed(slug="chat")
    for slug, environment in (("tickets", "production"), ("tickets", "staging"), ("chat", "staging")):
        await market.installed(market.acme, slug, environment=environment, name=f"{slug} {environment}")
    await market.installed(market.other)
    for query, count in (("", 3), ("slug=tickets", 2), ("environment=staging", 2), ("status=disabled", 0)):
        assert len((await market.done(market.acme, "GET", f"{PATH}?{query}"))["data"]) == count, query
    first = await market.done(market.acme, "GET", f"{PATH}?limit=2")
    rest = await market.done(market.acme, "GET", f"{PATH}?limit=2&cursor={first['next_cursor']}")
    assert len({each["id"] for each in [*first["data"], *rest["data"]]}) == 3
    assert rest["next_cursor"] is None


async def test_uninstalling_says_what_goes_and_takes_it(market):
    await market.listed()
    mine, kept = await market.installed(market.acme), await market.installed(market.acme, name="Kept")
    for instance, names in ((mine, "ab"), (kept, "c")):
        for name in names:
            await market.admin.execute(
                "insert into hub.api_connections (org_id, instance_id, name, auth_type) values ($1, $2, $3, 'none')",
                market.acme.org, ids.parse("inst", instance["id"]), name,
            )  # fmt: skip
    rows = await market.admin.fetch("select name, id from hub.api_connections")
    connections = {row["name"]: row["id"] for row in rows}
    for name, source, destination in (("one", "a", None), ("two", "c", "b"), ("kept", "c", None)):
        await market.admin.execute(
            "insert into hub.data_sync_configurations (org_id, name, source_connection_id, destination_connection_id,"
            " source_stream, destination_stream, direction) values ($1, $2, $3, $4, 'x', 'y', 'import')",
            market.acme.org, name, connections[source], connections.get(destination),
        )  # fmt: skip
    await market.admin.execute(
        "insert into hub.inbound_sources (org_id, instance_id, name, scheme, token_digest, event_type)"
        " values ($1, $2, 'In', 'github', sha256('x'), 'a.b')",
        market.acme.org, ids.parse("inst", mine["id"]),
    )  # fmt: skip
    path = f"{PATH}/{mine['id']}"
    assert await market.done(market.acme, "GET", f"{path}/uninstall") == {
        "connections": 2,
        "syncs": 2,
        "inbound_sources": 1,
        "sentence": "Uninstalling deletes the instance and 2 connections with their credentials, 2 syncs,"
        " 1 inbound source. It cannot be undone.",
    }
    await market.done(market.acme, "DELETE", path)
    assert [row["name"] for row in await market.admin.fetch("select name from hub.api_connections")] == ["c"]
    assert [row["name"] for row in await market.admin.fetch("select name from hub.data_sync_configurations")] == [
        "kept"
    ]
    assert await market.admin.fetch("select from hub.inbound_sources") == []
    told = await market.done(market.acme, "GET", f"{PATH}/{kept['id']}/uninstall")
    assert told["sentence"] == (
        "Uninstalling deletes the instance and 1 connection with its credentials, 1 sync. It cannot be undone."
    )


async def test_there_is_an_end_to_instances(market):
    await market.listed()
    for number in range(10):
        await market.installed(market.acme, name=f"n{number}")
    install = ("POST", "/v1/marketplace/tickets/install", {"settings": SETTLED})
    assert await market.refused(market.acme, *install) == (409, "too_many_instances")


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"environment": "Production"}, {"settings": []}, {"pinned": "maybe"}, {"status": "enabled"}]
)
async def test_what_is_no_change_is_refused(market, body):
    await market.listed()
    made = await market.installed(market.acme)
    assert (await market.refused(market.acme, "PATCH", f"{PATH}/{made['id']}", body))[0] == 422
