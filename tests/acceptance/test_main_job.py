"""The main job, from outside: an event goes in, a signed webhook comes out."""

import asyncio
import json
import secrets

import asyncpg
import pytest
from standardwebhooks import Webhook

from tests.security.hostile import HostileReceiver


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


async def create(hub, url, event_types=("*",)):
    status, endpoint = await hub.request(
        "POST", "/v1/webhook-endpoints", {"url": url, "event_types": list(event_types)}
    )
    assert status == 201, endpoint
    return endpoint


async def until(question, wanted=True, within=20.0):
    """Ask until the answer is as wanted."""
    async with asyncio.timeout(within):
        while (answer := await question()) != wanted:
            await asyncio.sleep(0.03)
    return answer


async def test_create_publish_receive_verify_and_list_the_attempts(hub, receiver):
    event_type = f"journey.{secrets.token_hex(4)}"
    endpoint = await create(hub, receiver.url("/ok"), [f"{event_type}"])
    status, accepted = await hub.request("POST", "/v1/events", {"type": event_type, "data": {"amount": 100}})
    assert status == 202
    (request,) = await receiver.wait_for(1)
    payload = Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert payload["data"] == {"amount": 100}
    assert request.headers["webhook-id"] == accepted["id"]

    async def delivered():
        _, answer = await hub.request("GET", f"/v1/webhook-endpoints/{endpoint['id']}/attempts")
        return [attempt["outcome"] for attempt in answer["data"]]

    await until(delivered, ["delivered"])
    _, answer = await hub.request("GET", f"/v1/webhook-endpoints/{endpoint['id']}/attempts")
    (attempt,) = answer["data"]
    assert (attempt["status"], attempt["response_body"], attempt["attempt"]) == (200, "ok", 1)
    assert {"name": "webhook-id", "value": accepted["id"]} in attempt["request_headers"]
    _, verdicts = await hub.request("GET", f"/v1/events/{accepted['id']}/deliveries")
    mine = [verdict for verdict in verdicts["data"] if verdict["endpoint_id"] == endpoint["id"]]
    assert [(verdict["verdict"], verdict["delivery"]["state"]) for verdict in mine] == [("matched", "delivered")]
    others = {verdict["verdict"] for verdict in verdicts["data"] if verdict["endpoint_id"] != endpoint["id"]}
    assert others <= {"event_type", "disabled"}
    _, delivery = await hub.request("GET", f"/v1/deliveries/{mine[0]['delivery']['id']}")
    assert delivery["event_type"] == event_type
    _, attempts = await hub.request("GET", f"/v1/deliveries/{delivery['id']}/attempts")
    assert attempts["data"] == answer["data"]
    _, event = await hub.request("GET", f"/v1/events/{accepted['id']}")
    assert event["data"] == {"amount": 100}


async def test_from_sql_delivered_after_commit_and_nothing_after_rollback(hub, receiver):
    event_type = f"sql.{secrets.token_hex(4)}"
    await create(hub, receiver.url("/ok"), [event_type])
    connection = await asyncpg.connect(await hub.command("organizations", "login", "acme"))
    transaction = connection.transaction()
    await transaction.start()
    undone = await connection.fetchval("select hub.trigger_webhook(hub.current_org(), $1, $2)", event_type, '{"n": 1}')
    await transaction.rollback()
    transaction = connection.transaction()
    await transaction.start()
    done = await connection.fetchval("select hub.trigger_webhook(hub.current_org(), $1, $2)", event_type, '{"n": 2}')
    assert receiver.requests == []
    await transaction.commit()
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == done
    assert json.loads(request.body)["data"] == {"n": 2}
    assert await connection.fetchval("select count(*) from hub.webhook_events where id::text = $1", undone) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetchval("select hub.trigger_webhook(gen_random_uuid(), 'a', '{}')")
    await connection.close()


async def test_a_test_send_reaches_that_endpoint_alone(hub, receiver):
    one = await create(hub, receiver.url("/ok/one"), ["nothing.like.it"])
    await create(hub, receiver.url("/ok/two"), ["*"])
    status, accepted = await hub.request("POST", f"/v1/webhook-endpoints/{one['id']}/test")
    assert status == 202
    (request,) = await receiver.wait_for(1, path="/ok/one")
    assert request.headers["webhook-id"] == accepted["id"]
    _, verdicts = await hub.request("GET", f"/v1/events/{accepted['id']}/deliveries")
    verdict_of = {verdict["endpoint_id"]: verdict["verdict"] for verdict in verdicts["data"]}
    assert verdict_of.pop(one["id"]) == "matched"
    assert set(verdict_of.values()) == {"not_targeted"}
    assert not [request for request in receiver.requests if request.path == "/ok/two"]


