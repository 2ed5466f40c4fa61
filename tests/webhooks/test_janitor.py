"""The house is kept: gauges, partitions, and what has expired."""

from worksphere_hub.telemetry.metrics import create_metrics
from worksphere_hub.webhooks.janitor import Janitor


async def test_the_gauges_tell_how_many_wait_and_for_how_long(engine):
    metrics = create_metrics()
    janitor = Janitor(engine.worker, metrics)
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
    assert await Janitor(engine.worker, create_metrics()).clean() == 2
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
    await Janitor(engine.worker, create_metrics()).clean()
    assert [row[0] for row in await engine.admin.fetch(weeks)] == before
