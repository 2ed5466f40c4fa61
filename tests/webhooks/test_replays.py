"""Past events sent (again): counted first, in steps that can be cut off anywhere, once each."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from worksphere_hub import ids
from worksphere_hub.webhooks import replays
from worksphere_hub.webhooks.errors import EndpointNotFound, InvalidEndpoint, ReplayNotFound, ReplayOver
from worksphere_hub.webhooks.replayer import Replayer

AGES_AGO = datetime.now(UTC) - timedelta(days=300)
MISSING = replays.Wanted("missing", AGES_AGO)


async def begin(engine, endpoint, wanted):
    # Ids are times to the millisecond: what was published in this one is to be part of it.
    await asyncio.sleep(0.005)
    return await replays.begin(engine.services, engine.principal, endpoint, wanted)


async def steps(engine):
    replayer, count = Replayer(engine.worker, lambda: None), 0
    while await replayer.step():
        count += 1
    return count


async def job(engine, row):
    return await engine.admin.fetchrow("select * from hub.webhook_replays where id = $1", row["id"])


async def test_an_endpoint_gets_what_was_published_before_it_existed(engine):
    await engine.endpoint("/ok/first")
    for number in range(30):
        await engine.publish("a.b" if number % 3 else "x.y", data=b'{"n":%d}' % number)
    late = await engine.endpoint("/ok/late", event_types=("a.*",))
    found = await replays.count(engine.services, engine.principal, late, MISSING)
    assert (found.wanted, found.exact) == (20, True)
    row = await begin(engine, late, MISSING)
    await engine.publish("a.b", data=b'{"n":99}')
    async with engine.dispatching():
        await steps(engine)
        await engine.until_settled()
    done = await job(engine, row)
    assert (done["state"], done["queued"]) == ("completed", 20)
    arrived = [msgspec.json.decode(r.body)["data"]["n"] for r in engine.receiver.requests if r.path == "/ok/late"]
    assert sorted(arrived) == [n for n in range(30) if n % 3] + [99]
    again = await begin(engine, late, MISSING)
    await steps(engine)
    assert (await job(engine, again))["queued"] == 0


async def test_failed_ones_begin_anew_and_the_delivered_are_let_be(engine):
    endpoint = await engine.endpoint("/door/a", retry_policy={"kind": "schedule", "waits": [0.1], "deadline": 1})
    async with engine.dispatching():
        await engine.publish(data=b'{"n":1}')
        await engine.until_settled()
        engine.receiver.closed.add("a")
        await engine.publish(data=b'{"n":2}')
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'exhausted'", 1)
        engine.receiver.closed.clear()
        engine.receiver.forget()
        # Long past its deadline: a replay begins to count anew.
        await engine.admin.execute("update hub.webhook_events set accepted_at = accepted_at - interval '1 day'")
        row = await begin(engine, endpoint, replays.Wanted("failed", AGES_AGO))
        await steps(engine)
        await engine.until_settled()
    assert (await job(engine, row))["queued"] == 1
    assert [msgspec.json.decode(r.body)["data"]["n"] for r in engine.receiver.requests] == [2]
    assert await engine.states() == {"delivered": 2}


async def test_all_means_all_but_what_is_on_its_way(engine):
    endpoint = await engine.endpoint("/ok")
    async with engine.dispatching():
        for _ in range(5):
            await engine.publish()
        await engine.until_settled()
    await engine.publish()
    row = await begin(engine, endpoint, replays.Wanted("all", AGES_AGO))
    await steps(engine)
    done = await job(engine, row)
    assert (done["examined"], done["queued"]) == (6, 5)
    assert await engine.states() == {"pending": 6}


async def test_order_is_kept_and_what_is_replayed_joins_behind(engine):
    await engine.endpoint("/ok/first")
    for number in range(6):
        await engine.publish(data=b'{"n":%d}' % number, ordering_key="k")
    late = await engine.endpoint("/ok/late", ordering="key")
    await engine.publish(data=b'{"n":6}', ordering_key="k")
    await begin(engine, late, MISSING)
    async with engine.dispatching():
        await steps(engine)
        await engine.until("select count(*) from hub.webhook_deliveries where open", 0)
    arrived = [msgspec.json.decode(r.body)["data"]["n"] for r in engine.receiver.requests if r.path == "/ok/late"]
    assert arrived == [6, 0, 1, 2, 3, 4, 5]


async def test_a_rate_spreads_it_out_and_it_can_be_paused_resumed_and_cancelled(engine):
    await asyncio.gather(*(engine.publish() for _ in range(30)))
    endpoint = await engine.endpoint("/ok")
    row = await begin(engine, endpoint, replace(MISSING, rate=5.0))
    assert await steps(engine) == 1
    assert (await job(engine, row))["queued"] == 5
    paused = await replays.set_state(engine.services, engine.principal, row["id"], "paused")
    assert paused["state"] == "paused"
    await engine.admin.execute("update hub.webhook_replays set due_at = now() - interval '1 hour'")
    assert await steps(engine) == 0
    await replays.set_state(engine.services, engine.principal, row["id"], "running")
    assert await steps(engine) == 1
    assert (await job(engine, row))["queued"] == 10
    await replays.set_state(engine.services, engine.principal, row["id"], "cancelled")
    await engine.admin.execute("update hub.webhook_replays set due_at = now() - interval '1 hour'")
    assert await steps(engine) == 0
    with pytest.raises(ReplayOver):
        await replays.set_state(engine.services, engine.principal, row["id"], "running")
    assert await engine.states() == {"pending": 10}


async def test_a_step_that_is_cut_off_did_nothing_and_two_workers_do_each_step_once(engine):
    await asyncio.gather(*(engine.publish() for _ in range(1_200)))
    endpoint = await engine.endpoint("/ok")
    row = await begin(engine, endpoint, MISSING)
    holder = engine.admin.transaction()
    await holder.start()
    await engine.admin.execute("set local role hub_worker")
    assert (await engine.admin.fetchrow("select * from hub.step_replay()"))["queued"] == 500
    # The first holds the job: nobody else steps, and when it dies its step is undone.
    assert not await Replayer(engine.worker, lambda: None).step()
    await holder.rollback()
    assert (await job(engine, row))["queued"] == 0
    await asyncio.gather(*(steps(engine) for _ in range(3)))
    # It waits for room: a thousand are waiting.
    assert (await job(engine, row))["queued"] == 1_000
    async with engine.dispatching():
        await engine.until_settled()
        await engine.admin.execute("update hub.webhook_replays set due_at = now()")
        await asyncio.gather(*(steps(engine) for _ in range(3)))
        await engine.until_settled()
    done = await job(engine, row)
    assert (done["state"], done["queued"], done["examined"]) == ("completed", 1_200, 1_200)
    assert len({request.headers["webhook-id"] for request in engine.receiver.requests}) == 1_200


async def test_expunged_events_and_tests_of_others_are_passed_over(engine):
    await engine.publish()
    await engine.admin.execute("update hub.webhook_events set body = null, expunged_at = now()")
    await engine.publish()
    endpoint = await engine.endpoint("/ok")
    row = await begin(engine, endpoint, MISSING)
    await steps(engine)
    done = await job(engine, row)
    assert (done["examined"], done["queued"]) == (2, 1)


async def test_one_event_is_sent_again_to_whom_it_is_for_now(engine):
    await engine.endpoint("/ok/one", event_types=("a.b",))
    await engine.endpoint("/ok/other", event_types=("x.y",))
    async with engine.dispatching():
        accepted = await engine.publish("a.b")
        await engine.until_settled()
        new = await engine.endpoint("/ok/new")
        engine.receiver.forget()
        assert await replays.replay_event(engine.services, engine.principal, accepted.id, None) == 2
        await engine.until_settled()
        assert sorted(request.path for request in engine.receiver.requests) == ["/ok/new", "/ok/one"]
        assert await replays.replay_event(engine.services, engine.principal, accepted.id, [new]) == 1
        await engine.until_settled()


async def test_what_is_anothers_or_makes_no_sense_is_refused(engine):
    endpoint = await engine.endpoint("/ok")
    other = ids.new()
    await engine.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'other', 'Other')", other)
    foreign = await engine.endpoint("/ok", org=other)
    for missing in (foreign, ids.new()):
        with pytest.raises(EndpointNotFound):
            await begin(engine, missing, MISSING)
        with pytest.raises(EndpointNotFound):
            await replays.count(engine.services, engine.principal, missing, MISSING)
    with pytest.raises(ReplayNotFound):
        await replays.set_state(engine.services, engine.principal, ids.new(), "paused")
    for wanted in (
        replace(MISSING, event_types=["a b"]),
        replace(MISSING, since=datetime.now(UTC) + timedelta(days=1)),
        replace(MISSING, until=AGES_AGO),
    ):
        with pytest.raises(InvalidEndpoint):
            await begin(engine, endpoint, wanted)
