"""A receiver that fetches: every message until it is acknowledged, signed as if it had been sent."""

import asyncio

import msgspec
import pytest
from standardwebhooks import Webhook

from worksphere_hub import ids
from worksphere_hub.webhooks import endpoints, pull
from worksphere_hub.webhooks.errors import EndpointNotFound, NotAPullEndpoint
from worksphere_hub.webhooks.pull import Acknowledgement


async def pulling(engine, **settings):
    return await engine.endpoint(url=None, path=None, kind="pull", **settings)


async def fetch(engine, endpoint, after=None, limit=100, wait=0.0):
    return await pull.fetch(engine.services, engine.principal, endpoint, after=after, limit=limit, wait=wait)


async def test_messages_stay_until_they_are_acknowledged(engine):
    endpoint = await pulling(engine)
    accepted = [await engine.publish(data=b'{"n":%d}' % number) for number in range(5)]
    first = await fetch(engine, endpoint, limit=3)
    assert [message.event_key or ids.encode("evt", message.event) for message in first] == [a.id for a in accepted[:3]]
    again = await fetch(engine, endpoint, limit=3)
    # Signed anew, as each time: all else is the same.
    assert [(message.event, message.body) for message in again] == [(message.event, message.body) for message in first]
    rest = await fetch(engine, endpoint, after=first[-1].event)
    assert len(rest) == 2
    done = [Acknowledgement(message.event) for message in first]
    assert await pull.acknowledge(engine.services, engine.principal, endpoint, done) == 3
    assert await pull.acknowledge(engine.services, engine.principal, endpoint, done) == 0
    assert [m.event for m in await fetch(engine, endpoint)] == [m.event for m in rest]
    assert await engine.states() == {"delivered": 3, "available": 2}
    assert [(row["outcome"], row["url"]) for row in await engine.attempts()] == [("delivered", "fetched")] * 3


async def test_what_is_fetched_verifies_like_what_is_sent(engine):
    endpoint = await pulling(engine, transform='{"n": data.n + 1}')
    await engine.publish(data=b'{"n":1}', key="e-1")
    (message,) = await fetch(engine, endpoint)
    assert Webhook(engine.secret).verify(message.body, message.headers) == {"n": 2}
    assert message.headers["webhook-id"] == "e-1"


async def test_filters_hold_and_what_they_leave_out_is_not_given_out(engine):
    endpoint = await pulling(engine, filter="data.n > 97")
    for number in range(100):
        await engine.publish(data=b'{"n":%d}' % number)
    found = await fetch(engine, endpoint, limit=10)
    assert [msgspec.json.decode(message.body)["data"]["n"] for message in found] == [98, 99]
    assert await engine.states() == {"filtered": 98, "available": 2}


async def test_a_message_that_cannot_be_shaped_is_given_out_with_the_reason(engine):
    endpoint = await pulling(engine, transform="$uppercase(data.n)")
    await engine.publish(data=b'{"n":1}')
    (message,) = await fetch(engine, endpoint)
    assert (message.body, message.error) == (None, "transform_failed")


async def test_a_receiver_says_how_it_went(engine):
    endpoint = await pulling(engine)
    for _ in range(3):
        await engine.publish()
    found = await fetch(engine, endpoint)
    said = [
        Acknowledgement(found[0].event, status=204, duration_ms=7),
        Acknowledgement(found[1].event, status=500),
        Acknowledgement(found[2].event, error="my disk is full"),
    ]
    assert await pull.acknowledge(engine.services, engine.principal, endpoint, said) == 3
    rows = {row["event_id"]: row for row in await engine.attempts()}
    assert [rows[message.event]["outcome"] for message in found] == ["delivered", "refused", "failed"]
    assert rows[found[2].event]["error_detail"] == "my disk is full"
    assert await engine.states() == {"delivered": 1, "exhausted": 2}


async def test_one_who_waits_gets_what_comes(engine):
    endpoint = await pulling(engine)
    waiting = asyncio.create_task(fetch(engine, endpoint, wait=15.0))
    await engine.until("select count(*) > 1 from pg_stat_activity where query like '%available%'", True)
    await engine.publish()
    assert len(await waiting) == 1


async def test_workers_leave_them_alone(engine):
    await pulling(engine)
    await engine.endpoint("/ok")
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    assert await engine.states() == {"available": 1, "delivered": 1}


async def test_only_ones_own_pull_endpoints_can_be_fetched_from(engine):
    sent_to = await engine.endpoint("/ok")
    with pytest.raises(NotAPullEndpoint):
        await fetch(engine, sent_to)
    other = ids.new()
    await engine.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'other', 'Other')", other)
    foreign = await engine.endpoint(url=None, path=None, kind="pull", org=other)
    await engine.publish(org=other)
    for missing in (foreign, ids.new()):
        with pytest.raises(EndpointNotFound):
            await fetch(engine, missing)
        with pytest.raises(EndpointNotFound):
            await pull.acknowledge(engine.services, engine.principal, missing, [Acknowledgement(ids.new())])


async def test_deleting_calls_off_what_was_not_fetched(engine):
    endpoint = await pulling(engine)
    await engine.publish()
    await endpoints.delete(engine.services, engine.principal, endpoint)
    assert await engine.states() == {"cancelled": 1}
