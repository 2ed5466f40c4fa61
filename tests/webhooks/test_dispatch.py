"""A worker against receivers that behave, misbehave and vanish."""

import asyncio
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest
from standardwebhooks import Webhook

from tests.webhooks.conftest import QUICK
from worksphere_hub import clock
from worksphere_hub.db.failures import DatabaseUnavailable
from worksphere_hub.webhooks import store
from worksphere_hub.webhooks.directory import Directory
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.turns import Ask
from worksphere_hub.webhooks.write import write_results

START = Ask(UUID(int=0), {}, [], [])


async def test_an_event_arrives_signed_and_the_official_library_verifies_it(engine):
    await engine.endpoint("/ok")
    async with engine.dispatching():
        accepted = await engine.publish(data=b'{"amount": 100}')
        (request,) = await engine.receiver.wait_for(1)
        await engine.until_settled()
    payload = Webhook(engine.secret).verify(request.body, request.headers)
    assert payload["type"] == "invoice.paid"
    assert payload["data"] == {"amount": 100}
    assert request.headers["webhook-id"] == accepted.id
    (attempt,) = await engine.attempts()
    assert (attempt["outcome"], attempt["status"], attempt["attempt"]) == ("delivered", 200, 1)
    assert attempt["response_body"] == b"ok"
    sent = dict(msgspec.json.decode(attempt["request_headers"]))
    assert sent["webhook-signature"] == request.headers["webhook-signature"]
    assert await engine.states() == {"delivered": 1}


async def test_a_failing_receiver_is_tried_again_with_the_same_id_and_a_fresh_signature(engine):
    await engine.endpoint("/flaky/2/x")
    async with engine.dispatching():
        await engine.publish(key="order-1")
        requests = await engine.receiver.wait_for(3)
        await engine.until_settled()
    assert {request.headers["webhook-id"] for request in requests} == {"order-1"}
    for request in requests:
        Webhook(engine.secret).verify(request.body, request.headers)
    attempts = await engine.attempts()
    assert [(row["attempt"], row["outcome"], row["status"]) for row in attempts] == [
        (1, "refused", 503),
        (2, "refused", 503),
        (3, "delivered", 200),
    ]
    assert attempts[0]["next_due_at"] is not None
    assert attempts[2]["next_due_at"] is None


@pytest.mark.parametrize(
    ("path", "outcome", "status", "cause"),
    [
        ("/status/500", "refused", 500, None),
        ("/redirect/302", "refused", 302, None),
        ("/redirect/308", "refused", 308, None),
        ("/status/404", "refused", 404, None),
        ("/hang", "failed", None, "timeout"),
        ("/hang-in-headers", "failed", None, "timeout"),
        ("/hang-in-body", "failed", 200, "timeout"),
        ("/drip/20", "failed", 200, "timeout"),
        ("/reset", "failed", None, "reset"),
        ("/reset-after-headers", "failed", 200, "reset"),
        ("/close", "failed", None, "reset"),
        ("/garbage", "failed", None, "protocol"),
        ("/bigheader", "failed", None, "too_large_headers"),
    ],
)
async def test_each_way_to_fail_is_named_and_ends_by_the_deadline(engine, path, outcome, status, cause):
    await engine.endpoint(path)
    settings = replace(QUICK, schedule=(), attempt_timeout=1.0)
    async with engine.dispatching(settings):
        await engine.publish()
        await engine.until_settled()
    (attempt,) = await engine.attempts()
    assert (attempt["outcome"], attempt["status"], attempt["error_cause"]) == (outcome, status, cause)
    assert (attempt["error_detail"] is None) == (cause is None)
    assert not any(request.path.startswith("/ok") for request in engine.receiver.requests)
    assert await engine.states() == {"exhausted": 1}


@pytest.mark.parametrize("path", ["/endless", "/huge"])
async def test_an_answer_without_end_is_cut_and_counts_by_its_status(engine, path):
    await engine.endpoint(path)
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    (attempt,) = await engine.attempts()
    assert attempt["outcome"] == "delivered"
    assert attempt["response_truncated"]
    assert len(attempt["response_body"]) == 65_536


async def test_an_answer_that_is_compressed_is_kept_as_it_came(engine):
    await engine.endpoint("/gzip-bomb")
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    (attempt,) = await engine.attempts()
    assert attempt["response_body"][:2] == b"\x1f\x8b"
    assert len(attempt["response_body"]) <= 65_536


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://169.254.169.254/latest/meta-data", "address_refused"),
        ("https://10.0.0.1/", "address_refused"),
        ("https://nothing.invalid/", "dns"),
        ("http://127.0.0.1:1/", "connect"),
    ],
)
async def test_where_nothing_may_be_sent_nothing_is(engine, url, cause):
    await engine.endpoint(url=url)
    async with engine.dispatching(replace(QUICK, schedule=())):
        await engine.publish()
        await engine.until_settled()
    (attempt,) = await engine.attempts()
    assert attempt["error_cause"] == cause


