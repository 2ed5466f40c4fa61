"""A worker publishes what was received: once, whatever happens to it or to the worker."""

import asyncio
import hashlib
import hmac
import json

import pytest

from worksphere_hub import ids
from worksphere_hub.inbound import store
from worksphere_hub.inbound.models import Outcome

SECRET = "a secret of many characters"


def signed(body: bytes, delivery: str) -> dict[str, str]:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "x-hub-signature-256": signature,
        "x-github-delivery": delivery,
        "x-github-event": "push",
        "content-type": "application/json",
    }


@pytest.fixture
async def source(reception):
    return await reception.source("github", secret=SECRET)


async def send(reception, source, delivery: str = "d-1", body: bytes = b'{"n":1}') -> str:
    answer = await reception.send(source, body, signed(body, delivery))
    assert answer.status == 200
    return answer.headers["hub-message"]


async def test_a_message_becomes_an_event_with_its_fan_out(reception, source):
    endpoint = await reception.endpoint()
    message = await send(reception, source)
    assert await reception.process() == 1
    (row,) = await reception.messages()
    assert (row["state"], row["attempts"], row["error"], row["leased"]) == ("processed", 1, None, False)
    event = await reception.admin.fetchrow("select * from hub.webhook_events")
    assert row["event_id"] == event["id"]
    assert json.loads(event["body"])["data"] == {"n": 1}
    assert await reception.admin.fetchval("select endpoint_id from hub.webhook_deliveries") == endpoint
    shown = (await reception.ask("GET", f"/v1/inbound-sources/{source['id']}/messages/{message}")).json()
    assert shown["event_id"] == ids.encode("evt", event["id"])


async def test_straight_through_to_one_endpoint(reception):
    await reception.endpoint()
    chosen = await reception.endpoint()
    given = {"route": "endpoint", "endpoint_id": ids.encode("whe", chosen)}
    source = await reception.source("github", secret=SECRET, **given)
    await send(reception, source)
    await reception.process()
    rows = await reception.admin.fetch("select endpoint_id from hub.webhook_deliveries")
    assert [row["endpoint_id"] for row in rows] == [chosen]
    await reception.admin.execute("delete from hub.webhook_endpoints where id = $1", chosen)
    message = await send(reception, source, "d-2")
    await reception.process()
    row = (await reception.messages())[1]
    assert (row["state"], row["error"].partition(":")[0]) == ("failed", "endpoint_gone")
    path = f"/v1/inbound-sources/{source['id']}"
    changed = {"route": "event", "endpoint_id": None}
    assert (await reception.ask("PATCH", path, changed)).status == 200
    assert (await reception.ask("POST", f"{path}/messages/{message}/replay")).status == 202
    await reception.process()
    assert (await reception.messages())[1]["state"] == "processed"


async def test_a_sync_is_only_told(reception):
    source = await reception.source("github", secret=SECRET, route="sync", event_type=None)
    message = await send(reception, source)
    await reception.process()
    (event,) = await reception.events()
    assert event["type"] == "hub.inbound.received"
    assert event["data"] == {"source_id": source["id"], "message_id": message, "provider_event_id": "d-1"}


async def test_the_type_may_come_from_the_provider(reception):
    where = {"header": "X-GitHub-Event", "prefix": "github."}
    source = await reception.source("github", secret=SECRET, event_type=None, event_type_from=where)
    await send(reception, source)
    await reception.process()
    assert [event["type"] for event in await reception.events()] == ["github.push"]


async def test_a_worker_killed_after_it_published_publishes_nothing_twice(reception, source):
    await send(reception, source)
    processor = reception.processor(lease=0.0)
    (claim,) = await store.claim(reception.worker, 0.0)
    outcome = await processor._process(claim)  # and here it dies: what it did is written nowhere
    assert outcome.state == "processed"
    assert (await reception.messages())[0]["state"] == "received"
    assert await reception.process() == 1
    (row,) = await reception.messages()
    assert (row["state"], row["attempts"], row["event_id"]) == ("processed", 2, *outcome.events)
    assert len(await reception.events()) == 1


