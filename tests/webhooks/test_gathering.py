"""Batches: full ones at once, others when their first message has waited long enough."""

import asyncio

import msgspec
from standardwebhooks import Webhook


async def test_messages_are_batched_by_number_and_by_time(engine):
    await engine.endpoint("/ok", batch_size=10, batch_wait_ms=200)
    accepted = await asyncio.gather(*(engine.publish(data=b'{"n":%d}' % number) for number in range(25)))
    async with engine.dispatching():
        await engine.until_settled()
    batches = [msgspec.json.decode(request.body) for request in engine.receiver.requests]
    assert sorted(len(batch) for batch in batches) == [5, 10, 10]
    assert sorted(message["id"] for batch in batches for message in batch) == sorted(one.id for one in accepted)
    for request in engine.receiver.requests:
        assert request.headers["webhook-id"].startswith("bat_")
        Webhook(engine.secret).verify(request.body, request.headers)
    attempts = await engine.attempts()
    assert len({row["id"] for row in attempts}) == 25
    assert {row["batch_id"] for row in attempts} == {
        request.headers["webhook-id"] for request in engine.receiver.requests
    }


async def test_a_batch_that_fails_is_tried_again_under_the_same_id(engine):
    await engine.endpoint("/flaky/1", batch_size=3, batch_wait_ms=50)
    for _ in range(3):
        await engine.publish()
    async with engine.dispatching():
        await engine.until_settled()
    first, second = engine.receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
