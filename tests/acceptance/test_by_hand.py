"""What is done by hand, over HTTP: retry, skip, resend, replay, preview."""

import secrets

import msgspec
import pytest

from tests.acceptance.test_main_job import create, until
from tests.security.hostile import HostileReceiver


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


@pytest.fixture
def event_type():
    return f"hand.{secrets.token_hex(4)}"


async def publish(hub, event_type, data):
    status, accepted = await hub.request("POST", "/v1/events", {"type": event_type, "data": data})
    assert status == 202, accepted
    return accepted["id"]


async def delivery_of(hub, event, endpoint, state):
    """The delivery of an event to an endpoint, once it is in a state."""

    async def standing():
        _, answer = await hub.request("GET", f"/v1/events/{event}/deliveries")
        found = next((each for each in answer["data"] if each["endpoint_id"] == endpoint["id"]), None)
        return found and found["delivery"] and found["delivery"]["state"]

    await until(standing, state)
    _, answer = await hub.request("GET", f"/v1/events/{event}/deliveries")
    return next(each["delivery"] for each in answer["data"] if each["endpoint_id"] == endpoint["id"])


async def test_a_delivery_is_retried_resent_and_not_skipped_once_it_is_over(hub, receiver, event_type):
    endpoint = await create(hub, receiver.url("/door/a"), [event_type])
    receiver.closed.add("a")
    event = await publish(hub, event_type, {"n": 1})
    delivery = await delivery_of(hub, event, endpoint, "exhausted")
    assert delivery["reason"] == "attempts"
    receiver.closed.clear()
    status, answer = await hub.request("POST", f"/v1/deliveries/{delivery['id']}/retry")
    assert (status, answer["state"]) == (202, "pending")
    await delivery_of(hub, event, endpoint, "delivered")
    status, problem = await hub.request("POST", f"/v1/deliveries/{delivery['id']}/skip")
    assert (status, problem["code"]) == (409, "delivery_over")
    status, copy = await hub.request("POST", f"/v1/deliveries/{delivery['id']}/resend", {"data": {"n": 2}})
    assert status == 202
    await delivery_of(hub, copy["id"], endpoint, "delivered")
    _, shown = await hub.request("GET", f"/v1/events/{copy['id']}")
    assert (shown["data"], shown["origin_id"]) == ({"n": 2}, event)
    for path in ("retry", "skip"):
        status, problem = await hub.request("POST", f"/v1/deliveries/dlv_{'0' * 64}/{path}")
        assert (status, problem["code"]) == (404, "not_found")


async def test_a_new_endpoint_gets_what_it_missed(hub, receiver, event_type):
    events = [await publish(hub, event_type, {"n": number}) for number in range(5)]
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    path = f"/v1/webhook-endpoints/{endpoint['id']}/replay"
    wanted = {"what": "missing", "since": "2020-01-01T00:00:00Z", "event_types": [event_type]}
    status, counted = await hub.request("POST", path, {**wanted, "dry_run": True})
    assert (status, counted["would_send"], counted["exact"]) == (200, 5, True)
    status, replay = await hub.request("POST", path, {**wanted, "rate": 1000})
    assert status == 202, replay

    async def state():
        return (await hub.request("GET", f"/v1/replays/{replay['id']}"))[1]["state"]

    await until(state, "completed")
    await receiver.wait_for(5)
    assert {request.headers["webhook-id"] for request in receiver.requests} == set(events)
    # The receiver has an event before the hub has written down that it does; only then can it be sent once more.
    await delivery_of(hub, events[0], endpoint, "delivered")
    _, listed = await hub.request("GET", "/v1/replays")
    assert replay["id"] in [each["id"] for each in listed["data"]]
    status, problem = await hub.request("POST", f"/v1/replays/{replay['id']}/pause")
    assert (status, problem["code"]) == (409, "replay_over")
    status, again = await hub.request("POST", f"/v1/events/{events[0]}/replay", {"endpoint_ids": [endpoint["id"]]})
    assert (status, again) == (202, {"queued": 1})
    await receiver.wait_for(6)