async def test_a_worker_killed_before_it_published_leaves_it_to_the_next(reception, source):
    await send(reception, source)
    assert len(await store.claim(reception.worker, 30.0)) == 1
    assert await reception.process() == 0  # leased
    await reception.admin.execute("update hub.inbound_messages set due_at = now()")  # the lease runs out
    assert await reception.process() == 1
    assert len(await reception.events()) == 1


async def test_a_worker_that_comes_too_late_changes_nothing(reception, source):
    await send(reception, source)
    (late,) = await store.claim(reception.worker, 0.0)
    assert await reception.process() == 1
    before = await reception.messages()
    assert await store.finish(reception.worker, [Outcome(late, "failed", error="too late")]) == 1
    assert await reception.messages() == before


async def test_many_workers_share_and_none_is_done_twice(reception, source):
    for number in range(40):
        await send(reception, source, f"d-{number}")
    counts = await asyncio.gather(*(reception.processor().turn() for _ in range(4)))
    assert sum(counts) + await reception.process() == 40
    assert len(await reception.events()) == 40


async def test_what_fails_for_now_is_tried_again_and_parked_in_the_end(reception, source):
    await send(reception, source)
    await reception.admin.execute("update hub.organizations set suspended_at = now()")
    assert await reception.process() == reception.settings.tries
    (row,) = await reception.messages()
    assert (row["state"], row["attempts"]) == ("failed", reception.settings.tries)
    assert row["error"].startswith("organization_suspended")
    await reception.admin.execute("update hub.organizations set suspended_at = null")
    path = f"/v1/inbound-sources/{source['id']}/messages/{ids.encode('inm', row['id'])}/replay"
    assert (await reception.ask("POST", path)).status == 202
    assert await reception.process() == 1
    assert len(await reception.events()) == 1


async def test_a_failure_waits_before_it_is_tried_again(reception, source):
    await send(reception, source)
    await reception.admin.execute("update hub.organizations set suspended_at = now()")
    assert await reception.processor(retry_wait=3600.0, retry_wait_limit=60.0).turn() == 1
    row = await reception.admin.fetchrow("select *, due_at - now() as wait from hub.inbound_messages")
    assert row["state"] == "received"
    assert 50 < row["wait"].total_seconds() <= 60
    assert await reception.process() == 0


async def test_what_kills_every_worker_is_parked(reception, source):
    await send(reception, source)
    for _ in range(reception.settings.tries):
        assert len(await store.claim(reception.worker, 0.0)) == 1
    assert await reception.process() == 1
    (row,) = await reception.messages()
    assert (row["state"], row["error"].partition(":")[0]) == ("failed", "gave_up")
    assert await reception.events() == []


async def test_a_source_that_is_gone_leaves_its_messages_aside(reception, source):
    await send(reception, source)
    assert (await reception.ask("DELETE", f"/v1/inbound-sources/{source['id']}")).status == 204
    await reception.process()
    (row,) = await reception.messages()
    assert (row["state"], row["error"].partition(":")[0]) == ("ignored", "source_gone")


async def test_a_body_too_large_for_an_event_fails_visibly(reception):
    source = await reception.source("github", secret=SECRET)
    await send(reception, source, body=b"\xff" * 900_000)
    await reception.process()
    (row,) = await reception.messages()
    assert (row["state"], row["error"].partition(":")[0]) == ("failed", "event_too_large")
    assert len(row["body"]) == 900_000


async def test_the_loop_lives_on_and_ends_when_it_is_cancelled(reception, source):
    running = asyncio.create_task(reception.processor().run())
    await reception.admin.execute("alter function hub.claim_inbound_messages(interval) rename to away")
    await send(reception, source)
    await asyncio.sleep(0.1)
    await reception.admin.execute("alter function hub.away(interval) rename to claim_inbound_messages")
    async with asyncio.timeout(20):
        while not await reception.events():
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_worker_that_is_stopped_finishes_what_it_holds(reception, source):
    await send(reception, source)
    running = asyncio.create_task(reception.processor().run())
    async with asyncio.timeout(20):
        async with reception.admin.transaction():
            await reception.admin.execute("lock table hub.webhook_events in access exclusive mode")
            while not await reception.admin.fetchval("select bool_or(leased) from hub.inbound_messages"):
                await asyncio.sleep(0.02)
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert [row["state"] for row in await reception.messages()] == ["processed"]