async def test_a_hanging_receiver_holds_up_nobody_else(engine):
    await engine.endpoint("/hang", event_types=("slow",))
    await engine.endpoint("/ok", event_types=("quick",))
    settings = replace(
        QUICK, attempt_timeout=60.0, lease=90.0, endpoint_concurrency=4, in_flight=200, schedule=(60.0,), drain=0.1
    )
    async with engine.dispatching(settings):
        for number in range(100):
            await engine.publish("slow", key=f"slow-{number}")
        await engine.receiver.wait_for(4, path="/hang")
        for number in range(50):
            await engine.publish("quick", key=f"quick-{number}")
        await engine.receiver.wait_for(50, path="/ok")
        # All quick ones are through while the first slow ones still hang: they waited for none of them.
        assert await engine.admin.fetchval("select count(*) from hub.webhook_event_logs where outcome = 'failed'") == 0
        assert len([request for request in engine.receiver.requests if request.path == "/hang"]) == 4


@pytest.mark.parametrize("manner", ["abort-message", "disable"])
async def test_a_receiver_may_say_what_becomes_of_a_delivery(engine, manner):
    await engine.endpoint(f"/control/{manner}", on_exhausted="block", ordering="endpoint")
    await engine.publish()
    await engine.publish()
    async with engine.dispatching():
        if manner == "disable":
            await engine.until("select status from hub.webhook_endpoints", "disabled")
            await engine.until("select count(*) from hub.webhook_deliveries where state = 'held'", 1)
        else:
            await engine.until("select count(*) from hub.webhook_deliveries where reason = 'aborted'", 2)
    assert len(engine.receiver.requests) == (1 if manner == "disable" else 2)


async def test_410_disables_the_endpoint_and_holds_what_waits_for_it(engine):
    endpoint = await engine.endpoint("/status/410")
    async with engine.dispatching():
        await engine.publish()
        await engine.until("select status from hub.webhook_endpoints where id = $1", "disabled", endpoint)
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'held'", 1)
    row = await engine.admin.fetchrow("select * from hub.webhook_endpoints")
    assert row["disabled_reason"] == "gone"
    audit = await engine.admin.fetchrow("select * from hub.audit_log")
    assert (audit["action"], audit["actor_kind"]) == ("endpoint.disabled", "system")


async def test_an_endpoint_deleted_meanwhile_cancels_its_delivery(engine):
    endpoint = await engine.endpoint("/ok")
    await engine.publish()
    await engine.admin.execute("delete from hub.webhook_endpoints where id = $1", endpoint)
    async with engine.dispatching():
        await engine.until_settled()
    assert await engine.states() == {"cancelled": 1}
    assert engine.receiver.requests == []


async def test_an_endpoint_disabled_meanwhile_holds_its_delivery(engine):
    endpoint = await engine.endpoint("/ok")
    await engine.publish()
    await engine.admin.execute(
        "update hub.webhook_endpoints set status = 'disabled', disabled_reason = 'by_request' where id = $1",
        endpoint,
    )
    async with engine.dispatching():
        await engine.until_settled()
    assert await engine.states() == {"held": 1}


async def test_a_changed_endpoint_is_read_anew(engine):
    endpoint = await engine.endpoint("/ok/old")
    async with engine.dispatching():
        await engine.publish()
        await engine.receiver.wait_for(1, path="/ok/old")
        await engine.admin.execute(
            "update hub.webhook_endpoints set url = $2, updated_at = clock_timestamp() where id = $1",
            endpoint,
            engine.receiver.url("/ok/new"),
        )
        await engine.publish()
        await engine.receiver.wait_for(1, path="/ok/new")


async def test_a_large_event_is_fetched_when_it_is_sent(engine):
    await engine.endpoint("/ok")
    async with engine.dispatching():
        await engine.publish(data=b'"' + b"x" * 900_000 + b'"')
        (request,) = await engine.receiver.wait_for(1)
        await engine.until_settled()
    Webhook(engine.secret).verify(request.body, request.headers)


async def test_what_a_lost_worker_held_is_sent_again_and_marked(engine):
    await engine.endpoint("/ok")
    await engine.publish()
    claims = await store.claim(engine.worker, START, 0.2)
    assert [claim.reclaimed for claim in claims] == [False]
    async with engine.dispatching():
        await engine.until_settled()
    (attempt,) = await engine.attempts()
    assert attempt["reclaimed"]
    assert attempt["outcome"] == "delivered"


async def test_a_worker_that_comes_back_too_late_changes_nothing(engine):
    await engine.endpoint("/ok")
    await engine.publish()
    (late,) = await store.claim(engine.worker, START, 0.0)
    (holder,) = await store.claim(engine.worker, START, 60.0)
    assert holder.fence == late.fence + 1
    assert await write_results(engine.worker, [Result(late, "exhausted")]) == 1
    assert await engine.states() == {"pending": 1}
    assert await store.extend(engine.worker, [late], 60.0) == 0
    assert await write_results(engine.worker, [Result(holder, "pending")]) == 0


