"""The client against a running hub: every method once, and its errors."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from worksphere_hub.client import AsyncHub, Conflicting, Event, Missing, NotAllowed, Refused, Unusable, verify

BEGIN = datetime.now(UTC) - timedelta(minutes=5)


def a_type():
    return f"client.{secrets.token_hex(4)}"


async def collected(entries):
    return [entry async for entry in entries]


async def test_publish_deliver_verify_and_read_it_all_back(client, receiver):
    kind = a_type()
    endpoint = await client.create_endpoint(receiver.url("/ok"), event_types=[kind], channels=["east"])
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stored = await client.publish(
        kind, {"größe": 1.5}, id=f"own_{kind[7:]}", occurred_at=moment, channels=["east"], ordering_key="k"
    )
    await client.publish(kind, {}, channels=["west"])
    (request,) = await receiver.wait_for(1)
    message = verify(endpoint["secret"], request.headers, request.body)
    assert (message.id, message.type, message.data) == (stored.id, kind, {"größe": 1.5})
    assert message.timestamp == "2026-01-02T03:04:05Z"
    # It has arrived before the hub has written down that it has; what is read twice below must not change in between.
    while not await collected(client.deliveries(endpoint_id=endpoint["id"], state="delivered")):
        await asyncio.sleep(0.02)
    event = await client.event(stored.id)
    assert (event["channels"], event["ordering_key"]) == (["east"], "k")
    assert [found["type"] for found in await collected(client.events(type=kind, limit=1))] == [kind, kind]
    (verdict,) = [one async for one in client.verdicts(stored.id) if one["endpoint_id"] == endpoint["id"]]
    assert verdict["verdict"] == "matched"
    (delivery,) = await collected(client.deliveries(endpoint_id=endpoint["id"]))
    assert (await client.delivery(delivery["id"]))["event_id"] == event["id"] or delivery["event_id"]
    assert await collected(client.deliveries(endpoint_id=endpoint["id"], state="exhausted")) == []
    assert await collected(client.deliveries(event_type="client.*", endpoint_id=endpoint["id"])) == [delivery]
    found = client.events(type="client.*", channel="east", ordering_key="k", since=BEGIN)
    assert [each["id"] for each in await collected(found)] == [stored.id]
    assert await collected(client.events(type=kind, attribute=("data.no", "no"))) == []


async def test_a_repeated_publish_is_one_event(client):
    kind = a_type()
    first = await client.publish(kind, {"n": 1}, idempotency_key=f"key-{kind}")
    again = await client.publish(kind, {"n": 1}, idempotency_key=f"key-{kind}")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.id == again.id
    with pytest.raises(Unusable) as refused:
        await client.publish(kind, {"n": 2}, idempotency_key=f"key-{kind}")
    assert refused.value.code == "idempotency_key_reused"
    assert len(await collected(client.events(type=kind))) == 1


async def test_each_event_of_a_batch_has_its_own_outcome(client):
    kind = a_type()
    good, bad, own = await client.publish_batch(
        [Event(kind, 1), Event("not a type", 2), Event(kind, 3, id=f"b_{kind[7:]}")]
    )
    assert own.id == f"b_{kind[7:]}"
    assert isinstance(bad, Refused)
    assert [problem.field for problem in bad.problems] == ["events.1.type"]
    assert {event["data"] for event in await collected(client.events(type=kind))} == {1, 3}
    assert (await client.event(good.id))["data"] == 1


async def test_an_endpoint_from_beginning_to_end(client, receiver):
    made = await client.create_endpoint(receiver.url("/ok/managed"), event_types=[a_type()])
    name = made["id"]
    assert (await client.update_endpoint(name, description="new"))["description"] == "new"
    assert (await client.disable_endpoint(name))["status"] == "disabled"
    assert (await client.enable_endpoint(name))["status"] == "enabled"
    rotated = await client.rotate_secret(name, overlap_seconds=0)
    sent = await client.test_endpoint(name)
    (request,) = await receiver.wait_for(1, path="/ok/managed")
    assert verify([made["secret"], rotated["secret"]], request.headers, request.body).id == sent.id
    assert name in [endpoint["id"] async for endpoint in client.endpoints(limit=2)]
    assert (await client.endpoint(name))["url"] == receiver.url("/ok/managed")
    await client.delete_endpoint(name)
    with pytest.raises(Missing):
        await client.endpoint(name)


async def test_attempts_of_a_delivery_and_of_an_endpoint(client, receiver):
    kind = a_type()
    endpoint = await client.create_endpoint(receiver.url("/status/410"), event_types=[kind])
    await client.publish(kind, {})
    await receiver.wait_for(1)
    attempts = []
    while not attempts:
        attempts = await collected(client.attempts(endpoint_id=endpoint["id"]))
    assert [attempt["status"] for attempt in attempts] == [410]
    assert await collected(client.attempts(delivery_id=attempts[0]["delivery_id"])) == attempts
    assert attempts[0] in await collected(client.attempts(outcome="refused", status="410", since=BEGIN))
    assert await collected(client.attempts(endpoint_id=endpoint["id"], outcome="delivered")) == []
    assert await collected(client.attempts(endpoint_id=endpoint["id"], until=BEGIN)) == []
    with pytest.raises(ValueError, match="nothing else"):
        client.attempts(delivery_id=attempts[0]["delivery_id"], outcome="refused")


async def test_a_refusal_says_what_and_where(client, hub):
    with pytest.raises(Unusable) as refused:
        await client.create_endpoint("ftp://127.0.0.1/")
    assert (refused.value.status, refused.value.code) == (422, "egress_refused")
    assert [problem.field for problem in refused.value.problems] == ["url"]
    assert refused.value.request_id
    async with AsyncHub(hub.base_url, "hub_key_wrong") as stranger:
        with pytest.raises(NotAllowed) as unknown:
            await stranger.publish("a.b", {})
    assert unknown.value.status == 401
    with pytest.raises(Missing):
        await client.event("../webhook-endpoints")
    assert not issubclass(Conflicting, Missing)
