"""The events room's statements as typed functions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.db.queries import load_queries
from worksphere_hub.events import grammar
from worksphere_hub.events.models import Event, NewEvent

QUERIES = load_queries(__file__)


async def accept(database: Database, events: Sequence[NewEvent], key_days: int) -> list[Row]:
    """Store the events in one transaction and one round trip; answers those not stored (see `hub.accept_events`)."""
    return await database.call(QUERIES.accept_events, *_columns(events, key_days))


async def accept_within(tx: Transaction, events: Sequence[NewEvent], key_days: int) -> list[Row]:
    """The same in a transaction that does more than this."""
    return await tx.rows(QUERIES.accept_events, *_columns(events, key_days))


def _columns(events: Sequence[NewEvent], key_days: int) -> tuple[Sequence[object], ...]:
    """What `hub.accept_events()` takes. Columns that say nothing are left out."""
    claims = [(event, *claim) for event in events for claim in event.claims]
    return (
        [event.org for event in events],
        [event.id for event in events],
        [event.key for event in events],
        [event.type for event in events],
        [event.body for event in events],
        [event.occurred_at for event in events],
        [event.accepted_at for event in events],
        [event.only_endpoint for event in events],
        _sparse([",".join(event.channels) or None for event in events]),
        _sparse([event.ordering_key for event in events]),
        _sparse([event.origin for event in events]),
        [],
        [event.org for event, _, _, _ in claims],
        [event.id for event, _, _, _ in claims],
        [scope for _, scope, _, _ in claims],
        [key for _, _, key, _ in claims],
        [fingerprint for _, _, _, fingerprint in claims],
        [event.accepted_at + timedelta(days=key_days) for event, _, _, _ in claims],
    )


async def find(tx: Transaction, org: UUID, public_id: str) -> Event | None:
    """An event by the hub's id or the publisher's."""
    own = ids.parse("evt", public_id)
    if own is None and not grammar.is_key(public_id):
        return None
    if own is not None:
        row = await tx.row(QUERIES.event_by_id, org, own)
    else:
        row = await tx.row(QUERIES.event_by_key, org, public_id)
    return event_of(row) if row else None


async def about(tx: Transaction, org: UUID, attribute: tuple[str, str], limit: int) -> tuple[list[UUID], int]:
    """Events that still have their message, by a value at an indexed path: the oldest, and how many in all."""
    rows = await tx.rows(QUERIES.events_about, org, *attribute, limit)
    return [row["id"] for row in rows], rows[0]["total"] if rows else 0


async def expunge(tx: Transaction, org: UUID, event: UUID) -> bool:
    """Remove an event's message and what it can be searched by; answers whether it was still there."""
    if not await tx.run(QUERIES.expunge_event, org, event):
        return False
    await tx.run(QUERIES.delete_attributes, org, event)
    return True


def _sparse(column: list[Any]) -> list[Any]:
    return column if any(column) else []


def event_of(row: Row) -> Event:
    """A row of `webhook_events`."""
    return Event(
        org=row["org_id"],
        id=row["id"],
        key=row["key"],
        type=row["type"],
        body=row["body"],
        occurred_at=row["occurred_at"],
        accepted_at=row["accepted_at"],
        only_endpoint=row["only_endpoint_id"],
        channels=tuple(row["channels"] or ()),
        ordering_key=row["ordering_key"],
        origin=row["origin_id"],
        expunged_at=row["expunged_at"],
    )
