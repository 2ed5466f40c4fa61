"""trigger_webhook(): who may call it, what it refuses and how, and that an event shares its transaction's fate."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from worksphere_hub import ids

CALL = "select hub.trigger_webhook($1, $2, $3, $4)"
AT = datetime(2026, 1, 5, 12, 30, 15, 250000, tzinfo=UTC)


async def _count(admin, table: str, org) -> int:
    return await admin.fetchval(f"select count(*) from hub.{table} where org_id = $1", org)


async def _nothing_of(admin, org) -> bool:
    tables = ("webhook_events", "webhook_deliveries", "idempotency_keys", "webhook_fanouts")
    return not any([await _count(admin, table, org) for table in tables])


async def test_the_body_is_type_timestamp_and_data_and_nothing_else(tenant, admin, two_orgs):
    data = '{"b": [1, 2.50, null], "a": "ü \\"quoted\\" </script>", "n": {}}'
    event_id = await tenant.fetchval(
        "select hub.trigger_webhook($1, 'invoice.paid', $2, p_occurred_at => $3)", two_orgs[0], data, AT
    )
    row = await admin.fetchrow("select * from hub.webhook_events where org_id = $1", two_orgs[0])
    assert event_id == f"evt_{row['id'].hex}"
    body = json.loads(row["body"])
    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == row["type"] == "invoice.paid"
    assert body["timestamp"] == "2026-01-05T12:30:15.250000Z"
    assert body["data"] == json.loads(data)
    assert b"2.50" in row["body"]
    assert row["occurred_at"] == AT
    assert row["key"] is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
async def test_the_timestamp_is_utc_whatever_the_sessions_time_zone_is(tenant, admin, two_orgs, zone):
    await tenant.execute(f"set timezone = '{zone}'; set datestyle = 'German'")
    await tenant.fetchval("select hub.trigger_webhook($1, 'a.b', '1', p_occurred_at => $2)", two_orgs[0], AT)
    body = await admin.fetchval("select body from hub.webhook_events where org_id = $1", two_orgs[0])
    assert body == b'{"type":"a.b","timestamp":"2026-01-05T12:30:15.250000Z","data":1}'


@pytest.mark.parametrize(
    "data", ["{}", "[]", "0", '""', "true", "null", '{"type": "other", "timestamp": 1, "data": 2}']
)
async def test_any_json_is_data(tenant, admin, two_orgs, data):
    await tenant.fetchval(CALL, two_orgs[0], "a", data, None)
    body = await admin.fetchval("select body from hub.webhook_events where org_id = $1", two_orgs[0])
    assert json.loads(body)["data"] == json.loads(data)


REFUSED = [
    *[("22023", {"type": wrong}) for wrong in (None, "", "a.", ".a", "a..b", "a b", "a-b", "ü", "a\n", "a" * 129, "*")],
    ("22004", {"data": None}),
    *[("22023", {"id": wrong}) for wrong in ("", "a b", "a.b", "ü", "a\n", "a" * 65, "evt_" + "0" * 32)],
    ("54000", {"data": json.dumps("x" * 1048576)}),
    ("42501", {"org": 1}),
    ("42501", {"org": None}),
]


@pytest.mark.parametrize(("code", "wrong"), REFUSED, ids=lambda value: str(value)[:40])
async def test_each_refusal_has_its_code_and_leaves_nothing(tenant, admin, two_orgs, code, wrong):
    org = wrong.get("org", 0)
    given = [None if org is None else two_orgs[org], "a.b", "{}", None]
    for place, name in ((1, "type"), (2, "data"), (3, "id")):
        given[place] = wrong.get(name, given[place])
    with pytest.raises(asyncpg.PostgresError) as failure:
        await tenant.fetchval(CALL, *given)
    assert failure.value.sqlstate == code
    for org_id in two_orgs:
        assert await _nothing_of(admin, org_id)


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), None], ids=str)
async def test_the_future_is_refused(tenant, admin, two_orgs, ahead):
    at = ahead and datetime.now(UTC) + ahead
    with pytest.raises(asyncpg.PostgresError) as failure:
        await tenant.fetchval("select hub.trigger_webhook($1, 'a.b', '{}', p_occurred_at => $2)", two_orgs[0], at)
    assert failure.value.sqlstate == "22023"
    assert await _nothing_of(admin, two_orgs[0])


async def test_the_past_and_a_clock_that_runs_a_little_ahead_are_accepted(tenant, admin, two_orgs):
    for at in (datetime(1999, 12, 31, tzinfo=UTC), datetime.now(UTC) + timedelta(minutes=4)):
        await tenant.fetchval("select hub.trigger_webhook($1, 'a.b', '{}', p_occurred_at => $2)", two_orgs[0], at)
    assert await _count(admin, "webhook_events", two_orgs[0]) == 2


async def test_unknown_and_suspended_organizations_are_refused(publisher, admin, two_orgs):
    await admin.execute("update hub.organizations set suspended_at = now() where id = $1", two_orgs[1])
    for org in (two_orgs[1], ids.new()):
        with pytest.raises(asyncpg.PostgresError, match="no such organization") as failure:
            await publisher.fetchval(CALL, org, "a.b", "{}", None)
        assert failure.value.sqlstate == "P0002"
    assert await _nothing_of(admin, two_orgs[1])


async def test_a_publisher_may_for_any_organization_and_the_hubs_processes_for_the_one_they_act_for(
    publisher, app, worker, admin, two_orgs
):
    for org in two_orgs:
        assert await publisher.fetchval(CALL, org, "a.b", "{}", None)
    for process in (app, worker):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await process.fetchval(CALL, two_orgs[0], "a.b", "{}", None)
        async with process.transaction():
            await process.execute("select set_config('hub.org', $1, true)", str(two_orgs[0]))
            assert await process.fetchval(CALL, two_orgs[0], "a.b", "{}", None)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with process.transaction():
                    await process.fetchval(CALL, two_orgs[1], "a.b", "{}", None)
    assert [await _count(admin, "webhook_events", org) for org in two_orgs] == [3, 1]


async def test_the_same_id_publishes_once_and_another_event_under_it_is_refused(tenant, admin, two_orgs):
    org = two_orgs[0]
    for data in ('{"a": 1, "b": 2}', '{"b":2,"a":1}'):
        assert await tenant.fetchval(CALL, org, "invoice.paid", data, "invoice-7") == "invoice-7"
    for kind, data in (("invoice.paid", '{"a": 2}'), ("invoice.sent", '{"a": 1, "b": 2}')):
        with pytest.raises(asyncpg.UniqueViolationError, match="under the id invoice-7"):
            await tenant.fetchval(CALL, org, kind, data, "invoice-7")
    assert await _count(admin, "webhook_events", org) == 1
    assert await admin.fetchval("select key from hub.webhook_events where org_id = $1", org) == "invoice-7"


async def test_an_id_belongs_to_its_organization(publisher, admin, two_orgs):
    for org, data in zip(two_orgs, ("1", "2"), strict=True):
        assert await publisher.fetchval(CALL, org, "a.b", data, "same") == "same"
    assert [await _count(admin, "webhook_events", org) for org in two_orgs] == [1, 1]


async def test_two_at_once_with_the_same_id_publish_once(publisher, tenant, admin, two_orgs):
    begun = publisher.transaction()
    await begun.start()
    await publisher.fetchval(CALL, two_orgs[0], "a.b", "{}", "same")
    second = asyncio.ensure_future(tenant.fetchval(CALL, two_orgs[0], "a.b", "{}", "same"))
    async with asyncio.timeout(30):
        while not await admin.fetchval(
            "select exists (select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock')",
            tenant.get_server_pid(),
        ):
            assert not second.done()
            await asyncio.sleep(0.01)
    await begun.commit()
    assert await second == "same"
    assert await _count(admin, "webhook_events", two_orgs[0]) == 1


async def test_a_rollback_leaves_nothing_and_the_id_is_free_again(tenant, admin, two_orgs):
    await admin.execute(
        "insert into hub.webhook_endpoints (org_id, url) values ($1, 'https://example.com/')", two_orgs[0]
    )
    begun = tenant.transaction()
    await begun.start()
    await tenant.fetchval(CALL, two_orgs[0], "a.b", "1", "again")
    assert await tenant.fetchval("select count(*) from hub.webhook_deliveries") == 1
    await begun.rollback()
    assert await _nothing_of(admin, two_orgs[0])
    assert await tenant.fetchval(CALL, two_orgs[0], "a.b", "2", "again") == "again"
    assert await _count(admin, "webhook_deliveries", two_orgs[0]) == 1


async def test_matching_endpoints_get_a_delivery_each(tenant, admin, two_orgs):
    made = {}
    for name, types, status in (
        ("all", ["*"], "enabled"), ("exact", ["a.b"], "enabled"), ("prefix", ["a.*"], "enabled"),
        ("other", ["a.c", "aa.*"], "enabled"), ("off", ["*"], "disabled"),
    ):  # fmt: skip
        made[name] = await admin.fetchval(
            "insert into hub.webhook_endpoints (org_id, url, event_types, status, disabled_reason)"
            " values ($1, 'https://x.org/', $2, $3, case when $3 = 'disabled' then 'by_request' end) returning id",
            two_orgs[0], types, status,
        )  # fmt: skip
    await admin.execute("insert into hub.webhook_endpoints (org_id, url) values ($1, 'https://x.org/')", two_orgs[1])
    await tenant.fetchval(CALL, two_orgs[0], "a.b", "{}", None)
    deliveries = await admin.fetch("select org_id, endpoint_id, open, state from hub.webhook_deliveries")
    assert {row["endpoint_id"] for row in deliveries} == {made["all"], made["exact"], made["prefix"]}
    assert {(row["org_id"], row["open"], row["state"]) for row in deliveries} == {(two_orgs[0], True, "pending")}
