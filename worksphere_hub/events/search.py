"""Search of events. Each kind is a statement of its own, with an index of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.db.horizon import cut_search
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.events import grammar
from worksphere_hub.events.models import Event
from worksphere_hub.events.store import QUERIES, event_of

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Search:
    """What events are wanted; all that is given has to hold.

    They were accepted from `since` on and before `until`, are of a type or of all below a prefix (`invoice.*`), on a
    channel, with an ordering key, with a value at an indexed path, made by a request with an Idempotency-Key.
    """

    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    channel: str | None = None
    ordering_key: str | None = None
    attribute: tuple[str, str] | None = None
    idempotency_key: str | None = None

    def bounds(self, before: UUID | None) -> tuple[UUID, UUID]:
        """The ids wanted: before the first, from the second on."""
        last = ids.floor(self.until) if self.until else _LAST
        return min(before or _LAST, last), ids.floor(self.since) if self.since else _FIRST


async def page(
    tx: Transaction, org: UUID, search: Search, before: UUID | None, limit: int
) -> tuple[list[Event], UUID | None]:
    """A page of events, newest first, and the id that the next page comes before; None on the last.

    Several things at once are looked up by what is likely to be rarest; a page may then have less than `limit`.
    """
    given = (org, *search.bounds(before))
    span = grammar.span(search.type) if search.type else (None, None)
    if search.idempotency_key is not None:
        rest = (*span, search.channel, search.ordering_key, *(search.attribute or (None, None)))
        rows = await tx.rows(QUERIES.search_events_by_idempotency_key, *given, search.idempotency_key, *rest)
        return [event_of(row) for row in rows], None
    if search.attribute is not None:
        rest = (*search.attribute, *span, search.channel, search.ordering_key)
        return _cut(await tx.rows(QUERIES.search_events_by_value, *given, limit + 1, *rest), limit)
    if search.ordering_key is not None:
        rest = (search.ordering_key, *span, search.channel)
        return _cut(await tx.rows(QUERIES.search_events_by_ordering_key, *given, limit + 1, *rest), limit)
    if search.channel is not None:
        rest = ("channel", search.channel, *span, None, None)
        return _cut(await tx.rows(QUERIES.search_events_by_value, *given, limit + 1, *rest), limit)
    if search.type is None:
        rows = await tx.rows(QUERIES.search_events, *given, limit + 1)
    elif search.type.endswith(".*"):
        rows = await tx.rows(QUERIES.search_events_of_types, *given, limit + 1, *span)
    else:
        rows = await tx.rows(QUERIES.search_events_of_type, *given, limit + 1, search.type)
    return [event_of(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None


def _cut(rows: Sequence[Row], limit: int) -> tuple[list[Event], UUID | None]:
    shown, last = cut_search(rows, limit)
    return [event_of(row) for row in shown], last["at"] if last else None
