"""The inbound room's statements as typed functions. (What people ask for is in `sources` and `messages`.)"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from worksphere_hub.db.pool import Database, Row
from worksphere_hub.db.queries import load_queries
from worksphere_hub.inbound.models import Claim, Outcome

QUERIES = load_queries(__file__)


async def find_door(database: Database, token_digest: bytes) -> Row | None:
    """The source at an address with its live secrets, sealed."""
    rows = await database.call(QUERIES.open_inbound_door, token_digest)
    return rows[0] if rows else None


async def claim(database: Database, lease: float) -> list[Claim]:
    """Take due messages in hand for `lease` seconds."""
    return [_claim(row) for row in await database.call(QUERIES.claim_inbound_messages, timedelta(seconds=lease))]


async def finish(database: Database, outcomes: Sequence[Outcome]) -> int:
    """Write what became of messages, in one round trip; answers how many belonged to another worker by then."""
    outcomes = [outcome for outcome in outcomes if outcome.state != "passed"]
    if not outcomes:
        return 0
    rows = await database.call(
        QUERIES.finish_inbound_messages,
        [outcome.claim.org for outcome in outcomes],
        [outcome.claim.id for outcome in outcomes],
        [outcome.claim.fence for outcome in outcomes],
        [outcome.state for outcome in outcomes],
        [int(outcome.delay * 1000) for outcome in outcomes],
        [f"{{{','.join(map(str, outcome.events))}}}" for outcome in outcomes],
        [outcome.error and outcome.error[:500] for outcome in outcomes],
    )
    return len(rows)


async def pass_on(database: Database, claim: Claim, accounts: Sequence[str], seen_until: datetime) -> int | None:
    """Pass a message on to whose accounts it is about; to how many organizations, None if it is not ours any more."""
    rows = await database.call(
        QUERIES.pass_on_inbound, claim.org, claim.id, claim.fence, list(accounts), seen_until
    )  # fmt: skip
    return rows[0][0]


async def count_refusals(database: Database, counted: Sequence[tuple[UUID, UUID, str, int, str | None]]) -> None:
    """Add up refused requests: organization, source, reason, how many, the last one's address."""
    columns: list[list[Any]] = [list(column) for column in zip(*counted, strict=True)]
    await database.call(QUERIES.count_inbound_refusals, *columns)


async def store_message(
    database: Database,
    names: tuple[UUID, UUID, UUID, str | None],
    seen_until: datetime,
    content: tuple[str, str, list[list[str]], bytes],
    verdict: str,
) -> tuple[UUID, bool]:
    """Store a message unless its provider's event id was there before.

    `names` are organization, source, message and event id; `content` is method, query, headers and body. Answers the
    message's id, or the first one's, and whether it was stored.
    """
    rows = await database.call(QUERIES.store_inbound_message, *names, seen_until, *content, verdict)
    return rows[0]["message_id"], rows[0]["stored"]


def _claim(row: Row) -> Claim:
    return Claim(
        org=row["org_id"],
        id=row["id"],
        source=row["source_id"],
        provider_event_id=row["provider_event_id"],
        query=row["query"],
        headers=row["headers"],
        body=row["body"],
        received_at=row["received_at"],
        attempts=row["attempts"],
        replays=row["replays"],
        fence=row["fence"],
        route=row["route"],
        endpoint=row["endpoint_id"],
        event_type=row["event_type"],
        event_type_from=row["event_type_from"],
        instance=row["instance_id"],
        connection=row["connection_id"],
        integration=row["integration_slug"],
    )
