"""Subscriptions at providers that we did not write for them: made, renewed, found again, ended."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

import worksphere_hub.connectors
from tests.connections.conftest import LOOPBACK, Desk, desk, shared_database, uuid_of
from tests.http.driving import build, call, serving
from tests.sandbox.conftest import sandbox, served
from worksphere_hub import ids
from worksphere_hub.app.demo_providers import reroutes
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.connections import routes as connection_routes
from worksphere_hub.connections.services import open_connections
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.inbound import routes
from worksphere_hub.inbound.process import Processor
from worksphere_hub.inbound.receive import Doorkeeper
from worksphere_hub.inbound.refusals import Refusals
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.inbound.subscribe import Subscriber
from worksphere_hub.sdk.errors import Transient
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.security.reroutes import Reroutes

__all__ = ["desk", "sandbox", "served", "shared_database"]

FOLDERS = Path(worksphere_hub.connectors.__file__).parent
APPS = {"microsoft": "11111111-2222-4333-8444-555555555555", "google": "sandbox.apps.googleusercontent.com"}
SETTINGS = InboundSettings(freshness=0.0, retry_wait=0.0)


class Watch:
    """A hub that providers of the sandbox post to, with connections to them."""

    def __init__(self, desk: Desk, sandbox, egress: EgressClient) -> None:
        self.desk = desk
        self.sandbox = sandbox
        self.egress = egress
        self.room = open_connections(desk.worker, desk.vault, egress, desk.settings)
        self.port = 0
        desk.rooms.append(self.room)

    def state(self):
        state = self.desk.state()
        keeper = Doorkeeper(
            self.desk.app, self.desk.vault, Refusals(self.desk.app), SETTINGS, limiter=RateLimiter()
        )  # fmt: skip
        connections = open_connections(self.desk.app, self.desk.vault, self.egress, self.desk.settings)
        inbound = Inbound(self.desk.app, self.desk.vault, keeper, self.egress, SETTINGS)
        return {**state, "connections": connections, "inbound": inbound}

    @asynccontextmanager
    async def serving(self):
        @asynccontextmanager
        async def lifespan(_):
            yield self.state()

        async with serving(build(routes.ROUTERS, lifespan=lifespan)) as self.port:
            yield self

    async def ask(self, method, path, body=None, key=None, base=None):
        headers = {"authorization": f"Bearer {key or self.desk.key}", "content-type": "application/json",
                   "host": base or f"127.0.0.1:{self.port}"}  # fmt: skip
        content = b"" if body is None else json.dumps(body).encode()
        app = build((*connection_routes.ROUTERS, *routes.ROUTERS))
        return await call(app, method, path, body=content, headers=headers, state=self.state())

    async def connected(self, slug, provider):
        """A connection whose account's owner agreed on the sandbox's consent page."""
        operator, _ = await self.desk.organization(operator=True)
        manifest = json.loads((FOLDERS / slug.replace("-", "_") / "manifest.json").read_text())
        instance = await self.desk.instance(
            await self.desk.integration(manifest, operator, visibility="public"), operator,
            settings={"tenant": "organizations"} if provider == "microsoft" else {},
        )  # fmt: skip
        base = "https://hub.example.com"
        self.sandbox.call(
            "POST", "/apps", provider=provider, client_id=APPS[provider],
            redirect_uris=[f"{base}/v1/oauth/callback/{slug}"],
        )  # fmt: skip
        await self.desk.client(
            instance, auth_method="user", client_id=APPS[provider],
            client_secret=f"{provider}-sandbox-client-secret",
        )  # fmt: skip
        connection = await self.desk.connection(instance, auth_method="user")
        answer = await self.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})
        path = urlsplit(answer.json()["url"]).path
        left = await self.ask("GET", path)
        name, _, rest = left.headers["set-cookie"].partition("=")
        async with httpx.AsyncClient(trust_env=False) as browser:
            back = await browser.post(left.headers["location"], data={"decision": "approve"})
        arrived = urlsplit(back.headers["location"])
        app = build(connection_routes.ROUTERS)
        done = await call(
            app, "GET", f"{arrived.path}?{arrived.query}", headers={"cookie": f"{name}={rest.partition(';')[0]}"},
            state=self.state(),
        )  # fmt: skip
        assert done.status == 200, done.body
        return connection

    async def subscribe(self, connection, *wanted, status=202):
        path = f"/v1/connections/{connection['id']}/subscriptions"
        answer = await self.ask("POST", path, {"wanted": list(wanted)})
        assert answer.status == status, answer.body
        return answer.json()

    async def shown(self, subscription):
        path = f"/v1/connections/{subscription['connection_id']}/subscriptions/{subscription['id']}"
        return (await self.ask("GET", path)).json()

    async def turn(self):
        return await Subscriber(self.room, SETTINGS).turn()

    async def due(self, **columns):
        """Let the time of every subscription come."""
        changes = "".join(f", {name} = {value}" for name, value in columns.items())
        await self.desk.admin.execute(f"update hub.inbound_subscriptions set due_at = now(){changes}")

    async def process(self):
        acceptor = Acceptor(self.desk.worker, EventSettings())
        processor = Processor(self.desk.worker, acceptor, Ear(None), SETTINGS, body_limit=1_048_576)
        while await processor.turn():
            pass

    async def told(self, event_type):
        return [event["data"] for event in await self.desk.events() if event["type"] == event_type]

    def at_graph(self):
        """What Graph has of our subscriptions."""
        return self.sandbox.http.get(
            "/microsoft/v1.0/subscriptions", headers={"authorization": f"Bearer {self.token}"}
        ).json()["value"]  # fmt: skip

    @property
    def token(self):
        return self.sandbox.tokens("microsoft", client_id=APPS["microsoft"])["access_token"]


@pytest.fixture
async def watch(desk, sandbox):
    table = Reroutes(reroutes(sandbox.url), LOOPBACK.allowed_networks)
    await desk.admin.execute("update hub.organizations set operator = false")
    async with (
        EgressClient(LOOPBACK, body_limit=8_388_608, reroutes=table) as egress,
        Watch(desk, sandbox, egress).serving() as made,
    ):
        yield made


async def channel(watch, connection):
    """A channel of Teams, as Graph names what happens in it."""
    path = f"/v1/connections/{connection['id']}/streams/channels/sample"
    found = (await watch.ask("POST", path, {})).json()["records"][0]
    return found["teamId"], found["id"], f"/teams/{found['teamId']}/channels/{found['id']}/messages"


async def test_what_happens_in_teams_arrives_as_an_event_of_its_record(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    team, place, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    assert (made["status"], made["expires_at"]) == ("pending", None)
    assert await watch.turn() == 1
    shown = await watch.shown(made)
    assert (shown["status"], shown["failures"], shown["error"]) == ("active", 0, None)
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left < timedelta(minutes=60)
    due = datetime.fromisoformat(shown["next_attempt_at"]) - datetime.now(UTC)
    assert 0.6 * left < due < 0.8 * left

    action = f"/v1/connections/{connection['id']}/actions/send_to_channel"
    sent = await watch.ask("POST", action, {"input": {"team": team, "channel": place, "text": "Shipped."}})
    assert sent.status == 200, sent.body
    # The sandbox posts to this very process: it must not wait for it here.
    await asyncio.to_thread(watch.sandbox.settle)
    await watch.process()
    (fact,) = await watch.told("microsoft_teams.created")
    assert fact["connection_id"] == connection["id"]
    assert fact["record"] == {"stream": "messages", "key": [team, place, sent.json()["result"]["id"]]}
    assert "clientState" not in json.dumps(fact)
    expiries = (await watch.ask("GET", "/v1/connections/expiry?days=1")).json()["data"]
    assert ("subscription", connection["id"]) in [(each["kind"], each["connection_id"]) for each in expiries]


async def test_drive_tells_that_something_changed_and_whose_it_is(watch):
    connection = await watch.connected("google-drive", "google")
    made = await watch.subscribe(connection)
    await watch.turn()
    shown = await watch.shown(made)
    assert shown["status"] == "active", shown
    token = watch.sandbox.tokens("google", scopes=["https://www.googleapis.com/auth/drive"])["access_token"]
    answer = watch.sandbox.http.post(
        "/google/drive/v3/files", json={"name": "a new one"}, headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    # The sandbox posts to this very process: it must not wait for it here.
    await asyncio.to_thread(watch.sandbox.settle)
    await watch.process()
    facts = await watch.told("google_drive.changed")
    assert facts
    assert {fact["connection_id"] for fact in facts} == {connection["id"]}
    assert {json.dumps(fact["record"]) for fact in facts} == {'{"stream": "files", "key": null}'}


async def test_it_is_renewed_and_stays_the_same(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    await watch.turn()
    before = await watch.shown(made)
    (first,) = watch.at_graph()
    await watch.due()
    assert await watch.turn() == 1
    after = await watch.shown(made)
    assert after["status"] == "active"
    assert after["expires_at"] > before["expires_at"]
    assert [each["id"] for each in watch.at_graph()] == [first["id"]]
    assert await watch.turn() == 0


async def test_whoever_dies_after_the_provider_agreed_leaves_one_subscription(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    # Graph has it, and then the worker is gone before it has written anything down.
    (row,) = await watch.desk.worker.call("select * from hub.claim_subscriptions(interval '1 second')")
    subscriber = Subscriber(watch.room, SETTINGS)
    opened, inbound, address = await subscriber._opened(row)
    await inbound.subscribe(opened.api, address)
    assert (await watch.shown(made))["status"] == "pending"
    await watch.due()
    await watch.turn()
    assert (await watch.shown(made))["status"] == "active"
    assert len(watch.at_graph()) == 1
    # And whoever comes back late with what he had in hand changes nothing any more.
    late = await watch.desk.admin.fetchrow("select fence, kept from hub.inbound_subscriptions")
    await subscriber._failed(row, Transient("late"))
    assert (await watch.shown(made))["status"] == "active"
    assert (await watch.desk.admin.fetchrow("select fence, kept from hub.inbound_subscriptions")) == late


async def test_one_that_ended_at_the_provider_is_made_anew_and_the_gap_is_told(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    await watch.turn()
    (first,) = watch.at_graph()
    watch.sandbox.http.delete(
        f"/microsoft/v1.0/subscriptions/{first['id']}", headers={"authorization": f"Bearer {watch.token}"}
    )
    await watch.due(expires_at="now() - interval '10 minutes'")
    await watch.turn()
    assert (await watch.shown(made))["status"] == "active"
    (second,) = watch.at_graph()
    assert second["id"] != first["id"]
    (told,) = await watch.told("hub.subscription.interrupted")
    assert (told["subscription_id"], told["connection_id"]) == (made["id"], connection["id"])
    assert told["since"] < told["until"]


async def test_what_fails_is_told_once_and_tried_again(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    made = await watch.subscribe(connection, "/teams/nobody/channels/nothing/messages")
    for _ in range(3):
        await watch.due()
        await watch.turn()
    shown = await watch.shown(made)
    assert (shown["status"], shown["failures"]) == ("failing", 3)
    assert shown["error_code"]
    waits = datetime.fromisoformat(shown["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(seconds=80) < waits < timedelta(seconds=160)
    (told,) = await watch.told("hub.subscription.failing")
    assert told["code"] == shown["error_code"]


async def test_it_recovers_when_the_connection_does(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    await watch.desk.admin.execute(
        "update hub.api_connections set status = 'needs_reauthorization' where id = $1", uuid_of(connection)
    )
    await watch.turn()
    shown = await watch.shown(made)
    assert (shown["status"], shown["error_code"]) == ("failing", "auth_failed")
    await watch.desk.admin.execute("update hub.api_connections set status = 'connected'")
    await watch.due()
    await watch.turn()
    assert (await watch.shown(made))["status"] == "active"
    assert len(await watch.told("hub.subscription.recovered")) == 1


async def test_it_is_ended_at_the_provider_and_gone_with_its_source(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    await watch.turn()
    path = f"/v1/connections/{connection['id']}/subscriptions/{made['id']}"
    assert (await watch.ask("DELETE", path)).status == 202
    assert (await watch.shown(made))["status"] == "cancelling"
    source = await watch.ask("GET", f"/v1/inbound-sources/{made['source_id']}")
    assert source.json()["status"] == "disabled"
    await watch.turn()
    assert watch.at_graph() == []
    assert (await watch.ask("GET", path)).status == 404
    assert (await watch.ask("GET", f"/v1/inbound-sources/{made['source_id']}")).status == 404
    # What was ended can be asked for again.
    await watch.subscribe(connection, resource)


async def test_one_that_nobody_may_end_any_more_is_forgotten(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    await watch.turn()
    await watch.desk.admin.execute("update hub.api_connections set status = 'disconnected'")
    path = f"/v1/connections/{connection['id']}/subscriptions/{made['id']}"
    await watch.ask("DELETE", path)
    await watch.turn()
    assert (await watch.ask("GET", path)).status == 404


async def test_what_cannot_be_asked_for_is_refused_and_foreign_ones_are_not_there(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    made = await watch.subscribe(connection, resource)
    assert (await watch.subscribe(connection, resource, status=409))["code"] == "subscription_exists"
    _, foreign = await watch.desk.organization()
    path = f"/v1/connections/{connection['id']}/subscriptions"
    for method, where in (
        ("GET", path),
        ("POST", path),
        ("GET", f"{path}/{made['id']}"),
        ("DELETE", f"{path}/{made['id']}"),
    ):
        body = {} if method == "POST" else None
        assert (await watch.ask(method, where, body, key=foreign)).status == 404
    unknown = f"{path}/{ids.encode('sub', ids.new())}"
    assert (await watch.ask("GET", unknown)).status == (await watch.ask("DELETE", unknown)).status == 404
    bare = await watch.desk.authorized()
    assert (await watch.subscribe(bare, status=409))["code"] == "nothing_to_subscribe"


async def test_address_and_secret_are_sealed(watch):
    connection = await watch.connected("microsoft-teams", "microsoft")
    *_, resource = await channel(watch, connection)
    await watch.subscribe(connection, resource)
    await watch.turn()
    row = await watch.desk.admin.fetchrow("select * from hub.inbound_subscriptions")
    (at_graph,) = watch.at_graph()
    stored = str(dict(row))
    assert at_graph["notificationUrl"].rpartition("/")[2] not in stored
    assert "clientState" not in stored
