"""A message is removed with everything that tells what it said, whatever a worker does meanwhile."""

import asyncio

import msgspec

from tests.webhooks.test_turns import ASK
from worksphere_hub import clock, ids
from worksphere_hub.webhooks import retention, store
from worksphere_hub.webhooks.models import Attempt, Result
from worksphere_hub.webhooks.write import write_results


def answered(claim, body=b'{"name":"Ada"}'):
    attempt = Attempt(
        id=ids.new_hex(), outcome="delivered", started_at=clock.now(), duration_ms=1, url="https://example.com/",
        request_headers="[]", status=200, response_headers="[]", response_body=body,
    )  # fmt: skip
    return Result(claim, "delivered", attempt=attempt)


async def test_an_answer_that_comes_after_its_message_was_removed_is_not_kept(engine):
    await engine.endpoint("/ok")
    event = await engine.publish(data=b'{"name":"Ada"}')
    (claim,) = await store.claim(engine.worker, ASK, 60.0)
    await retention.expunge(engine.services, engine.principal, event.id)
    await write_results(engine.worker, [answered(claim)])
    (attempt,) = await engine.attempts()
    assert (attempt["outcome"], attempt["status"], attempt["response_body"]) == ("delivered", 200, None)


async def test_removing_and_recording_at_once_leave_nothing_behind(engine):
    await engine.endpoint("/ok")
    events = [await engine.publish(data=b'{"name":"Ada"}') for _ in range(30)]
    claims = {claim.event: claim for claim in await store.claim(engine.worker, ASK, 60.0)}
    assert len(claims) == 30
    await asyncio.gather(
        *(retention.expunge(engine.services, engine.principal, event.id) for event in events),
        *(write_results(engine.worker, [answered(claim)]) for claim in claims.values()),
    )
    assert [attempt["response_body"] for attempt in await engine.attempts()] == [None] * 30
    assert await engine.states() == {"delivered": 30}


async def test_an_erasure_goes_on_where_it_was_cut_off(engine, monkeypatch):
    monkeypatch.setattr(retention, "_MOST_ERASED", 3)
    monkeypatch.setattr(retention, "_ERASED_AT_ONCE", 2)
    org = engine.org
    await engine.admin.execute(
        "insert into hub.event_types (org_id, name, indexed_attributes) values ($1, 'invoice.paid', '{data.person}')",
        org,
    )
    other = ids.new()
    await engine.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'other', 'Other')", other)
    for number in range(5):
        await engine.publish(data=msgspec.json.encode({"person": "ada", "n": number}))
    await engine.publish(data=b'{"person":"bob"}')
    ada = ("data.person", "ada")
    found = []
    for _ in range(3):
        done = await retention.erase(engine.services, engine.principal, ada, dry_run=False)
        found.append((done.found, done.erased, done.left))
    assert found == [(5, 3, 2), (2, 2, 0), (0, 0, 0)]
    kept = await engine.admin.fetch(
        "select convert_from(body, 'UTF8')::json->'data'->>'person' as who from hub.webhook_events"
    )
    assert [row["who"] for row in kept if row["who"]] == ["bob"]
    audited = await engine.admin.fetch("select action, changes::text from hub.audit_log order by id")
    assert [row["action"] for row in audited] == ["events.erased"] * 2
    assert all("ada" not in row["changes"] for row in audited)
