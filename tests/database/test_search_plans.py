"""Every search uses an index under row-level security, with many rows of many organizations there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from worksphere_hub import ids
from worksphere_hub.db.pool import Database
from worksphere_hub.db.queries import load_queries

PACKAGE = Path(__file__).parents[2] / "worksphere_hub"
EVENTS = load_queries(str(PACKAGE / "events" / "store.py"))
WEBHOOKS = load_queries(str(PACKAGE / "webhooks" / "store.py"))
FIRST, LAST = ids.UUID(int=0), ids.UUID(int=2**128 - 1)

_FILL = """
with stored as (
    insert into hub.webhook_events (org_id, id, type, body, occurred_at, accepted_at, fanout_id)
    select $1, hub.uuidv7(), 'type.' || n % 50, '{}', now(), now(), $1 from generate_series(1, 6000) as n
    returning id, type
),
attributes as (
    insert into hub.webhook_event_attributes (org_id, event_id, name, value)
    select $1, id, 'data.n', right(id::text, 4) from stored
),
delivered as (
    insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, open, state, ended_at)
    select $1, $2, id, false, 'delivered', now() from stored
)
insert into hub.webhook_event_logs (
    org_id, endpoint_id, event_id, id, attempt, outcome, started_at, duration_ms, url, request_headers, status
)
select $1, $2, id, hub.uuidv7(), 1, case when type = 'type.7' then 'refused' else 'delivered' end, now(), 1,
    'https://x', '[]', 200
from stored
"""


@pytest.fixture
async def filled(database):
    admin = await asyncpg.connect(database.admin_url)
    org, endpoint = ids.new(), ids.new()
    for number, each in enumerate((org, ids.new(), ids.new())):
        await admin.execute(
            "insert into hub.organizations (id, slug, name) values ($1, $2, 'Filled')", each, f"filled-{number}"
        )
        await admin.execute(_FILL, each, endpoint)
    for table in ("webhook_events", "webhook_event_attributes", "webhook_deliveries", "webhook_event_logs"):
        await admin.execute(f"analyze hub.{table}")
    await admin.close()
    app = await Database.open(database.app_url, application="plans", size=2)
    yield app, org, endpoint
    await app.close()


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def test_no_search_reads_a_whole_table(filled):
    app, org, endpoint = filled
    old = ids.floor(datetime.now(UTC) - timedelta(days=1))
    searches = {
        "list_events": (EVENTS.list_events, LAST, FIRST, 51),
        "list_events_of_type": (EVENTS.list_events_of_type, LAST, old, 51, "type.7"),
        "list_events_by_attribute": (EVENTS.list_events_by_attribute, LAST, FIRST, 51, "data.n", "abcd", None),
        "event_by_idempotency_key": (EVENTS.event_by_idempotency_key, "key", LAST, FIRST),
        "list_attempts_of_endpoint": (
            WEBHOOKS.list_attempts_of_endpoint, endpoint, LAST, 51, FIRST, None, None, None, None,
        ),
        "list_failed_attempts": (WEBHOOKS.list_failed_attempts, LAST, FIRST, 51, None, None, None),
        "list_deliveries": (WEBHOOKS.list_deliveries, None, None, endpoint, None, 51, LAST, FIRST),
    }  # fmt: skip
    async with app.tenant(org) as tx:
        for name, (statement, *given) in searches.items():
            found = await tx.value(f"explain (format json) {statement}", org, *given)
            plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            scans = {
                (node["Node Type"], node["Relation Name"])
                for node in nodes(plan)
                if node["Node Type"] == "Seq Scan" and not node["Relation Name"].endswith("_open")
            }
            # An empty week is read whole, since there is nothing to read; one with rows never is.
            rows = await _rows(app, org, {relation for _, relation in scans})
            assert not [relation for relation in rows if rows[relation] > 500], (name, scans)


async def _rows(app, org, relations):
    async with app.across() as tx:
        return {
            relation: await tx.value("select reltuples::bigint from pg_class where relname = $1", relation)
            for relation in relations
        }
