"""An event on its way in, and as it is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from worksphere_hub import ids

Enforcement = Literal["off", "warn", "reject"]


@dataclass(slots=True)
class NewEvent:
    """An event that passed every check and now wants to be stored. `id` is 32 hex digits of a UUIDv7.

    `claims` are the names under which asking again means this event: (scope, key, SHA-256 of the request). `origin` is
    the event that this one is an edited copy of.
    """

    org: UUID
    id: str
    key: str | None
    type: str
    body: bytes
    occurred_at: datetime
    accepted_at: datetime
    claims: tuple[tuple[str, str, bytes], ...] = ()
    only_endpoint: UUID | None = None
    channels: tuple[str, ...] = ()
    ordering_key: str | None = None
    origin: UUID | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the publisher is told: committed, under this id. `replayed` when it had been before."""

    id: str
    accepted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event as stored. `body` is the message as signed, {"type", "timestamp", "data"}; None once it is expunged."""

    org: UUID
    id: UUID
    key: str | None
    type: str
    body: bytes | None
    occurred_at: datetime
    accepted_at: datetime
    only_endpoint: UUID | None
    channels: tuple[str, ...]
    ordering_key: str | None
    origin: UUID | None
    expunged_at: datetime | None

    @property
    def public_id(self) -> str:
        """The id the publisher knows it by."""
        return public_id(self.id, self.key)


def public_id(event: UUID, key: str | None) -> str:
    """The publisher's own id where there is one, else the hub's."""
    return key or ids.encode("evt", event)


@dataclass(frozen=True, slots=True)
class EventTypeVersion:
    """One version of a contract. `schema` is about the event's data; `sample` is None when its author gave none."""

    version: int
    schema: dict[str, Any]
    sample: Any
    changelog: str
    created_at: datetime
    created_by: str | None


@dataclass(frozen=True, slots=True)
class EventType:
    """What an organization promises about the events of one type."""

    name: str
    description: str
    enforcement: Enforcement
    deprecated_at: datetime | None
    indexed_attributes: list[str]
    current: EventTypeVersion
    created_at: datetime
    updated_at: datetime
