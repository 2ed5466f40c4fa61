"""The house is kept: gauges, partitions, and what has expired."""

from datetime import timedelta

from tests.webhooks.conftest import QUICK
from worksphere_hub import ids
from worksphere_hub.telemetry.metrics import create_metrics
from worksphere_hub.webhooks.janitor import Janitor


async def test_the_gauges_tell_how_many_wait_and_for_how_long(engine):
    metrics = create_metrics()
    janitor = Janitor(engine.worker, metrics, QUICK)
    await janitor.look()
    assert metrics.queue_depth.collect()[0].samples[0].value == 0
    assert metrics.queue_oldest_due_seconds.collect()[0].samples[0].value == 0
    await engine.endpoint("/ok")
    await engine.publish()
    await engine.publish()
    await engine.admin.execute("update hub.webhook_deliveries set due_at = now() - interval '1 hour'")
    await janitor.look()
    assert metrics.queue_depth.collect()[0].samples[0].value == 2
    assert 3600 <= metrics.queue_oldest_due_seconds.collect()[0].samples[0].value < 3700


async def test_what_has_expired_is_forgotten_and_the_rest_stays(engine):
    for number in range(4):
        await engine.publish(key=f"event-{number}")
    await engine.admin.execute(
        "update hub.idempotency_keys set expires_at = now() - interval '1 second' where key in ('event-0', 'event-1')"
    )
    assert await Janitor(engine.worker, create_metrics(), QUICK).clean() == 2
    kept = await engine.admin.fetch("select key from hub.idempotency_keys order by key")
    assert [row["key"] for row in kept] == ["event-2", "event-3"]


async def test_the_coming_weeks_have_their_partitions(engine):
    weeks = (
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'hub.webhook_events'::regclass"
        " and inhrelid::regclass::text ~ '_y[0-9]{4}w[0-9]{2}$' order by 1"
    )
    before = [row[0] for row in await engine.admin.fetch(weeks)]
    assert len(before) >= 8
    await engine.admin.execute(f"drop table {before[-1]}")
    await Janitor(engine.worker, create_metrics(), QUICK).clean()
    assert [row[0] for row in await engine.admin.fetch(weeks)] == before


async def weeks_ago(engine, weeks):
    """An event with a delivery and an attempt, as if it had been accepted so many weeks ago, in a week of its own."""
    event = await engine.admin.fetchval("select hub.uuidv7_floor(now() - $1::interval)", timedelta(weeks=weeks))
    endpoint = ids.new()
    await engine.admin.execute(
        "insert into hub.webhook_events (org_id, id, type, body, occurred_at, accepted_at, fanout_id)"
        " values ($1, $2, 'a.b', '{}', now(), now(), $2)",
        engine.org,
        event,
    )
    await engine.admin.execute(
        "insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, open, state, ended_at)"
        " values ($1, $2, $3, false, 'delivered', now())",
        engine.org,
        endpoint,
        event,
    )
    await engine.admin.execute(
        "insert into hub.webhook_event_logs (org_id, endpoint_id, event_id, id, attempt, outcome, started_at,"
        " duration_ms, url, request_headers, response_body)"
        " values ($1, $2, $3, $3, 1, 'delivered', now(), 1, 'https://x', '[]', 'ok')",
        engine.org,
        endpoint,
        event,
    )
    return event


async def kept(engine, event):
    """What is left of an event: its row, its message, its attempt, the body of the answer."""
    row = await engine.admin.fetchrow("select body from hub.webhook_events where id = $1", event)
    log = await engine.admin.fetchrow("select response_body from hub.webhook_event_logs where event_id = $1", event)
    return (row is not None, bool(row and row["body"]), log is not None, bool(log and log["response_body"]))


async def test_weeks_past_everybodys_retention_are_dropped_whole(engine):
    monday = "date_trunc('week', now() at time zone 'UTC') at time zone 'UTC'"
    week = f"select hub.add_partition($1::regclass, {monday} - $2::interval)"
    for parent in ("hub.webhook_events", "hub.webhook_deliveries_ended", "hub.webhook_event_logs"):
        for weeks in (20, 3):
            await engine.admin.fetchval(week, parent, timedelta(weeks=weeks))
    old, recent = await weeks_ago(engine, 20), await weeks_ago(engine, 3)
    weekly = "select count(*) from pg_class where relispartition and relname ~ '_y[0-9]{4}w' and relkind = 'r'"
    before = await engine.admin.fetchval(weekly)
    assert await engine.admin.fetchval("select hub.drop_partitions(90)") == 3
    assert await engine.admin.fetchval(weekly) == before - 3
    assert await kept(engine, old) == (False, False, False, False)
    assert await kept(engine, recent) == (True, True, True, True)
    # Whoever wants to keep longer keeps the week for all.
    await engine.admin.execute(
        "insert into hub.webhook_retention (org_id, payload_days, attempt_days) values ($1, 1, 3650)", engine.org
    )
    assert await engine.admin.fetchval("select hub.drop_partitions(1)") == 0


async def test_an_organizations_own_retention_holds_within_weeks_that_others_keep(engine):
    events = {weeks: await weeks_ago(engine, weeks) for weeks in (1, 3, 6, 20)}
    await engine.admin.execute(
        "insert into hub.webhook_retention (org_id, payload_days, attempt_days) values ($1, 14, 60)", engine.org
    )
    await Janitor(engine.worker, create_metrics(), QUICK).clean()
    assert await kept(engine, events[1]) == (True, True, True, True)
    assert await kept(engine, events[3]) == (True, False, True, False)
    assert await kept(engine, events[6]) == (True, False, True, False)
    assert await kept(engine, events[20]) == (False, False, False, False)


async def test_a_message_that_is_still_to_be_delivered_is_kept_for_it(engine):
    event = await weeks_ago(engine, 6)
    await engine.admin.execute(
        "insert into hub.webhook_deliveries (org_id, endpoint_id, event_id) values ($1, $2, $3)",
        engine.org,
        ids.new(),
        event,
    )
    await engine.admin.fetchval("select hub.forget_payloads(30, 90, 100)")
    assert (await kept(engine, event))[:2] == (True, True)
    await engine.admin.fetchval("select hub.forget_payloads(7, 90, 100)")
    assert (await kept(engine, event))[:2] == (True, False)