async def test_disabled_means_held_or_passed_by_and_enabled_means_sent(hub, receiver):
    event_type = f"pause.{secrets.token_hex(4)}"
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert (await hub.request("POST", f"{path}/disable"))[1]["status"] == "disabled"
    _, passed_by = await hub.request("POST", "/v1/events", {"type": event_type, "data": {}})
    _, verdicts = await hub.request("GET", f"/v1/events/{passed_by['id']}/deliveries")
    assert {verdict["endpoint_id"]: verdict["verdict"] for verdict in verdicts["data"]}[endpoint["id"]] == "disabled"
    assert (await hub.request("POST", f"{path}/test"))[1]["code"] == "endpoint_disabled"
    assert (await hub.request("POST", f"{path}/enable"))[1]["status"] == "enabled"
    _, sent = await hub.request("POST", "/v1/events", {"type": event_type, "data": {}})
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == sent["id"]


async def test_an_endpoint_can_be_changed_and_deleted_and_its_history_stays(hub, receiver):
    event_type = f"change.{secrets.token_hex(4)}"
    endpoint = await create(hub, receiver.url("/ok/before"), [event_type])
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    status, changed = await hub.request("PATCH", path, {"url": receiver.url("/ok/after"), "description": "new"})
    assert (status, changed["description"]) == (200, "new")
    _, accepted = await hub.request("POST", "/v1/events", {"type": event_type, "data": {}})
    await receiver.wait_for(1, path="/ok/after")

    async def state():
        _, answer = await hub.request("GET", f"/v1/deliveries?endpoint_id={endpoint['id']}&state=delivered")
        return len(answer["data"])

    await until(state, 1)
    assert (await hub.request("DELETE", path))[0] == 204
    assert (await hub.request("GET", path))[0] == 404
    assert await state() == 1
    _, event = await hub.request("GET", f"/v1/events/{accepted['id']}")
    assert event["type"] == event_type


async def test_lists_are_paged_by_cursor_without_gap_or_repetition(hub):
    event_type = f"page.{secrets.token_hex(4)}"
    events = [
        {"type": event_type, "data": number, "id": f"{event_type.replace('.', '-')}-{number}"} for number in range(7)
    ]
    status, answer = await hub.request("POST", "/v1/events/batch", {"events": events})
    assert status == 202
    assert [one["id"] for one in answer["data"]] == [event["id"] for event in events]
    seen, cursor = [], ""
    while True:
        _, page = await hub.request("GET", f"/v1/events?type={event_type}&limit=3{cursor}")
        seen += [event["data"] for event in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == list(range(7))


async def test_operations_answer_without_a_key(hub):
    for path in ("/healthz", "/readyz", "/openapi.json"):
        status, answer = await hub.request("GET", path, key="none")
        assert status == 200, answer
    status, document = await hub.request("GET", "/openapi.json", key="none")
    assert {"/v1/events", "/v1/events/batch", "/v1/webhook-endpoints"} <= set(document["paths"])


async def test_the_command_line_shows_the_same(hub, receiver):
    event_type = f"cli.{secrets.token_hex(4)}"
    hub.environment |= {"HUB_URL": hub.base_url, "HUB_API_KEY": hub.key}
    made = json.loads(await hub.command("endpoints", "create", receiver.url("/ok"), "--type", event_type))
    assert made["secret"].startswith("whsec_")
    accepted = json.loads(
        await hub.command("events", "publish", event_type, '{"a": 1}', "--id", event_type.replace(".", "-"))
    )
    await receiver.wait_for(1)
    assert accepted["id"] in await hub.command("events", "list", "--type", event_type)
    assert json.loads(await hub.command("events", "show", accepted["id"]))["data"] == {"a": 1}
    assert made["id"] in await hub.command("endpoints", "list")

    async def why():
        rows = (await hub.command("events", "why", accepted["id"])).splitlines()
        return [row.split("\t")[1:] for row in rows if row.startswith(made["id"])]

    await until(why, [["matched", "delivered", "1", "It was delivered."]])
    assert accepted["id"] in await hub.command("endpoints", "attempts", made["id"])


async def test_no_secret_and_no_payload_is_in_the_log(hub, receiver):
    canary = f"canary-{secrets.token_hex(8)}"
    endpoint = await create(hub, receiver.url(f"/status/500?token={canary}"), [f"log.{canary.replace('-', '_')}"])
    body = {"type": f"log.{canary.replace('-', '_')}", "data": {"private": canary}}
    assert (await hub.request("POST", "/v1/events", body))[0] == 202
    await receiver.wait_for(1)
    wrong = {"email": f"{canary}@example.com", "password": f"password-{canary}"}
    assert (await hub.request("POST", "/v1/sessions", wrong))[0] == 401
    assert (await hub.request("GET", "/v1/events", key=f"hub_live_{canary}"))[0] == 401

    async def seen():
        return any("delivery.attempted" in line and "status_500" in line for line in hub.lines)

    await until(seen)
    written = "".join(hub.lines)
    assert "internal_error" not in written
    assert "Traceback" not in written
    for secret in (canary, hub.key, endpoint["secret"], endpoint["secret"].removeprefix("whsec_")):
        assert secret not in written
    assert '"event":"request.served"' in written
