"""Search of events, deliveries and attempts over HTTP; retention; one message removed for good."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.test_by_hand import delivery_of, publish
from tests.acceptance.test_main_job import create
from tests.security.hostile import HostileReceiver


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


@pytest.fixture
def event_type():
    return f"search.{secrets.token_hex(4)}"


async def found(hub, query):
    status, answer = await hub.request("GET", f"/v1/events?{query}")
    assert status == 200, answer
    return [event["id"] for event in answer["data"]]


async def test_events_are_found_by_type_time_attribute_and_key(hub, event_type):
    schema = {"type": "object"}
    wanted = {"name": event_type, "schema": schema, "indexed_attributes": ["data.customer.id", "data.paid"]}
    status, made = await hub.request("POST", "/v1/event-types", wanted)
    assert status == 201, made
    begin = datetime.now(UTC) - timedelta(seconds=1)
    one = await publish(hub, event_type, {"customer": {"id": "cus_1"}, "paid": True})
    two = await publish(hub, event_type, {"customer": {"id": "cus_2"}, "paid": 7, "note": "\u0000"})
    three = await publish(hub, event_type, {"customer": {"id": ["cus_1"]}})
    assert await found(hub, f"type={event_type}") == [three, two, one]
    assert await found(hub, f"type={event_type}&since={begin.isoformat().replace('+', '%2B')}") == [three, two, one]
    assert await found(hub, f"type={event_type}&until={begin.isoformat().replace('+', '%2B')}") == []
    assert await found(hub, "attribute=data.customer.id=cus_1") == [one]
    assert await found(hub, f"attribute=data.paid=true&type={event_type}") == [one]
    assert await found(hub, "attribute=data.customer.id=cus_9") == []
    status, problem = await hub.request("GET", "/v1/events?attribute=nonsense")
    assert (status, problem["errors"][0]["field"]) == (422, "attribute")


async def test_events_are_found_by_prefix_channel_and_ordering_key(hub, event_type):
    prefix = event_type.partition(".")[2]
    stored = {}
    for kind, more in {
        f"{prefix}.a": {"channels": ["east", "west"]},
        f"{prefix}.a.b": {"channels": ["west"], "ordering_key": f"k {prefix}"},
        f"{prefix}x.a": {"ordering_key": f"k {prefix}"},
    }.items():
        status, accepted = await hub.request("POST", "/v1/events", {"type": kind, "data": {}, **more})
        assert status == 202, accepted
        stored[kind] = accepted["id"]
    one, two, three = stored.values()
    assert await found(hub, f"type={prefix}.*") == [two, one]
    assert await found(hub, f"channel=west&type={prefix}.*") == [two, one]
    assert await found(hub, f"channel=east&type={prefix}.*") == [one]
    assert await found(hub, f"ordering_key=k%20{prefix}") == [three, two]
    assert await found(hub, f"ordering_key=k%20{prefix}&channel=west") == [two]
    assert await found(hub, f"ordering_key=k%20{prefix}&channel=west&limit=1&type={prefix}.a.b") == [two]
    # A channel is no part of the message: it can be searched when that is gone.
    await hub.request("DELETE", f"/v1/events/{two}/payload")
    assert await found(hub, f"channel=west&type={prefix}.*") == [two, one]
    for query in ("type=*", "type=a.*.b", "type=a*", "channel=a%20b", "ordering_key=", "ordering_key=%07", "chanel=x"):
        status, problem = await hub.request("GET", f"/v1/events?{query}")
        assert (status, problem["errors"][0]["field"]) == (422, query.partition("=")[0]), query


async def test_attempts_and_deliveries_are_found_by_how_they_went(hub, receiver, event_type):
    endpoint = await create(hub, receiver.url("/status/503"), [event_type])
    event = await publish(hub, event_type, {})
    delivery = await delivery_of(hub, event, endpoint, "exhausted")
    path = f"/v1/webhook-endpoints/{endpoint['id']}/attempts"
    for query, count in {
        "": 3,
        "?status=5xx": 3,
        "?status=503": 3,
        "?status=404": 0,
        "?outcome=refused": 3,
        "?outcome=undelivered&status=503": 3,
        "?outcome=failed": 0,
        "?outcome=delivered": 0,
        "?error_cause=timeout": 0,
        "?until=2020-01-01T00:00:00Z": 0,
    }.items():
        _, answer = await hub.request("GET", path + query)
        assert len(answer["data"]) == count, query
    _, answer = await hub.request("GET", "/v1/attempts?status=503&limit=200")
    assert event in [attempt["event_id"] for attempt in answer["data"]]
    _, answer = await hub.request("GET", f"/v1/deliveries?endpoint_id={endpoint['id']}&state=exhausted")
    assert [each["id"] for each in answer["data"]] == [delivery["id"]]
    for query, count in {
        f"state=exhausted&event_type={event_type}": 1,
        f"event_type={event_type}": 1,
        f"event_type={event_type.partition('.')[0]}.*&endpoint_id={endpoint['id']}": 1,
        f"reason=attempts&event_type={event_type}": 1,
        f"reason=deadline&event_type={event_type}": 0,
        f"state=delivered&event_type={event_type}": 0,
    }.items():
        # Endpoints of other tests may take every type.
        _, answer = await hub.request("GET", f"/v1/deliveries?{query}&limit=200")
        assert len([each for each in answer["data"] if each["endpoint_id"] == endpoint["id"]]) == count, query
    for query, field in {"reason=tired": "reason", "event_type=*": "event_type", "stat=x": "stat"}.items():
        status, problem = await hub.request("GET", f"/v1/deliveries?{query}")
        assert (status, problem["errors"][0]["field"]) == (422, field), query
    _, answer = await hub.request("GET", f"/v1/deliveries?endpoint_id={endpoint['id']}&until=2020-01-01T00:00:00Z")
    assert answer["data"] == []
    status, _ = await hub.request("GET", path + "?status=9xx")
    assert status == 422


async def test_one_message_is_removed_for_good_and_its_record_stays(hub, receiver, event_type):
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    event = await publish(hub, event_type, {"name": "Ada"})
    delivery = await delivery_of(hub, event, endpoint, "delivered")
    for _ in range(2):
        status, gone = await hub.request("DELETE", f"/v1/events/{event}/payload")
        assert status == 200, gone
        assert gone["expunged_at"]
    _, shown = await hub.request("GET", f"/v1/events/{event}")
    assert (shown["data"], shown["type"]) == (None, event_type)
    _, attempts = await hub.request("GET", f"/v1/deliveries/{delivery['id']}/attempts")
    assert [attempt["response_body"] for attempt in attempts["data"]] == [None]
    status, problem = await hub.request("POST", f"/v1/deliveries/{delivery['id']}/retry")
    assert (status, problem["code"]) == (409, "not_retryable")
    status, _ = await hub.request("DELETE", f"/v1/events/evt_{'0' * 32}/payload")
    assert status == 404


async def test_what_is_about_one_person_is_erased(hub, receiver, event_type):
    wanted = {"name": event_type, "schema": {"type": "object"}, "indexed_attributes": ["data.person"]}
    status, made = await hub.request("POST", "/v1/event-types", wanted)
    assert status == 201, made
    endpoint = await create(hub, receiver.url("/ok"), [event_type])
    person = f"person-{secrets.token_hex(4)}"
    mine = [await publish(hub, event_type, {"person": person, "n": n}) for n in range(60)]
    other = await publish(hub, event_type, {"person": "somebody else"})
    for event in (*mine, other):
        await delivery_of(hub, event, endpoint, "delivered")
    request = {"attribute": "data.person", "value": person}
    status, counted = await hub.request("POST", "/v1/privacy/erasures", {**request, "dry_run": True})
    assert (status, counted) == (200, {"found": 60, "erased": 0, "left": 60})
    assert len(await found(hub, f"attribute=data.person={person}&limit=200")) == 60
    _, done = await hub.request("POST", "/v1/privacy/erasures", request)
    assert done == {"found": 60, "erased": 60, "left": 0}
    _, again = await hub.request("POST", "/v1/privacy/erasures", request)
    assert again == {"found": 0, "erased": 0, "left": 0}
    assert await found(hub, f"attribute=data.person={person}") == []
    for event, data in ((mine[0], None), (mine[-1], None), (other, {"person": "somebody else"})):
        _, shown = await hub.request("GET", f"/v1/events/{event}")
        assert shown["data"] == data
    status, problem = await hub.request("POST", "/v1/privacy/erasures", {"attribute": "not a path", "value": "x"})
    assert (status, problem["errors"][0]["field"]) == (422, "attribute")


async def test_retention_is_shown(hub):
    status, shown = await hub.request("GET", "/v1/retention")
    assert (status, shown) == (200, {"payload_days": 30, "attempt_days": 90, "own": False})
