"""One delivery, by hand: tried, given up or copied, and its automatic chain never disturbed."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from tests.webhooks.conftest import QUICK
from worksphere_hub import ids
from worksphere_hub.webhooks import manual
from worksphere_hub.webhooks.errors import (
    DeliveryInProgress,
    DeliveryNotFound,
    DeliveryOver,
    EndpointDisabled,
    NotRetryable,
)
from worksphere_hub.webhooks.store import QUERIES

SLOW = replace(QUICK, schedule=(3600.0, 3600.0))
DELIVERY = "select * from hub.webhook_deliveries"


async def delivery(engine):
    return await engine.admin.fetchrow(DELIVERY)


async def retry(engine, row):
    return await manual.retry(engine.services, engine.principal, row["event_id"], row["endpoint_id"])


async def test_a_retry_that_fails_leaves_the_chain_exactly_as_it_was(engine):
    await engine.endpoint("/door/a")
    engine.receiver.closed.add("a")
    async with engine.dispatching(SLOW):
        await engine.publish()
        await engine.until("select count(*) from hub.webhook_event_logs", 1)
        before = await delivery(engine)
        assert before["state"] == "pending"
        await retry(engine, before)
        await engine.until("select count(*) from hub.webhook_event_logs", 2)
        after = await delivery(engine)
        same = ("state", "due_at", "step", "reason", "lane", "resume_state", "ended_at")
        assert [after[name] for name in same] == [before[name] for name in same]
        assert (after["attempts"], after["step"]) == (2, 1)
        assert [row["manual"] for row in await engine.attempts()] == [False, True]
        engine.receiver.closed.clear()
        await retry(engine, after)
        await engine.until_settled()
    assert await engine.states() == {"delivered": 1}


async def test_what_was_given_up_can_be_tried_again_and_is_given_up_again(engine):
    await engine.endpoint("/status/500")
    async with engine.dispatching():
        await engine.publish()
        await engine.until("select state from hub.webhook_deliveries", "exhausted")
        given_up = await delivery(engine)
        await retry(engine, given_up)
        await engine.until("select count(*) from hub.webhook_event_logs", 4)
        await engine.until("select state from hub.webhook_deliveries", "exhausted")
    after = await delivery(engine)
    assert (after["reason"], after["step"], after["attempts"]) == ("attempts", 3, 4)
    # Nobody is told a second time of what somebody watches.
    assert await engine.admin.fetchval("select count(*) from hub.webhook_events where type like 'hub.%'") == 1


async def test_what_was_delivered_can_be_sent_again(engine):
    await engine.endpoint("/ok")
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
        await retry(engine, await delivery(engine))
        await engine.receiver.wait_for(2)
        await engine.until_settled()
    first, second = engine.receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@pytest.mark.parametrize("by_hand", ["retry", "skip"])
async def test_a_blocked_lane_goes_on_when_its_head_is_retried_or_skipped(engine, by_hand):
    await engine.endpoint("/door/a", ordering="endpoint", on_exhausted="block")
    engine.receiver.closed.add("a")
    async with engine.dispatching():
        for number in range(3):
            await engine.publish(data=b'{"n":%d}' % number)
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'blocked'", 1)
        head = await engine.admin.fetchrow(DELIVERY + " where state = 'blocked'")
        behind = await engine.admin.fetchrow(DELIVERY + " where state = 'queued' limit 1")
        with pytest.raises(NotRetryable, match="before it"):
            await retry(engine, behind)
        await retry(engine, head)
        await engine.until("select count(*) from hub.webhook_event_logs where manual", 1)
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'blocked'", 1)
        engine.receiver.closed.clear()
        engine.receiver.forget()
        if by_hand == "retry":
            await retry(engine, head)
        else:
            await manual.skip(engine.services, engine.principal, head["event_id"], head["endpoint_id"])
        await engine.until("select count(*) from hub.webhook_deliveries where open", 0)
    arrived = [msgspec.json.decode(request.body)["data"]["n"] for request in engine.receiver.requests]
    assert arrived == ([0, 1, 2] if by_hand == "retry" else [1, 2])
    skipped = await engine.admin.fetchval("select count(*) from hub.webhook_deliveries where reason = 'by_request'")
    assert skipped == (by_hand == "skip")


async def test_what_cannot_be_tried_says_why(engine):
    endpoint = await engine.endpoint("/ok")
    await engine.publish()
    row = await delivery(engine)
    names = (row["event_id"], row["endpoint_id"])

    async def refused(error, statement=None):
        if statement:
            await engine.admin.execute(statement)
        with pytest.raises(error):
            await retry(engine, row)

    await refused(DeliveryInProgress, "update hub.webhook_deliveries set leased = true")
    with pytest.raises(DeliveryInProgress):
        await manual.skip(engine.services, engine.principal, *names)
    await engine.admin.execute("update hub.webhook_deliveries set leased = false")
    await refused(
        EndpointDisabled, "update hub.webhook_endpoints set status = 'disabled', disabled_reason = 'by_request'"
    )
    await engine.admin.execute("update hub.webhook_endpoints set status = 'enabled', disabled_reason = null")
    await refused(NotRetryable, "update hub.webhook_events set body = null, expunged_at = now()")
    async with engine.app.tenant(engine.org) as tx:
        await tx.run(QUERIES.cancel_deliveries, engine.org, endpoint)
        await tx.run(QUERIES.delete_endpoint, engine.org, endpoint)
    await refused(NotRetryable)
    with pytest.raises(DeliveryOver):
        await manual.skip(engine.services, engine.principal, *names)
    for missing in ((ids.new(), row["endpoint_id"]), (row["event_id"], ids.new())):
        with pytest.raises(DeliveryNotFound):
            await manual.retry(engine.services, engine.principal, *missing)


async def test_an_edited_copy_goes_to_one_endpoint_and_says_where_it_comes_from(engine):
    await engine.endpoint("/ok/one", event_types=("a.b",))
    await engine.endpoint("/ok/other")
    async with engine.dispatching():
        await engine.publish("a.b", data=b'{"n":1}')
        await engine.until_settled()
        engine.receiver.forget()
        row = await engine.admin.fetchrow(DELIVERY + " order by endpoint_id limit 1")
        names = (row["event_id"], row["endpoint_id"])
        accepted = await manual.resend(engine.services, engine.principal, *names, {"n": 2}, body_limit=1_000)
        await engine.receiver.wait_for(1)
        await engine.until_settled()
    (request,) = engine.receiver.requests
    assert request.headers["webhook-id"] == accepted.id
    assert msgspec.json.decode(request.body)["data"] == {"n": 2}
    copy = await engine.admin.fetchrow("select * from hub.webhook_events where origin_id is not null")
    assert copy["origin_id"] == row["event_id"]
    original = await engine.admin.fetchval("select body from hub.webhook_events where id = $1", row["event_id"])
    assert msgspec.json.decode(original)["data"] == {"n": 1}
    actions = await engine.admin.fetch("select action from hub.audit_log")
    assert [each["action"] for each in actions] == ["delivery.resent"]


async def test_a_pull_endpoints_message_is_given_out_again(engine):
    endpoint = await engine.endpoint(url=None, path=None, kind="pull")
    await engine.publish()
    async with engine.app.tenant(engine.org) as tx:
        row = await delivery(engine)
        await tx.value(
            QUERIES.acknowledge_deliveries, engine.org, endpoint, [row["event_id"]], ["delivered"], [200], [None], [1]
        )
    assert await engine.states() == {"delivered": 1}
    await retry(engine, await delivery(engine))
    assert await engine.states() == {"available": 1}
    assert (await delivery(engine))["due_at"] - row["due_at"] < timedelta(minutes=1)