async def test_a_preview_shows_what_would_be_sent_of_a_past_event(hub, receiver, event_type):
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    event = await publish(hub, event_type, {"amount": 100})
    path = f"/v1/webhook-endpoints/{endpoint['id']}/preview"
    status, shown = await hub.request("POST", path, {"event_id": event, "transform": "data.amount * 2"})
    assert (status, shown["passes"], shown["body"], shown["error"]) == (200, True, "200", None)
    _, shown = await hub.request("POST", path, {"event_id": event, "filter": "data.amount > 100"})
    assert (shown["passes"], shown["body"]) == (False, None)
    _, shown = await hub.request("POST", path, {"event_id": event, "transform": "$uppercase(data.amount)"})
    assert shown["error"]
    status, problem = await hub.request("POST", path, {"event_id": event, "transform": "data.("})
    assert (status, problem["errors"][0]["field"]) == (422, "transform")
    status, _ = await hub.request("POST", path, {"event_id": "evt_" + "0" * 32})
    assert status == 404


async def test_a_test_can_be_a_ping_a_sample_or_a_copy_of_the_last_event(hub, receiver, event_type):
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    path = f"/v1/webhook-endpoints/{endpoint['id']}/test"
    for source in ("sample", "last"):
        status, problem = await hub.request("POST", path, {"source": source, "event_type": event_type})
        assert (status, problem["code"]) == (409, "nothing_to_send")
    wanted = {"name": event_type, "schema": {"type": "object"}, "sample": {"n": "sample"}}
    status, made = await hub.request("POST", "/v1/event-types", wanted)
    assert status == 201, made
    await publish(hub, event_type, {"n": "real"})
    await receiver.wait_for(1)
    for source in ("ping", "sample", "last"):
        status, accepted = await hub.request("POST", path, {"source": source, "event_type": event_type})
        assert status == 202, accepted
    arrived = [msgspec.json.decode(request.body) for request in await receiver.wait_for(4)]
    assert sorted((each["type"], each["data"].get("n")) for each in arrived[1:] if each["type"] != "hub.test") == [
        (event_type, "real"),
        (event_type, "sample"),
    ]
    assert [each["type"] for each in arrived].count("hub.test") == 1
    status, problem = await hub.request("POST", path, {"source": "last"})
    assert (status, problem["errors"][0]["field"]) == (422, "event_type")


async def test_the_command_line_does_the_same(hub, receiver, event_type):
    hub.environment |= {"HUB_URL": hub.base_url, "HUB_API_KEY": hub.key}
    endpoint = await create(hub, receiver.url("/door/a"), [event_type])
    receiver.closed.add("a")
    event = await publish(hub, event_type, {})
    delivery = await delivery_of(hub, event, endpoint, "exhausted")
    wanted = ["--endpoint", endpoint["id"], "--where", "reason=attempts", "--where", f"event_type={event_type}"]
    assert delivery["id"] in await hub.command("deliveries", "list", *wanted)
    assert delivery["id"] in await hub.command(
        "deliveries", "attempts", "--endpoint", endpoint["id"], "--where", "status=5xx"
    )
    prefix = f"{event_type.partition('.')[0]}.*"
    assert event in await hub.command("events", "list", "--type", prefix, "--where", "since=2020-01-01T00:00:00Z")
    receiver.closed.clear()
    await hub.command("deliveries", "retry", delivery["id"])
    await delivery_of(hub, event, endpoint, "delivered")
    shown = msgspec.json.decode(await hub.command("deliveries", "show", delivery["id"]))
    assert [attempt["manual"] for attempt in shown["attempts_made"]] == [False, False, False, True]
    assert "It was delivered." in await hub.command("events", "why", event)
    assert msgspec.json.decode(await hub.command("events", "replay", event)) == {"queued": 1}
    counted = await hub.command(
        "endpoints", "replay", endpoint["id"], "--since", "2020-01-01T00:00:00Z", "--what", "all", "--dry-run"
    )
    assert msgspec.json.decode(counted)["exact"] is True
    rotated = msgspec.json.decode(await hub.command("endpoints", "rotate", endpoint["id"], "--overlap", "0"))
    assert rotated["secret"].startswith("whsec_")
