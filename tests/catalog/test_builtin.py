"""The listings that the hub brings along: once each, a new version a new row, and the operator has the last word."""

import asyncio
import json

import pytest

from tests.sdk.manifest.samples import OAUTH, base
from worksphere_hub.catalog import builtin
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.settings import CatalogSettings


@pytest.fixture
def shelf(tmp_path):
    """Three listings, of which one is by OAuth."""
    for slug, changes in (("tickets", {}), ("chat", {"auth": {"o": OAUTH}}), ("files", {"category": "storage"})):
        write(tmp_path, slug, **changes)
    return tmp_path


def write(folder, slug, **changes):
    (folder / f"{slug}.json").write_text(json.dumps(base(slug=slug, **changes)))


async def load(market, folder):
    found = await builtin.load(Catalog(market.app), folder)
    return sorted(found.registered), found.refused


async def listed(market):
    page = await market.done(market.acme, "GET", "/v1/marketplace?sort=name")
    return {each["slug"]: each["version"] for each in page["data"]}


async def test_they_are_offered_to_everybody_once(market, shelf):
    assert await load(market, shelf) == (["chat", "files", "tickets"], {})
    assert await listed(market) == {"chat": "1.2.0", "files": "1.2.0", "tickets": "1.2.0"}
    assert await load(market, shelf) == ([], {})
    assert (await market.installed(market.acme, "chat"))["version"] == "1.2.0"
    assert await market.audited(market.operator.org) == ["integration.published"] * 3


async def test_a_new_version_is_a_new_row(market, shelf):
    await load(market, shelf)
    mine = await market.installed(market.acme, "tickets")
    write(shelf, "tickets", version="1.3.0")
    assert await load(market, shelf) == (["tickets"], {})
    assert (await listed(market))["tickets"] == "1.3.0"
    # Whoever has the older one keeps it until they agree.
    assert (await market.done(market.acme, "GET", f"/v1/instances/{mine['id']}"))["version"] == "1.2.0"
    assert (await market.done(market.acme, "GET", f"/v1/instances/{mine['id']}/upgrade"))["to_version"] == "1.3.0"


async def test_bad_files_keep_nobody_from_the_others(market, shelf):
    (shelf / "bad.json").write_text("{")
    (shelf / "list.json").write_text("[]")
    write(shelf, "wrong", version="x")
    registered, refused = await load(market, shelf)
    assert registered == ["chat", "files", "tickets"]
    assert refused.keys() == {"bad.json", "list.json", "wrong.json"}
    assert "version must be three numbers" in refused["wrong.json"]


async def test_a_version_with_another_content_is_refused(market, shelf):
    await load(market, shelf)
    write(shelf, "tickets", summary="Something else.")
    write(shelf, "chat", version="1.1.0")
    _, refused = await load(market, shelf)
    assert "another content" in refused["tickets.json"]
    assert "older than 1.2.0" in refused["chat.json"]


async def test_what_the_operator_withdrew_stays_so(market, shelf):
    await load(market, shelf)
    page = await market.done(market.acme, "GET", "/v1/marketplace/tickets")
    path = f"/v1/integrations/{page['integration_id']}/withdraw"
    await market.done(market.operator, "POST", path, {"reason": "It is broken."})
    await market.done(market.operator, "PATCH", "/v1/marketplace/chat", {"unlisted": True})
    assert await load(market, shelf) == ([], {})
    write(shelf, "chat", version="1.3.0")
    assert await load(market, shelf) == (["chat"], {})
    assert list(await listed(market)) == ["files"]


async def test_processes_that_start_at_once_do_it_once(market, shelf):
    found = await asyncio.gather(*(load(market, shelf) for _ in range(4)))
    assert sorted(slug for registered, _ in found for slug in registered) == ["chat", "files", "tickets"]
    assert all(not refused for _, refused in found)
    assert len(await listed(market)) == 3


async def test_without_an_operator_or_by_its_wish_nothing_is_loaded(market, shelf):
    found = await builtin.load(Catalog(market.app, CatalogSettings(builtin=False)), shelf)
    assert found.registered == []
    await market.admin.execute("update hub.organizations set operator = false")
    assert await load(market, shelf) == ([], {})


async def test_what_the_hub_brings_along_is_sound(market):
    """Every file of the folder itself, and every connector's."""
    registered, refused = await load(market, None)
    assert refused == {}
    assert {"slack", "google-drive", "salesforce", "microsoft-teams", "zoom"} <= set(registered)


async def test_a_connectors_page_says_what_its_code_can_do(market):
    await builtin.load(Catalog(market.app))
    page = await market.done(market.acme, "GET", "/v1/marketplace/slack")
    can = {kind: [each["name"] for each in found] for kind, found in page["capabilities"].items()}
    assert can["streams"] == ["channels", "files", "messages", "users"]
    assert "post_message" in can["actions"]
    assert "message" in can["events"]
