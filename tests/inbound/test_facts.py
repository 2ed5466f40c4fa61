"""What integrations make of messages: facts of a connection and a record, and messages that are for somebody else."""

import hashlib
import hmac
import json
import time

import pytest

from tests.sdk.manifest.samples import base
from worksphere_hub import ids

SECRET = "a secret of many characters"
INBOUND = {"scheme": "hmac", "event_type": "kind ? 'shop.' & kind", "event_id": "id", "account": "shop"}
HMAC = {"scheme": "hmac", "header": "X-Sig", "id_header": "X-Id"}


class Shelf:
    """Integrations, instances and connections, put where they belong without anybody's consent."""

    def __init__(self, reception):
        self.reception = reception
        self.org = reception.org

    async def integration(self, manifest, org=None, *, public=False):
        found = ids.new()
        visibility = "public" if public else "private"
        await self.reception.admin.execute(
            "insert into hub.integrations (org_id, id, slug, version, name, category, manifest, manifest_digest,"
            " visibility, state) values ($1, $2, $3, $4, $5, 'api', $6, $7, $8, 'published')",
            org or self.org, found, manifest["slug"], manifest["version"], manifest["name"], json.dumps(manifest),
            hashlib.sha256(json.dumps(manifest).encode()).digest(), visibility,
        )  # fmt: skip
        await self.reception.admin.execute(
            "insert into hub.integration_marketplace (org_id, id, integration_id, slug, name, summary, category,"
            " visibility, published_at) values ($1, $2, $3, $4, $5, 'A summary.', 'api', $6, now())",
            org or self.org, ids.new(), found, manifest["slug"], manifest["name"], visibility,
        )  # fmt: skip
        return found

    async def instance(self, integration, org=None, owner=None, status="enabled"):
        found = ids.new()
        await self.reception.admin.execute(
            "insert into hub.integration_instances (org_id, id, integration_org_id, integration_id, name, status)"
            " values ($1, $2, $3, $4, $5, $6)",
            org or self.org, found, owner or self.org, integration, f"Instance {found.hex}", status,
        )  # fmt: skip
        return found

    async def connection(self, instance, account, org=None, **given):
        found = ids.new()
        row = {"status": "connected", "auth_method": "app", "enabled": True, **given}
        await self.reception.admin.execute(
            "insert into hub.api_connections (org_id, id, instance_id, name, auth_type, auth_method, status, enabled,"
            " account_key) values ($1, $2, $3, 'Acme', 'oauth2', $4, $5, $6, $7)",
            org or self.org, found, instance, row["auth_method"], row["status"], row["enabled"], account,
        )  # fmt: skip
        return found

    async def client(self, slug=None, instance=None, org=None, method="app"):
        await self.reception.admin.execute(
            "insert into hub.oauth_clients (org_id, id, integration_slug, instance_id, auth_method, client_id)"
            " values ($1, $2, $3, $4, $5, 'client')",
            org or self.org, ids.new(), slug, instance, method,
        )  # fmt: skip


@pytest.fixture
def shelf(reception):
    return Shelf(reception)


def shop(**given):
    """A manifest that says what is in its messages."""
    return {**base(), "slug": "shop", "inbound": INBOUND, **given}


async def send(reception, source, body, number="m-1"):
    content = json.dumps(body).encode()
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    answer = await reception.send(source, content, {"x-sig": signature, "x-id": number})
    assert answer.status == 200, answer.body
    await reception.process()
    return answer


