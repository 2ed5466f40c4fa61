"""The delivery engine's side of the database: claim, keep, record. (What people ask for is in `views`.)"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.db.queries import load_queries
from worksphere_hub.webhooks.models import Claim, Result
from worksphere_hub.webhooks.turns import Ask

QUERIES = load_queries(__file__)

# Comes before every organization and endpoint there is.
NOBODY = UUID(int=0)


async def claim(database: Database, ask: Ask, lease: float) -> list[Claim]:
    """Take due deliveries in hand for `lease` seconds."""
    taken_at = clock.monotonic()
    rows = await database.call(
        QUERIES.claim_deliveries,
        ask.after,
        list(ask.turns),
        list(ask.turns.values()),
        ask.busy,
        ask.busy_orgs,
        timedelta(seconds=lease),
        [place.org for place in ask.known],
        [place.endpoint for place in ask.known],
        [place.floor for place in ask.known],
    )
    return [Claim(taken_at, *row) for row in rows]


async def extend(database: Database, claims: Sequence[Claim], lease: float) -> int:
    """Push out the leases of deliveries in hand; answers how many still are."""
    rows = await database.call(QUERIES.extend_leases, *_names(claims), timedelta(seconds=lease))
    return rows[0][0]


def record_columns(results: Sequence[Result]) -> tuple[Sequence[object], ...]:
    """What `hub.record_attempts()` takes."""
    attempts = [result.attempt for result in results]
    return (
        *_names([result.claim for result in results]),
        [result.next for result in results],
        _sparse([int(result.delay * 1000) for result in results]),
        _sparse([result.reason for result in results]),
        [attempt and attempt.id for attempt in attempts],
        [result.claim.attempts + 1 for result in results],
        [attempt and attempt.outcome for attempt in attempts],
        _sparse([attempt and attempt.error_cause for attempt in attempts]),
        _sparse([attempt and attempt.error_detail for attempt in attempts]),
        _sparse([result.claim.reclaimed for result in results]),
        _sparse([result.claim.manual for result in results]),
        _sparse([attempt and attempt.batch_id for attempt in attempts]),
        [attempt and attempt.started_at for attempt in attempts],
        [attempt and attempt.duration_ms for attempt in attempts],
        [attempt and attempt.url for attempt in attempts],
        [attempt and attempt.request_headers for attempt in attempts],
        [attempt and attempt.status for attempt in attempts],
        [attempt and attempt.response_headers for attempt in attempts],
        [attempt and attempt.response_body for attempt in attempts],
        _sparse([attempt is not None and attempt.truncated for attempt in attempts]),
    )


async def promote_left(database: Database) -> int:
    """Give a head to every lane that was left without one; answers how many there were."""
    promoted = 0
    after: tuple[object, ...] = (NOBODY, NOBODY, "")
    while True:
        (row,) = await database.call(QUERIES.promote_lanes_left, *after)
        promoted += row["promoted"]
        if row["p_org_id"] is None:
            return promoted
        after = (row["p_org_id"], row["p_endpoint_id"], row["p_lane"])


async def queue_state(database: Database) -> Row:
    """Pending and held deliveries, and since when the oldest due one waits (null: none does)."""
    return (await database.call(QUERIES.queue_state))[0]


def _sparse(column: list[Any]) -> list[Any]:
    """A column that says nothing in this batch is left out: the statement fills it with nulls, at no cost here."""
    return column if any(column) else []


def _names(claims: Sequence[Claim]) -> tuple[list[UUID], list[UUID], list[UUID], list[int]]:
    return (
        [claim.org for claim in claims],
        [claim.endpoint for claim in claims],
        [claim.event for claim in claims],
        [claim.fence for claim in claims],
    )
