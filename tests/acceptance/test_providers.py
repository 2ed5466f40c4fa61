"""A newcomer with nothing but the demo connects all five providers and works with them."""

import re
from urllib.parse import urlsplit

import httpx
import pytest

from tests.acceptance.running import demo
from tests.acceptance.test_main_job import until
from worksphere_hub.db.embedded import free_port

DRIVE = "https://www.googleapis.com/auth/drive"
# Beside what is asked for by default.
SCOPES = {"google-drive": [DRIVE, f"{DRIVE}.readonly"]}


class Newcomer:
    """Somebody with the demo's API key and a browser."""

    def __init__(self, found):
        self.found = found
        self.hub = httpx.AsyncClient(
            base_url=found["base_url"], headers={"authorization": f"Bearer {found['api_key']}"}, timeout=30.0
        )

    async def ask(self, method, path, body=None, status=200):
        answer = await self.hub.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def instance(self, slug):
        """The installed instance of an integration."""
        listed = (await self.ask("GET", "/v1/instances?limit=100"))["data"]
        (found,) = [each for each in listed if each["slug"] == slug]
        assert found["status"] == "enabled"
        return found["id"]

    async def connected(self, slug, method, decision="approve", status=200):
        """Connect an account."""
        wanted = {"instance_id": await self.instance(slug), "name": f"Acme's {slug}", "auth_method": method}
        if slug in SCOPES:
            wanted["scopes"] = SCOPES[slug]
        connection = await self.ask("POST", "/v1/connections", wanted, 201)
        link = (await self.ask("POST", f"/v1/connections/{connection['id']}/authorize", {}))["url"]
        await self.consent(slug, link, decision, status)
        return await self.ask("GET", f"/v1/connections/{connection['id']}")

    async def consent(self, slug, link, decision="approve", status=200):
        """Decide on the provider's page, by what a browser does: out to it, and back."""
        async with httpx.AsyncClient(timeout=30.0, follow_redirects=True) as browser:
            page = await browser.get(link)
            assert page.status_code == 200, page.text
            assert f":{urlsplit(self.found['sandbox_url']).port}" in str(page.url)
            assert re.search(r'name="decision" value="approve"', page.text)
            done = await browser.post(page.url, data={"decision": decision})
            assert done.status_code == status, done.text
            assert str(done.url).startswith(f"{self.found['base_url']}/v1/oauth/callback/{slug}")

    async def run(self, connection, action, **given):
        path = f"/v1/connections/{connection['id']}/actions/{action}"
        return (await self.ask("POST", path, {"input": given}))["result"]

    async def sample(self, connection, stream, **only):
        path = f"/v1/connections/{connection['id']}/streams/{stream}/sample"
        return (await self.ask("POST", path, {"only": only, "limit": 100}))["records"]


@pytest.fixture(scope="module")
async def newcomer(tmp_path_factory):
    home = tmp_path_factory.mktemp("providers")
    async with demo(home, free_port(), HUB_CONNECTIONS_REFUSED_PAUSE="1") as (found, _, _):
        made = Newcomer(found)
        yield made
        await made.hub.aclose()


PROVIDERS = [
    ("slack", "app"), ("google-drive", "user"), ("salesforce", "user"), ("microsoft-teams", "user"), ("zoom", "user"),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "method"), PROVIDERS)
async def test_an_account_is_connected_tested_and_read(newcomer, slug, method):
    connection = await newcomer.connected(slug, method)
    assert connection["status"] == "connected", connection
    check = await newcomer.ask("POST", f"/v1/connections/{connection['id']}/test")
    assert check["outcome"] == "healthy", check
    streams = (await newcomer.ask("GET", f"/v1/connections/{connection['id']}/streams"))["data"]
    assert streams
    # Every stream that can be read as a whole, through the hub, as this account.
    for stream in streams:
        if not set(stream["scopes"]) <= set(connection["granted_scopes"]):
            path = f"/v1/connections/{connection['id']}/streams/{stream['name']}/sample"
            assert (await newcomer.ask("POST", path, {}, 403))["code"] == "provider_not_permitted"
            continue
        records = await newcomer.sample(connection, stream["name"])
        for record in records:
            assert all(record.get(name) is not None for name in stream["primary_key"]), stream["name"]
    assert len([each for each in streams if set(each["scopes"]) <= set(connection["granted_scopes"])]) >= 2


