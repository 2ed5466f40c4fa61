"""Search of deliveries. Each kind is a statement of its own, with an index of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from worksphere_hub.db.horizon import cut_search
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.events import grammar
from worksphere_hub.webhooks.schemas import DeliveryReason, DeliveryState, OpenState
from worksphere_hub.webhooks.store import QUERIES

# A delivery and where a list goes on after it: its event, its endpoint.
Place = tuple[UUID, UUID]

_NOBODY = UUID(int=0)
# How many events of a type a page looks at for one with a delivery that is wanted: each costs two look-ups.
_EVENTS = 1_000
_OPEN = frozenset(get_args(OpenState))
# What nearly every delivery goes through, so that no index is kept of it; see 530_webhook_deliveries.sql.
_COMMON = frozenset({"pending", "queued", "available", "delivered"})


@dataclass(frozen=True, slots=True)
class DeliverySearch:
    """What deliveries are wanted; all that is given has to hold.

    `bounds` are ids of events: before the first, from the second on. `event_type` is a type or a prefix (`invoice.*`).
    """

    bounds: tuple[UUID, UUID]
    endpoint: UUID | None = None
    state: DeliveryState | None = None
    reason: DeliveryReason | None = None
    event_type: str | None = None


async def page(
    tx: Transaction, org: UUID, search: DeliverySearch, before: Place | None, limit: int
) -> tuple[Sequence[Row], Place | None]:
    """A page of deliveries, those of the newest event first, and the place it goes on after; None on the last page.

    Several things at once are looked up by what is likely to be rarest; a page may then have less than `limit`.
    """
    last, first = search.bounds
    ended = search.state is not None and search.state not in _OPEN
    still_open = search.state in _OPEN
    statement, rest = _statement(search, limit)
    given = (org, *min(before or (last, _NOBODY), (last, _NOBODY)), first, not ended, still_open, *rest, limit + 1)
    shown, onward = cut_search(await tx.rows(statement, *given), limit)
    return shown, (onward["at"], onward["endpoint_id"] or _NOBODY) if onward else None


def _statement(search: DeliverySearch, limit: int) -> tuple[str, tuple[object, ...]]:
    """What is likely to find it soonest, and the rest of its parameters."""
    span = grammar.span(search.event_type) if search.event_type else (None, None)
    rare = search.state is not None and search.state not in _COMMON
    if rare and search.endpoint:
        rest = (search.state, search.endpoint, search.reason, *span)
        return QUERIES.search_deliveries_of_endpoint_in_state, rest
    if search.reason:
        return QUERIES.search_deliveries_for_reason, (search.reason, search.state, search.endpoint, *span)
    if rare:
        return QUERIES.search_deliveries_in_state, (search.state, *span)
    if search.event_type:
        prefix = search.event_type.endswith(".*")
        statement = QUERIES.search_deliveries_of_types if prefix else QUERIES.search_deliveries_of_type
        # Where nothing else is wanted, nearly every event of the type has a delivery for the page.
        looked_at = _EVENTS if search.state or search.endpoint else limit + 1
        return statement, (*(span if prefix else (search.event_type,)), search.state, search.endpoint, looked_at)
    if search.endpoint:
        return QUERIES.search_deliveries_of_endpoint, (search.endpoint, search.state)
    return QUERIES.search_deliveries, (search.state,)
