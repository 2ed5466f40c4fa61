"""What holds an endpoint back holds for all workers: circuit, pauses, rate, concurrency. And what is told of it."""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

from tests.chaos.proxy import proxying
from tests.webhooks.conftest import QUICK
from worksphere_hub import clock, ids
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.webhooks import store
from worksphere_hub.webhooks.breaker import BreakerSettings
from worksphere_hub.webhooks.health import Health
from worksphere_hub.webhooks.models import Attempt, Result
from worksphere_hub.webhooks.turns import Ask

ASK = Ask(store.NOBODY, {}, [], [])
BRITTLE = replace(QUICK, breaker_failures=3, breaker_pause=0.3, breaker_longest_pause=0.6)
PATIENT = {"kind": "schedule", "waits": [0.1] * 100, "jitter": 0}


async def test_a_circuit_opens_lets_one_probe_through_and_closes_on_success(engine):
    watcher = await engine.endpoint("/ok/watcher", event_types=("hub.endpoint.*",))
    endpoint = await engine.endpoint("/door/a", event_types=("invoice.*",), retry_policy=PATIENT)
    engine.receiver.closed.add("a")
    async with engine.dispatching(BRITTLE):
        for _ in range(30):
            await engine.publish()
        await engine.until("select circuit from hub.webhook_endpoint_gates where endpoint_id = $1", "open", endpoint)
        before = len(engine.receiver.requests)
        await engine.until("select openings >= 3 from hub.webhook_endpoint_gates", True)
        seen = len(await engine.receiver.wait_for(3, path="/door/a"))
        gate = await engine.admin.fetchrow("select * from hub.webhook_endpoint_gates where endpoint_id = $1", endpoint)
        # What was in hand when it opened, then single probes: without a circuit thirty would be tried each 100 ms.
        assert seen <= before + 30 + gate["openings"] + 1
        engine.receiver.closed.clear()
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", 32)
        await engine.until("select failures from hub.webhook_endpoint_gates where endpoint_id = $1", 0, endpoint)
    assert await engine.admin.fetchval("select circuit from hub.webhook_endpoint_gates") == "closed"
    assert engine.told("hub.endpoint.failing")[0]["endpoint_id"] == ids.encode("whe", endpoint)
    assert engine.told("hub.endpoint.recovered")[0]["endpoint_id"] == ids.encode("whe", endpoint)
    assert (
        await engine.admin.fetchval(
            "select count(*) from hub.webhook_deliveries where endpoint_id = $1 and state <> 'delivered'", watcher
        )
        == 0
    )


async def test_a_worker_whose_clock_is_wrong_leaves_no_endpoint_alone_for_longer(engine, monkeypatch):
    endpoint = await engine.endpoint("/door/a", retry_policy=PATIENT | {"deadline": 3600})
    engine.receiver.closed.add("a")
    accepted = [await engine.publish() for _ in range(5)]
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=2))
    async with engine.dispatching(BRITTLE):
        await engine.until("select circuit from hub.webhook_endpoint_gates where endpoint_id = $1", "open", endpoint)
        left = await engine.admin.fetchval("select opens_until - clock_timestamp() from hub.webhook_endpoint_gates")
        assert left <= timedelta(seconds=BRITTLE.breaker_longest_pause)
        engine.receiver.closed.clear()
        # Nor is any of them taken to be past its deadline.
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", len(accepted))


async def test_a_probes_success_is_not_forgotten_while_the_database_is_away(engine, database):
    endpoint = await engine.endpoint("/ok")
    await engine.admin.execute(
        "insert into hub.webhook_endpoint_gates (org_id, endpoint_id, circuit, failures, openings, opens_until) "
        "values ($1, $2, 'open', 3, 1, now())",
        engine.org, endpoint,
    )  # fmt: skip
    await engine.publish()
    probe = (await store.claim(engine.worker, ASK, 30.0))[0]
    port = database.cluster.server.port
    async with proxying(port, random.Random(0)) as link:
        url = database.worker_url.replace(f":{port}/", f":{link.port}/")
        worker = await Database.open(url, application="test", size=1)
        try:
            health = Health(worker, BreakerSettings(), 3600.0)
            link.set("down")
            harmed = link.harmed
            health.note(Result(probe, "delivered", attempt=Attempt("00" * 16, "delivered", clock.now(), 5, "", "")))
            async with asyncio.timeout(20):
                while link.harmed == harmed:
                    await asyncio.sleep(0.01)
            assert await engine.admin.fetchval("select circuit from hub.webhook_endpoint_gates") == "half_open"
            link.set(None)
            await engine.until(
                "select circuit from hub.webhook_endpoint_gates where endpoint_id = $1", "closed", endpoint
            )
        finally:
            await worker.close()


async def test_a_probe_that_fails_opens_the_circuit_again_however_late_the_database_answers(engine, monkeypatch):
    """Taken for an attempt from before the probe, it would leave the endpoint alone until the probe counted as lost."""
    endpoint = await engine.endpoint("/ok")
    await engine.admin.execute(
        "insert into hub.webhook_endpoint_gates (org_id, endpoint_id, circuit, failures, openings, opens_until) "
        "values ($1, $2, 'open', 3, 1, now())",
        engine.org, endpoint,
    )  # fmt: skip
    await engine.publish()
    row = Transaction.row

    async def late(self, query, *arguments):
        found = await row(self, query, *arguments)
        await asyncio.sleep(0.2)
        return found

    monkeypatch.setattr(Transaction, "row", late)
    (probe,) = await store.claim(engine.worker, ASK, 30.0)
    health = Health(engine.worker, BreakerSettings(), 3600.0)
    health.note(Result(probe, "pending", attempt=Attempt("00" * 16, "refused", clock.now(), 1, "", "")))
    await health.drain()
    gate = await engine.admin.fetchrow("select * from hub.webhook_endpoint_gates where endpoint_id = $1", endpoint)
    assert (gate["circuit"], gate["failures"], gate["openings"]) == ("open", 4, 2)