async def send_slack(reception, source, team, number="Ev1", **event):
    whole = {"type": "event_callback", "event_id": number, "event_time": 1_700_000_000, "team_id": team,
             "event": {"type": "message", "channel": "C1", "ts": "1.2", **event}}  # fmt: skip
    content, stamp = json.dumps(whole).encode(), str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:%s:%s" % (stamp.encode(), content), hashlib.sha256).hexdigest()
    answer = await reception.send(
        source, content, {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={signature}"}
    )
    assert answer.status == 200, answer.body
    await reception.process()


async def of_instance(reception, instance, scheme=HMAC, status=201, **given):
    wanted = {"name": "Shop", "verification": scheme, "secret": SECRET, "route": "connector",
              "instance_id": ids.encode("inst", instance), **given}  # fmt: skip
    answer = await reception.ask("POST", "/v1/inbound-sources", wanted)
    assert answer.status == status, answer.body
    return answer.json()


async def test_a_manifest_says_what_is_in_a_message_and_whose_it_is(reception, shelf):
    instance = await shelf.instance(await shelf.integration(shop()))
    await shelf.connection(instance, "another")
    connection = await shelf.connection(instance, "nairobi")
    source = await of_instance(reception, instance)
    await send(reception, source, {"kind": "order.paid", "id": "o-7", "shop": "nairobi", "total": 5})
    (event,) = await reception.events()
    assert event["type"] == "shop.order.paid"
    assert event["data"] == {
        "connection_id": ids.encode("con", connection), "instance_id": ids.encode("inst", instance),
        "account": "nairobi", "record": None,
        "data": {"kind": "order.paid", "id": "o-7", "shop": "nairobi", "total": 5},
    }  # fmt: skip


async def test_the_same_fact_in_two_messages_is_published_once_and_anew_when_replayed(reception, shelf):
    instance = await shelf.instance(await shelf.integration(shop()))
    source = await of_instance(reception, instance)
    fact = {"kind": "order.paid", "id": "o-7", "shop": "nairobi"}
    await send(reception, source, fact, "m-1")
    second = await send(reception, source, {**fact, "again": True}, "m-2")
    assert len(await reception.events()) == 1
    assert [row["state"] for row in await reception.messages()] == ["processed", "processed"]
    path = f"/v1/inbound-sources/{source['id']}/messages/{second.headers['hub-message']}/replay"
    assert (await reception.ask("POST", path)).status == 202
    await reception.process()
    assert len(await reception.events()) == 2


async def test_several_facts_in_one_message_are_several_events_and_go_with_it(reception, shelf):
    operator, _ = await reception.organization()
    await reception.admin.execute("update hub.organizations set operator = true where id = $1", operator)
    teams = {**base(), "slug": "microsoft-teams"}
    integration = await shelf.integration(teams, operator, public=True)
    instance = await shelf.instance(integration, owner=operator)
    source = await of_instance(reception, instance, {"scheme": "graph"})
    told = [
        {"clientState": SECRET, "changeType": "created", "resource": f"teams('t')/channels('c')/messages('{number}')"}
        for number in (1, 2)
    ]
    answer = await reception.send(source, json.dumps({"value": told}).encode(), {"content-type": "application/json"})
    assert answer.status == 200
    await reception.process()
    events = await reception.events()
    records = sorted((event["data"]["record"] for event in events), key=lambda record: record["key"])
    assert records == [
        {"stream": "messages", "key": ["t", "c", "1"]}, {"stream": "messages", "key": ["t", "c", "2"]},
    ]  # fmt: skip
    assert {event["type"] for event in events} == {"microsoft_teams.created"}
    (row,) = await reception.messages()
    assert len(row["event_ids"]) == 2
    assert SECRET not in row["body"].decode()
    # Whichever of them is removed, what it was made of goes, too.
    async with reception.app.tenant(reception.org) as tx:
        assert await tx.value("select hub.forget_inbound_of($1, $2)", reception.org, row["event_ids"][1]) == 1


async def test_what_concerns_our_own_access_has_the_connection_tested_at_once(reception, shelf):
    operator, _, integration, answer = await passing(reception, shelf)
    connection = await shelf.connection(await shelf.instance(integration, owner=operator), "T1")
    other = await shelf.connection(await shelf.instance(integration, owner=operator), "T2")
    await reception.admin.execute("update hub.api_connections set check_due_at = now() + interval '1 day'")
    due = "select id from hub.api_connections where check_due_at <= now()"
    await send_slack(reception, answer.json(), "T1", text="hello")
    assert await reception.admin.fetch(due) == []
    await send_slack(reception, answer.json(), "T1", "Ev2", type="tokens_revoked")
    assert [row["id"] for row in await reception.admin.fetch(due)] == [connection]
    await reception.admin.execute("update hub.api_connections set check_due_at = null where id = $1", other)
    await send_slack(reception, answer.json(), "T2", "Ev3", type="app_uninstalled")
    assert [row["id"] for row in await reception.admin.fetch(due)] == [connection]


async def test_what_concerns_a_subscription_has_it_seen_to_at_once(reception, shelf):
    operator, _ = await reception.organization()
    await reception.admin.execute("update hub.organizations set operator = true where id = $1", operator)
    integration = await shelf.integration({**base(), "slug": "microsoft-teams"}, operator, public=True)
    instance = await shelf.instance(integration, owner=operator)
    connection = await shelf.connection(instance, "acme")
    source = await of_instance(reception, instance, {"scheme": "graph"})
    await reception.admin.execute("update hub.inbound_sources set connection_id = $1", connection)
    await reception.admin.execute(
        "insert into hub.inbound_subscriptions (org_id, connection_id, source_id, sealed, status, kept, due_at)"
        " values ($1, $2, $3, '', 'active', '{}', now() + interval '1 day')",
        reception.org, connection, ids.parse("ins", source["id"]),
    )  # fmt: skip
    told = {"clientState": SECRET, "lifecycleEvent": "reauthorizationRequired", "subscriptionId": "s"}
    body = json.dumps({"value": [told]}).encode()
    assert (await reception.send(source, body, {"content-type": "application/json"})).status == 200
    await reception.process()
    assert await reception.admin.fetchval("select due_at <= now() from hub.inbound_subscriptions")
    assert [event["type"] for event in await reception.events()] == [
        "microsoft_teams.lifecycle.reauthorizationRequired"
    ]


async def test_a_message_that_its_integration_cannot_read_fails_visibly(reception, shelf):
    instance = await shelf.instance(await shelf.integration(shop()))
    source = await of_instance(reception, instance)
    await send(reception, source, {"nothing": "here"})
    (row,) = await reception.messages()
    assert row["state"] == "failed"
    assert row["error"].startswith("unexpected:")


async def test_an_instance_that_is_switched_off_publishes_nothing(reception, shelf):
    instance = await shelf.instance(await shelf.integration(shop()))
    source = await of_instance(reception, instance)
    await reception.admin.execute("update hub.integration_instances set status = 'disabled' where id = $1", instance)
    await send(reception, source, {"kind": "order.paid", "id": "o-7"})
    (row,) = await reception.messages()
    assert (row["state"], row["error"][:17]) == ("failed", "instance_disabled")
    assert await reception.events() == []


async def test_what_does_not_go_together_is_refused_before_it_is_stored(reception, shelf):
    instance = await shelf.instance(await shelf.integration(shop()))
    without = await shelf.instance(await shelf.integration({**base(), "slug": "silent"}))
    foreign, _ = await reception.organization()
    theirs = await shelf.instance(await shelf.integration(shop(), foreign), foreign, foreign)
    for given in (
        {"instance_id": None}, {"scheme": {"scheme": "github"}}, {"integration": "shop"},
        {"instance_id": ids.encode("inst", without)}, {"instance_id": ids.encode("inst", theirs)},
    ):  # fmt: skip
        answer = await of_instance(reception, instance, status=422, **given)
        assert answer["code"] == "invalid_inbound_source", given
    assert await reception.admin.fetchval("select count(*) from hub.inbound_sources") == 0


async def passing(reception, shelf, **manifest):
    """An operator with an app of its own at Slack, and the address that Slack posts to."""
    operator, key = await reception.organization()
    fixed = {"hosts": ["slack.com"], "api": {"base_url": "https://slack.com/api"}}
    slack = {**base(), "slug": "slack", "inbound": {"scheme": "slack"}, **fixed, **manifest}
    integration = await shelf.integration(slack, operator, public=True)
    await reception.admin.execute("update hub.organizations set operator = true where id = $1", operator)
    await shelf.client("slack", org=operator)
    wanted = {"name": "Slack", "verification": {"scheme": "slack"}, "secret": SECRET, "route": "accounts",
              "integration": "slack"}  # fmt: skip
    answer = await reception.ask("POST", "/v1/inbound-sources", wanted, key)
    return operator, key, integration, answer


async def test_one_address_serves_everybody_who_connected_through_the_app(reception, shelf):
    operator, key, integration, answer = await passing(reception, shelf)
    assert answer.status == 201, answer.body
    source = answer.json()
    other, other_key = await reception.organization()
    first = await shelf.instance(integration, owner=operator)
    second = await shelf.instance(integration, other, operator)
    mine = await shelf.connection(first, "T1")
    theirs = await shelf.connection(second, "T2", other)
    await send_slack(reception, source, "T1", text="for the first")
    await send_slack(reception, source, "T2", "Ev2", text="for the second")
    events = [
        (event["data"]["connection_id"], event["data"]["data"]["event"]["text"]) for event in await reception.events()
    ]
    assert events == [
        (ids.encode("con", mine), "for the first"), (ids.encode("con", theirs), "for the second"),
    ]  # fmt: skip
    # Whose address it is keeps nothing of it; whose account it is has it, and can have it processed again.
    rows = await reception.admin.fetch("select * from hub.inbound_messages where org_id = $1", operator)
    assert [(row["state"], row["passed_on"], row["body"]) for row in rows] == [("processed", 1, b"")] * 2
    listed = (await reception.ask("GET", "/v1/inbound-sources", key=other_key)).json()["data"]
    assert [(each["route"], each["fed"], each["instance_id"]) for each in listed] == [
        ("connector", True, ids.encode("inst", second))
    ]
    messages = f"/v1/inbound-sources/{listed[0]['id']}/messages"
    (message,) = (await reception.ask("GET", messages, key=other_key)).json()["data"]
    assert (await reception.ask("POST", f"{messages}/{message['id']}/replay", key=other_key)).status == 202
    passed = f"/v1/inbound-sources/{source['id']}/messages"
    shown = (await reception.ask("GET", passed, key=key)).json()["data"]
    assert [each["passed_on"] for each in shown] == [1, 1]
    again = await reception.ask("POST", f"{passed}/{shown[0]['id']}/replay", key=key)
    assert (again.status, again.json()["code"]) == (409, "inbound_message_handshake")


async def test_what_comes_twice_is_passed_on_once(reception, shelf):
    operator, _, integration, answer = await passing(reception, shelf)
    await shelf.connection(await shelf.instance(integration, owner=operator), "T1")
    await send_slack(reception, answer.json(), "T1")
    await send_slack(reception, answer.json(), "T1")
    assert len(await reception.events()) == 1


@pytest.mark.parametrize(
    "given", [{"status": "disconnected"}, {"enabled": False}, {"auth_method": "own"}, {"account": "T9"}]
)
async def test_it_is_passed_on_only_to_whom_it_concerns(reception, shelf, given):
    operator, _, integration, answer = await passing(reception, shelf)
    instance = await shelf.instance(integration, owner=operator)
    await shelf.connection(instance, given.pop("account", "T1"), **given)
    await send_slack(reception, answer.json(), "T1")
    assert await reception.events() == []
    (row,) = await reception.messages()
    assert row["org_id"] == operator
    assert row["error"].startswith("no_connection")


async def test_an_app_of_ones_own_is_not_the_owners(reception, shelf):
    """Whoever connects through his own app gets his messages at his own address: the owner's are not for him."""
    operator, _, integration, answer = await passing(reception, shelf)
    instance = await shelf.instance(integration, owner=operator)
    await shelf.client(instance=instance)
    await shelf.connection(instance, "T1")
    await send_slack(reception, answer.json(), "T1")
    assert await reception.events() == []


async def test_a_fed_source_that_is_switched_off_takes_nothing(reception, shelf):
    operator, _, integration, answer = await passing(reception, shelf)
    await shelf.connection(await shelf.instance(integration, owner=operator), "T1")
    await send_slack(reception, answer.json(), "T1")
    (fed,) = (await reception.ask("GET", "/v1/inbound-sources")).json()["data"]
    path = f"/v1/inbound-sources/{fed['id']}"
    assert (await reception.ask("PATCH", path, {"status": "disabled"})).status == 200
    await send_slack(reception, answer.json(), "T1", "Ev2")
    assert len(await reception.events()) == 1


async def test_hosts_that_instances_choose_tell_nobody_apart(reception, shelf):
    hosts = ["${settings.host}"]
    settings = {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"]}
    api = {"base_url": "https://${settings.host}"}
    _, _, _, answer = await passing(reception, shelf, hosts=hosts, settings=settings, api=api)
    assert answer.status == 422
    assert "instances choose" in answer.json()["detail"]


async def test_an_integration_of_somebody_else_is_not_ones_own(reception, shelf):
    await passing(reception, shelf)
    wanted = {"name": "Slack", "verification": {"scheme": "slack"}, "secret": SECRET, "route": "accounts",
              "integration": "slack"}  # fmt: skip
    assert (await reception.ask("POST", "/v1/inbound-sources", wanted)).status == 422
