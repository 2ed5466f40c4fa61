"""log_integration_usage(): who may note what, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from worksphere_hub import ids

CALL = "select hub.log_integration_usage($1, $2)"


async def test_a_use_is_noted_with_everything_given(tenant, admin, two_orgs):
    at = datetime(2026, 1, 5, tzinfo=UTC)
    given = [two_orgs[0], "sync.records", 42, ids.new(), ids.new(), "error", 17, '{"step": "write"}', at]
    noted = await tenant.fetchval("select hub.log_integration_usage($1, $2, $3, $4, $5, $6, $7, $8, $9)", *given)
    row = dict(await admin.fetchrow("select * from hub.integration_usage_analytics where id = $1", noted))
    assert row.pop("recorded_at") is not None
    assert json.loads(row.pop("dimensions")) == {"step": "write"}
    names = ("org_id", "metric", "quantity", "integration_id", "connection_id", "outcome", "duration_ms")
    assert row == dict(zip(names, given, strict=False)) | {"id": noted, "occurred_at": at}


async def test_what_is_not_given_is_one_use_that_went_well_now(tenant, admin, two_orgs):
    noted = await tenant.fetchval(CALL, two_orgs[0], "api.calls")
    row = await admin.fetchrow("select *, tableoid::regclass::text as part from hub.integration_usage_analytics")
    assert (row["id"], row["quantity"], row["outcome"], row["dimensions"]) == (noted, 1, "ok", "{}")
    assert row["integration_id"] is row["connection_id"] is row["duration_ms"] is None
    assert abs(row["recorded_at"] - row["occurred_at"]) < timedelta(minutes=1)
    assert row["part"].startswith("hub.integration_usage_analytics_y")


@pytest.mark.parametrize(
    "wrong",
    [
        *[f"p_metric => {metric}" for metric in ("null", "''", "'A'", "'1a'", "'a b'", "'é'", "repeat('a', 81)")],
        "p_metric => 'a', p_quantity => -1",
        "p_metric => 'a', p_quantity => null",
        "p_metric => 'a', p_duration_ms => -1",
        "p_metric => 'a', p_outcome => 'fine'",
        "p_metric => 'a', p_outcome => null",
        *[f"p_metric => 'a', p_dimensions => {value}" for value in ("null", "'[]'", "'1'", "'null'")],
        "p_metric => 'a', p_dimensions => jsonb_build_object('a', repeat('x', 4096))",
        "p_metric => 'a', p_occurred_at => now() + interval '6 minutes'",
        "p_metric => 'a', p_occurred_at => null",
    ],
)
async def test_each_refusal_names_a_wrong_parameter_and_leaves_nothing(tenant, admin, two_orgs, wrong):
    with pytest.raises(asyncpg.PostgresError) as failure:
        await tenant.fetchval(f"select hub.log_integration_usage(p_org_id => $1, {wrong})", two_orgs[0])
    assert failure.value.sqlstate == "22023"
    assert await admin.fetchval("select count(*) from hub.integration_usage_analytics") == 0


async def test_an_organization_notes_its_own_use_alone(tenant, admin, two_orgs):
    for org in (two_orgs[1], None, ids.new()):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="your own organization only"):
            await tenant.fetchval(CALL, org, "api.calls")
    assert await admin.fetchval("select count(*) from hub.integration_usage_analytics") == 0


async def test_the_hub_and_publishers_note_for_any_organization_that_exists(publisher, app, worker, admin, two_orgs):
    for login in (publisher, app, worker):
        for org in two_orgs:
            await login.fetchval(CALL, org, "api.calls")
        with pytest.raises(asyncpg.PostgresError, match="no such organization") as failure:
            await login.fetchval(CALL, ids.new(), "api.calls")
        assert failure.value.sqlstate == "P0002"
        assert "id (a UUID)" in failure.value.hint
    assert await admin.fetchval("select count(*) from hub.integration_usage_analytics") == 6


async def test_a_rollback_takes_the_note_with_it(tenant, admin, two_orgs):
    begun = tenant.transaction()
    await begun.start()
    await tenant.fetchval(CALL, two_orgs[0], "api.calls")
    assert await tenant.fetchval("select count(*) from hub.integration_usage_analytics") == 1
    await begun.rollback()
    assert await admin.fetchval("select count(*) from hub.integration_usage_analytics") == 0
