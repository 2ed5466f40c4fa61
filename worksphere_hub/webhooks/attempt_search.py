"""Search of attempts. Each kind is a statement of its own, with an index of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from worksphere_hub.db.horizon import cut_search
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.webhooks.store import QUERIES

Outcome = Literal["delivered", "refused", "failed", "undelivered"]

_OUTCOMES: dict[Outcome, list[str]] = {
    "delivered": ["delivered"],
    "refused": ["refused"],
    "failed": ["failed"],
    "undelivered": ["refused", "failed"],
}


@dataclass(frozen=True, slots=True)
class AttemptSearch:
    """What attempts are wanted; all that is given has to hold.

    `bounds` are ids: before the first, from the second on. `statuses` are the first and the last wanted.
    """

    bounds: tuple[UUID, UUID]
    outcome: Outcome | None = None
    statuses: tuple[int, int] | None = None
    cause: str | None = None


async def page(
    tx: Transaction, org: UUID, search: AttemptSearch, before: UUID | None, limit: int, endpoint: UUID | None = None
) -> tuple[Sequence[Row], UUID | None]:
    """A page of attempts, newest first, and the id that the next page comes before; None on the last.

    They are those at one endpoint, or at all. Several things at once are looked up by what is likely to be rarest; a
    page may then have less than `limit`.
    """
    last, first = search.bounds
    outcomes = _OUTCOMES[search.outcome] if search.outcome else None
    given = (org, min(before or last, last), first, limit + 1, outcomes, *(search.statuses or (None, None)))
    statement, rest = _statement(search, endpoint)
    shown, onward = cut_search(await tx.rows(statement, *given, *rest), limit)
    return shown, onward["at"] if onward else None


def _statement(search: AttemptSearch, endpoint: UUID | None) -> tuple[str, tuple[object, ...]]:
    """What is likely to find it soonest, and the rest of its parameters."""
    # A receiver that breaks off in the middle of its answer has failed with a status of 200, say.
    other_status = search.statuses is not None and (search.statuses[1] < 200 or search.statuses[0] > 299)
    went_wrong = search.outcome not in {None, "delivered"} or search.cause is not None or other_status
    if endpoint:
        by_endpoint = QUERIES.search_failed_attempts_of_endpoint if went_wrong else QUERIES.search_attempts_of_endpoint
        return by_endpoint, (search.cause, endpoint)
    if search.cause is not None:
        return QUERIES.search_attempts_by_cause, (search.cause,)
    if other_status and search.outcome in {None, "refused", "undelivered"}:
        return QUERIES.search_attempts_by_status, ()
    return (QUERIES.search_failed_attempts if went_wrong else QUERIES.search_attempts), (search.cause,)