@pytest.mark.parametrize(("slug", "method"), PROVIDERS)
async def test_a_grant_that_its_owner_took_back_is_told_of_and_given_anew(newcomer, slug, method):
    connection = await newcomer.connected(slug, method)
    path = f"/v1/connections/{connection['id']}"
    streams = (await newcomer.ask("GET", f"{path}/streams"))["data"]
    read = next(each["name"] for each in streams if set(each["scopes"]) <= set(connection["granted_scopes"]))
    assert await newcomer.sample(connection, read)
    sandbox = {"google-drive": "google", "microsoft-teams": "microsoft"}.get(slug, slug)
    where = f"{newcomer.found['sandbox_url']}/_sandbox/tokens/end"
    assert (await newcomer.hub.post(where, json={"provider": sandbox, "how": "revoke"})).json()["ended"]
    problem = await newcomer.ask("POST", f"{path}/streams/{read}/sample", {}, 409)
    assert problem["code"] == "provider_auth_failed"

    async def status():
        return (await newcomer.ask("GET", path))["status"]

    # A worker has looked into it: the refresh token is not taken either.
    await until(status, "needs_reauthorization")
    shown = await newcomer.ask("GET", path)
    assert shown["health_reason"]
    history = (await newcomer.ask("GET", f"{path}/health"))["data"]
    assert history[0]["health"] == "unhealthy"
    # The same connection goes on once its owner has agreed again.
    link = (await newcomer.ask("POST", f"{path}/authorize", {}))["url"]
    await newcomer.consent(slug, link)
    assert (await newcomer.ask("GET", path))["status"] == "connected"
    assert await newcomer.sample(connection, read)


async def test_slack_is_written_to(newcomer):
    connection = await newcomer.connected("slack", "app")
    general = next(each for each in await newcomer.sample(connection, "channels") if each["name"] == "general")
    sent = await newcomer.run(connection, "post_message", channel=general["id"], text="Order 1042 is on its way.")
    found = await newcomer.sample(connection, "messages", channel=general["id"])
    assert [each["text"] for each in found if each["ts"] == sent["ts"]] == ["Order 1042 is on its way."]


async def test_a_file_goes_to_google_drive_by_a_resumable_upload(newcomer):
    connection = await newcomer.connected("google-drive", "user")
    made = await newcomer.run(
        connection, "upload_file", name="orders.csv", content="id,total\n1042,99\n", mime_type="text/csv"
    )
    assert made["name"] == "orders.csv"
    files = await newcomer.sample(connection, "files")
    assert [each["name"] for each in files if each["id"] == made["id"]] == ["orders.csv"]


async def test_salesforce_is_queried_and_written_to_at_the_account_s_own_address(newcomer):
    connection = await newcomer.connected("salesforce", "user")
    made = await newcomer.run(connection, "create_record", object="Account", fields={"Name": "Nairobi Traders"})
    found = await newcomer.run(connection, "query", soql="SELECT Id FROM Account WHERE Name = 'Nairobi Traders'")
    assert [each["Id"] for each in found["records"]] == [made["id"]]


async def test_a_message_goes_to_a_channel_of_teams(newcomer):
    connection = await newcomer.connected("microsoft-teams", "user")
    team = (await newcomer.sample(connection, "teams"))[0]["id"]
    channel = next(each for each in await newcomer.sample(connection, "channels") if each["teamId"] == team)
    sent = await newcomer.run(connection, "send_to_channel", team=team, channel=channel["id"], text="Shipped.")
    assert sent["id"]


async def test_a_meeting_is_scheduled_in_zoom(newcomer):
    connection = await newcomer.connected("zoom", "user")
    made = await newcomer.run(connection, "create_meeting", topic="Stocktaking", start_time="2030-01-15T09:00:00Z")
    found = await newcomer.run(connection, "get_meeting", id=made["id"])
    assert found["topic"] == "Stocktaking"


async def test_an_owner_who_refuses_changes_nothing(newcomer):
    connection = await newcomer.connected("zoom", "user", decision="deny", status=400)
    assert connection["status"] == "pending"


async def test_an_app_that_acts_for_the_whole_account_needs_nobody(newcomer):
    wanted = {"instance_id": await newcomer.instance("salesforce"), "name": "The app", "auth_method": "app"}
    connection = await newcomer.ask("POST", "/v1/connections", {**wanted, "credential": {}}, 201)
    assert connection["status"] == "connected"
    assert (await newcomer.ask("POST", f"/v1/connections/{connection['id']}/test"))["outcome"] == "healthy"
