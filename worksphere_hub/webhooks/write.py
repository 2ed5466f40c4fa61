"""Results into the database, and what is to be told of them into the same transaction."""

from collections.abc import Sequence
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.db.pool import Database
from worksphere_hub.events import grammar
from worksphere_hub.events.emit import emitted
from worksphere_hub.events.models import public_id
from worksphere_hub.events.store import accept_within
from worksphere_hub.webhooks import store
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.names import delivery_id

_TOLD = {"exhausted": "hub.delivery.exhausted", "parked": "hub.delivery.parked", "blocked": "hub.delivery.blocked"}
_OWN = f'{{"type":"{grammar.HUB_PREFIX}'.encode()


async def write_results(database: Database, results: Sequence[Result]) -> int:
    """Write results in one transaction; answers how many belonged to another worker by then.

    It is one round trip, unless a delivery has come to a bad end: its event is stored along with it.
    """
    bad = [result for result in results if result.next in _TOLD]
    if not bad:
        return len(await database.call(store.QUERIES.record_attempts, *store.record_columns(results)))
    async with database.across() as tx:
        fenced = await tx.rows(store.QUERIES.record_attempts, *store.record_columns(results))
        lost: set[tuple[UUID, UUID]] = {(row["event_id"], row["endpoint_id"]) for row in fenced}
        events = [
            emitted(result.claim.org, _TOLD[result.next], _facts(result))
            for result in bad
            if (result.claim.event, result.claim.endpoint) not in lost and not _is_about_the_hub(result)
        ]
        if events:
            await accept_within(tx, events, key_days=1)
    return len(fenced)


def _is_about_the_hub(result: Result) -> bool:
    """What cannot tell a receiver of its own failures must not make up more of them to tell."""
    return result.claim.body is not None and result.claim.body.startswith(_OWN)


def _facts(result: Result) -> dict[str, object]:
    claim, attempt = result.claim, result.attempt
    return {
        "delivery_id": delivery_id(claim.event, claim.endpoint),
        "event_id": public_id(claim.event, claim.event_key),
        "endpoint_id": ids.encode("whe", claim.endpoint),
        "attempts": claim.attempts + 1,
        "reason": result.reason,
        "last_status": attempt.status if attempt else None,
        "last_error": attempt.error_cause if attempt else None,
    }