async def test_a_receiver_that_asks_for_a_pause_gets_it_for_everything(engine):
    endpoint = await engine.endpoint("/status/429?retry-after=3600")
    async with engine.dispatching():
        await engine.publish()
        await engine.until("select count(*) from hub.webhook_endpoint_gates where slow_until is not null", 1)
        await engine.publish()
        await engine.publish()
    assert await store.claim(engine.worker, ASK, 1.0) == []
    assert len(engine.receiver.requests) == 1
    left = await engine.admin.fetchval(
        "select slow_until - now() from hub.webhook_endpoint_gates where endpoint_id = $1", endpoint
    )
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    due = await engine.admin.fetchval("select max(due_at) - now() from hub.webhook_deliveries")
    assert timedelta(minutes=59) < due <= timedelta(hours=1)


async def test_an_endpoint_that_fails_for_days_is_disabled_and_somebody_hears_of_it(engine):
    await engine.endpoint("/ok/watcher", event_types=("hub.endpoint.disabled",))
    endpoint = await engine.endpoint("/status/500", event_types=("invoice.*",), retry_policy=PATIENT)
    await engine.admin.execute(
        "insert into hub.webhook_endpoint_gates (org_id, endpoint_id, failures, failing_since)"
        " values ($1, $2, 60, now() - interval '6 days')",
        engine.org,
        endpoint,
    )
    async with engine.dispatching():
        await engine.publish()
        await engine.until("select status from hub.webhook_endpoints where id = $1", "disabled", endpoint)
        await engine.receiver.wait_for(1, path="/ok/watcher")
    row = await engine.admin.fetchrow("select * from hub.webhook_endpoints where id = $1", endpoint)
    assert row["disabled_reason"] == "failing"
    (event,) = engine.told("hub.endpoint.disabled")
    assert event["reason"] == "failing"
    actions = await engine.admin.fetch("select action, changes from hub.audit_log")
    assert [row["action"] for row in actions] == ["endpoint.disabled"]


async def test_own_events_reach_only_those_that_name_them(engine):
    await engine.endpoint("/ok/everything")
    await engine.endpoint("/status/410", event_types=("invoice.*",))
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    assert {request.path for request in engine.receiver.requests} == {"/ok/everything", "/status/410"}
    assert engine.told("hub.endpoint.disabled") == []
    assert await engine.admin.fetchval("select count(*) from hub.webhook_events") == 2


async def test_no_two_workers_together_exceed_an_endpoints_concurrency(engine):
    await engine.endpoint("/hang", concurrency=5)
    await asyncio.gather(*(engine.publish() for _ in range(60)))
    taken = []
    for _ in range(6):
        taken += [
            len(claims) for claims in await asyncio.gather(*(store.claim(engine.worker, ASK, 60.0) for _ in range(4)))
        ]
    assert sum(taken) == 5


async def test_what_a_concurrency_leaves_is_taken_up_as_soon_as_there_is_room(engine):
    await engine.endpoint("/late/5", concurrency=2)
    await asyncio.gather(*(engine.publish() for _ in range(60)))
    async with AsyncExitStack() as stack:
        for _ in range(2):
            # An idle worker that only looked by itself would take a minute for this.
            await stack.enter_async_context(engine.dispatching(replace(QUICK, idle_poll=5.0)))
        await engine.until_settled()
    assert await engine.states() == {"delivered": 60}


async def test_no_two_workers_together_exceed_an_endpoints_rate(engine):
    await engine.endpoint("/ok", rate_limit=20.0)
    await asyncio.gather(*(engine.publish() for _ in range(70)))
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(engine.dispatching())
        await engine.until_settled()
    at = sorted(request.at for request in engine.receiver.requests)
    assert len(at) == 70
    # In any stretch of time: no more than the rate allows, the bucket of a second's worth, and those that were on
    # their way when the stretch began.
    for first in range(len(at)):
        for last in range(first, len(at)):
            assert last - first + 1 <= 20.0 * (at[last] - at[first]) + 20 + 8


async def test_a_slow_rate_gives_one_at_a_time(engine):
    await engine.endpoint("/ok", rate_limit=0.05)
    await asyncio.gather(*(engine.publish() for _ in range(5)))
    assert len(await store.claim(engine.worker, ASK, 60.0)) == 1
    assert await store.claim(engine.worker, ASK, 60.0) == []
    await engine.admin.execute("update hub.webhook_endpoint_gates set tokens_at = tokens_at - interval '21 seconds'")
    assert len(await store.claim(engine.worker, ASK, 60.0)) == 1
    # A clock that went back gives nothing and takes nothing away.
    await engine.admin.execute("update hub.webhook_endpoint_gates set tokens_at = tokens_at + interval '1 day'")
    assert await store.claim(engine.worker, ASK, 60.0) == []
    await engine.admin.execute("update hub.webhook_endpoint_gates set tokens_at = tokens_at - interval '2 days'")
    assert len(await store.claim(engine.worker, ASK, 60.0)) == 1
