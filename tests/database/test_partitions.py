"""add_partitions(): weeks without gaps, once, closed to whoever addresses them directly."""

import asyncio
import itertools
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

PARENTS = {
    "connection_requests",
    "webhook_events", "webhook_deliveries_ended", "webhook_event_logs", "integration_usage_analytics",
    "webhook_event_attributes",
    "inbound_messages",
}  # fmt: skip
ADD = "select hub.add_partitions(now() + $1::interval)"


async def _bounds(admin, parent: str) -> list[tuple[str, UUID, UUID]]:
    """Name, first id and the id after the last of each weekly partition, in order."""
    rows = await admin.fetch(
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c"
        " on c.oid = i.inhrelid where i.inhparent = $1::regclass and c.relname !~ '_rest$'",
        f"hub.{parent}",
    )
    found = [(row["relname"], *map(UUID, re.findall(r"'([0-9a-f-]{36})'", row["bound"]))) for row in rows]
    return sorted(found, key=lambda each: each[1])


def _time(boundary: UUID) -> datetime:
    return datetime.fromtimestamp((boundary.int >> 80) / 1000, UTC)


async def _partitions(admin) -> int:
    return await admin.fetchval(
        "select count(*) from pg_class where relnamespace = 'hub'::regnamespace and relispartition and relkind = 'r'"
    )


async def test_weeks_follow_each_other_from_monday_to_monday(admin):
    await admin.fetchval(ADD, timedelta(days=120))
    for parent in PARENTS:
        bounds = await _bounds(admin, parent)
        assert len(bounds) >= 18
        assert _time(bounds[0][1]) <= datetime.now(UTC) < _time(bounds[0][2])
        assert _time(bounds[-1][2]) > datetime.now(UTC) + timedelta(days=120)
        for name, first, after in bounds:
            assert (_time(first).isoweekday(), _time(first).hour, _time(first).minute) == (1, 0, 0)
            assert _time(after) - _time(first) == timedelta(days=7)
            year, week, _ = _time(first).isocalendar()
            assert name == f"{parent}_y{year}w{week:02}"
        assert all(one[2] == two[1] for one, two in itertools.pairwise(bounds))


async def test_it_finds_every_table_of_facts(admin):
    parents = await admin.fetch(
        "select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid where p.partstrat = 'r'"
    )
    assert {row["relname"] for row in parents} == PARENTS


async def test_asking_twice_adds_nothing(admin):
    before = await _partitions(admin)
    assert await admin.fetchval(ADD, timedelta(days=100)) == await _partitions(admin) - before > 0
    assert await admin.fetchval(ADD, timedelta(days=100)) == 0
    assert await admin.fetchval(ADD, timedelta(days=-100)) == 0
    # Another time zone has another Monday.
    await admin.execute("set timezone = 'Pacific/Kiritimati'")
    assert await admin.fetchval(ADD, timedelta(days=100)) == 0


async def test_two_at_once_add_each_week_once(admin, worker, database, connect):
    before = await _partitions(admin)
    others = [worker, await connect(database.worker_url), await connect(database.worker_url)]
    counts = await asyncio.gather(*(other.fetchval(ADD, timedelta(days=90)) for other in others))
    assert sum(counts) == max(counts) == await _partitions(admin) - before > 0