async def test_recording_twice_counts_once(engine):
    await engine.endpoint("/status/500")
    await engine.publish()
    async with engine.dispatching(replace(QUICK, schedule=(600.0,))):
        await engine.until("select attempts from hub.webhook_deliveries", 1)
    await engine.admin.execute("update hub.webhook_deliveries set due_at = now()")
    (claim,) = await store.claim(engine.worker, START, 60.0)
    assert await write_results(engine.worker, [Result(claim, "pending", 600.0)]) == 0
    assert await write_results(engine.worker, [Result(claim, "pending", 600.0)]) == 1
    assert await engine.admin.fetchval("select attempts from hub.webhook_deliveries") == 1


async def test_an_attempt_longer_than_the_lease_is_kept_by_the_heartbeat(engine):
    await engine.endpoint("/late/1500")
    settings = replace(QUICK, lease=0.6, attempt_timeout=5.0)
    async with engine.dispatching(settings), engine.dispatching(settings):
        await engine.publish()
        await engine.until_settled()
    assert len(engine.receiver.requests) == 1
    (attempt,) = await engine.attempts()
    assert not attempt["reclaimed"]
    assert not attempt["fenced"]


async def test_a_stopping_worker_finishes_what_runs_and_gives_back_the_rest(engine):
    await engine.endpoint("/late/300")
    settings = replace(QUICK, endpoint_concurrency=2, lease=60.0)
    for number in range(6):
        await engine.publish(key=f"e-{number}")
    async with engine.dispatching(settings):
        await engine.receiver.wait_for(2)
    assert len(engine.receiver.requests) <= 4
    states = await engine.states()
    assert states["delivered"] == len(engine.receiver.requests)
    leased = await engine.admin.fetchval("select count(*) from hub.webhook_deliveries where leased")
    assert leased == 0
    due = await engine.admin.fetchval("select count(*) from hub.webhook_deliveries where open and due_at <= now()")
    assert due == states["pending"] == 6 - states["delivered"]


async def test_two_workers_share_the_work_and_send_each_delivery_once(engine):
    await engine.endpoint("/ok")
    # A lease that ran out on a busy machine would be taken over rightly.
    settings = replace(QUICK, lease=60.0)
    async with engine.dispatching(settings), engine.dispatching(settings):
        await asyncio.gather(*(engine.publish(key=f"e-{number}") for number in range(300)))
        await engine.until_settled()
    ids = [request.headers["webhook-id"] for request in engine.receiver.requests]
    assert len(ids) == len(set(ids)) == 300


async def test_a_database_that_goes_away_for_a_moment_loses_nothing(engine, cluster):
    await engine.endpoint("/ok")
    async with engine.dispatching():
        for number in range(20):
            await engine.publish(key=f"e-{number}")
            if number % 5 == 0:
                await engine.admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test worker'"
                )
        await engine.until_settled()
    arrived = {request.headers["webhook-id"] for request in engine.receiver.requests}
    assert arrived == {f"e-{number}" for number in range(20)}
    assert await engine.states() == {"delivered": 20}


async def test_a_delivery_that_missed_the_database_while_it_was_prepared_comes_back_within_seconds(engine, monkeypatch):
    await engine.endpoint("/ok")
    loads: list[UUID] = []
    load = Directory._load

    async def fail_once(self, org, endpoint):
        loads.append(endpoint)
        if len(loads) == 1:
            raise DatabaseUnavailable("the connection is gone")
        return await load(self, org, endpoint)

    monkeypatch.setattr(Directory, "_load", fail_once)
    async with engine.dispatching():
        await engine.publish()
        # The pause for what cannot be prepared at all is thirty seconds: longer than this waits.
        await engine.until_settled(within=15.0)
    assert await engine.states() == {"delivered": 1}
    assert len(await engine.attempts()) == 1
    assert len(loads) == 2


async def test_claims_go_from_endpoint_to_endpoint_however_long_a_backlog_is(engine):
    crowded = await engine.endpoint("/ok", event_types=("crowd",))
    await asyncio.gather(*(engine.publish("crowd") for _ in range(400)))
    quiet = await engine.endpoint("/ok", event_types=("quiet",))
    await engine.publish("quiet")
    claims = await store.claim(engine.worker, START, 60.0)
    assert {claim.endpoint for claim in claims} == {crowded, quiet}
    assert [claim.endpoint for claim in claims].count(crowded) == 64 + 128
    passed_over = await store.claim(engine.worker, replace(START, busy=[crowded]), 60.0)
    assert passed_over == []
    # A turn that begins after the only one with more to do comes round to it.
    following = await store.claim(engine.worker, replace(START, turns={engine.org: crowded}), 60.0)
    assert {claim.endpoint for claim in following} == {crowded}
    assert all(claim.taken_at <= clock.monotonic() for claim in claims)
