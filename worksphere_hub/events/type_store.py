"""Event types and their versions as typed functions."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.events import grammar
from worksphere_hub.events.errors import EventTypeExists, EventTypeNotFound, TooManyEventTypes
from worksphere_hub.events.models import Enforcement, EventType, EventTypeVersion
from worksphere_hub.events.store import QUERIES


@dataclass(frozen=True, slots=True)
class Terms:
    """The fields of an event type that are its own and not a version's."""

    description: str = ""
    enforcement: Enforcement = "off"
    indexed_attributes: tuple[str, ...] = ()
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be written."""

    schema: dict[str, Any]
    sample: Any
    changelog: str
    created_by: str | None


async def insert(tx: Transaction, org: UUID, name: str, terms: Terms, first: NewVersion, *, limit: int) -> EventType:
    """Write a new event type with its first version."""
    own = (terms.description, terms.enforcement, list(terms.indexed_attributes))
    row = await tx.row(QUERIES.insert_event_type, org, name, *own, limit)
    if row is None:
        if await tx.row(QUERIES.event_type_by_name, org, name) is not None:
            raise EventTypeExists(f"There is an event type {name} already. Change it by PATCH.")
        raise TooManyEventTypes(f"An organization may have {limit} event types. Delete one that is not used.")
    return _type(row, await _add_version(tx, org, name, 1, first))


async def update(
    tx: Transaction, org: UUID, before: EventType, terms: Terms, added: NewVersion | None
) -> EventType | None:
    """Write changes to an event type as it was read; None when somebody else has changed or deleted it since."""
    version = before.current.version + (added is not None)
    own = (terms.description, terms.enforcement, list(terms.indexed_attributes), terms.deprecated)
    row = await tx.row(QUERIES.update_event_type, org, before.name, *own, version, before.updated_at)
    if row is None:
        return None
    return _type(row, before.current if added is None else await _add_version(tx, org, before.name, version, added))


async def delete(tx: Transaction, org: UUID, name: str) -> None:
    """Remove an event type with its versions."""
    if not grammar.is_event_type(name) or not await tx.run(QUERIES.delete_event_type, org, name):
        raise EventTypeNotFound


async def find(tx: Transaction, org: UUID, name: str) -> EventType:
    """One event type with its current version."""
    # What is no name may hold characters that PostgreSQL does not take.
    row = await tx.row(QUERIES.event_type_by_name, org, name) if grammar.is_event_type(name) else None
    if row is None:
        raise EventTypeNotFound
    return _joined(row)


async def page(tx: Transaction, org: UUID, after: str | None, text: str | None, limit: int) -> list[EventType]:
    """Event types by name; `text` is looked for in names and descriptions, whatever its case."""
    return [_joined(row) for row in await tx.rows(QUERIES.list_event_types, org, after, text, limit)]


async def versions(tx: Transaction, org: UUID, name: str, before: int | None, limit: int) -> list[EventTypeVersion]:
    """Versions of one event type, newest first."""
    return [_version(row) for row in await tx.rows(QUERIES.list_event_type_versions, org, name, before, limit)]


async def version(tx: Transaction, org: UUID, name: str, number: int) -> EventTypeVersion:
    """One version of an event type."""
    row = await tx.row(QUERIES.event_type_version, org, name, number)
    if row is None:
        raise EventTypeNotFound(f"There is no version {number} of an event type with this name.")
    return _version(row)


async def _add_version(tx: Transaction, org: UUID, name: str, number: int, new: NewVersion) -> EventTypeVersion:
    values = (new.schema, new.sample, new.changelog, new.created_by)
    row = await tx.row(QUERIES.insert_event_type_version, org, name, number, *values)
    assert row is not None
    return _version(row)


def _joined(row: Row) -> EventType:
    return _type(
        row,
        EventTypeVersion(
            version=row["current_version"],
            schema=row["schema"],
            sample=row["sample"],
            changelog=row["changelog"],
            created_at=row["version_created_at"],
            created_by=row["created_by"],
        ),
    )


def _type(row: Row, current: EventTypeVersion) -> EventType:
    return EventType(
        name=row["name"],
        description=row["description"],
        enforcement=row["enforcement"],
        deprecated_at=row["deprecated_at"],
        indexed_attributes=row["indexed_attributes"],
        current=current,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _version(row: Row) -> EventTypeVersion:
    return EventTypeVersion(
        version=row["version"],
        schema=row["schema"],
        sample=row["sample"],
        changelog=row["changelog"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