async def test_new_partitions_are_closed(admin, app, two_orgs):
    await admin.fetchval(ADD, timedelta(days=100))
    rows = await admin.fetch(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced, c.relacl,"
        " c.relowner = p.relowner as same_owner, obj_description(c.oid, 'pg_class') as comment"
        " from pg_class c join pg_inherits i on i.inhrelid = c.oid join pg_class p on p.oid = i.inhparent"
        " where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and c.relname ~ '_y[0-9]{4}w[0-9]{2}$'"
    )
    assert len(rows) >= 4 * 14
    for row in rows:
        assert row["forced"], row["relname"]
        assert row["same_owner"], row["relname"]
        assert row["relacl"] is None, row["relname"]
        assert row["comment"].startswith("One week of "), row["relname"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.fetch(f"select from hub.{row['relname']}")


async def test_rows_land_in_the_week_of_their_id(admin, two_orgs):
    bounds = await _bounds(admin, "integration_usage_analytics")
    expected = {first: name for name, first, _ in bounds} | {UUID(int=after.int - 1): name for name, _, after in bounds}
    expected |= {UUID(int=0): "integration_usage_analytics_rest", bounds[-1][2]: "integration_usage_analytics_rest"}
    for row_id in expected:
        await admin.execute(
            "insert into hub.integration_usage_analytics (org_id, id, metric, occurred_at) values ($1, $2, 'a', now())",
            two_orgs[0], row_id,
        )  # fmt: skip
    rows = await admin.fetch("select id, tableoid::regclass::text as part from hub.integration_usage_analytics")
    assert {row["id"]: row["part"].removeprefix("hub.") for row in rows} == expected


async def test_a_week_takes_in_what_came_before_it(admin, two_orgs):
    """A worker that was away for months finds the default partition full of weeks that are still to be made."""
    weeks = [timedelta(days=days) for days in (75, 80, 95)]
    for week in weeks:
        await admin.execute(
            "insert into hub.integration_usage_analytics (org_id, id, metric, occurred_at, dimensions)"
            " select $1, hub.uuidv7_floor(now() + $2::interval), 'a', now(), '{\"kept\": true}'", two_orgs[0], week,
        )  # fmt: skip
    see = "select * from hub.integration_usage_analytics order by id"
    before = await admin.fetch(see)
    assert await admin.fetchval(ADD, timedelta(days=84)) > 0
    assert await admin.fetch(see) == before
    places = await admin.fetch(
        "select tableoid::regclass::text as part from hub.integration_usage_analytics order by id"
    )
    assert ["_rest" in row["part"] for row in places] == [False, False, True]
    assert await admin.fetchval(
        "select relforcerowsecurity from pg_class where oid = 'hub.integration_usage_analytics_rest'::regclass"
    )


async def test_a_long_reader_stops_neither_publishing_nor_the_other_tables(
    admin, connect, database, worker, publisher, two_orgs
):
    reader = await connect(database.admin_url)
    begun = reader.transaction()
    await begun.start()
    # As a backup does, for hours.
    await reader.fetch("select * from hub.webhook_events")
    before = {parent: len(await _bounds(admin, parent)) for parent in PARENTS}
    making = asyncio.create_task(worker.fetchval(ADD, timedelta(days=70)))
    while not making.done():
        await asyncio.wait_for(publisher.fetchval("select hub.trigger_webhook($1, 'a.b', '{}')", two_orgs[0]), 20)
    assert await making > 0
    after = {parent: len(await _bounds(admin, parent)) for parent in PARENTS}
    assert {parent for parent in PARENTS if after[parent] == before[parent]} == {"webhook_events"}
    await begun.rollback()
    assert await worker.fetchval(ADD, timedelta(days=70)) > 0
    assert len(await _bounds(admin, "webhook_events")) == max(after.values())
    assert await worker.fetchval("select current_setting('lock_timeout')") == "0"


@pytest.mark.parametrize("until", ["null", "'infinity'", "'-infinity'", "now() + interval '3 years'"])
async def test_an_end_that_is_none_is_refused(worker, until):
    with pytest.raises(asyncpg.InvalidParameterValueError, match="two years ahead at most"):
        await worker.fetchval(f"select hub.add_partitions({until})")


async def test_an_event_of_today_is_not_in_the_rest_and_its_ended_delivery_is_in_the_same_week(admin, tenant, two_orgs):
    await admin.execute("insert into hub.webhook_endpoints (org_id, url) values ($1, 'https://x.org/')", two_orgs[0])
    await tenant.fetchval("select hub.trigger_webhook($1, 'a.b', '{}')", two_orgs[0])
    event = await admin.fetchval("select tableoid::regclass::text from hub.webhook_events")
    assert re.fullmatch(r"hub\.webhook_events_y\d{4}w\d\d", event)
    where = "select tableoid::regclass::text from hub.webhook_deliveries"
    assert await admin.fetchval(where) == "hub.webhook_deliveries_open"
    await admin.execute("update hub.webhook_deliveries set open = false, state = 'delivered', ended_at = now()")
    assert await admin.fetchval(where) == event.replace("webhook_events", "webhook_deliveries_ended")


async def test_only_workers_and_the_owner_may(app, tenant, publisher):
    for connection in (app, tenant, publisher):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
            await connection.fetchval(ADD, timedelta(days=90))
