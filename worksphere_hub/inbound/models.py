"""Sources as stored, what stands at an address, messages in a worker's hand and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from worksphere_hub.inbound.schemes.catalogue import Verification
from worksphere_hub.sdk.inbound import Told


@dataclass(frozen=True, slots=True)
class Source:
    """A source as stored. `event_type_from` is {"header" or "pointer", "prefix"}."""

    org: UUID
    id: UUID
    name: str
    scheme: Verification
    route: str
    endpoint: UUID | None
    event_type: str | None
    event_type_from: dict[str, Any] | None
    status: str
    size_limit: int
    tolerance: int
    rate_limit: int
    instance: UUID | None
    connection: UUID | None
    integration: str | None
    fed: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Door:
    """What stands at an address: whose it is, and what a request there has to be. Sizes in bytes, times in seconds."""

    org: UUID
    source: UUID
    scheme: Verification
    enabled: bool
    size_limit: int
    tolerance: int
    rate_limit: int
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in a worker's hand. `route` is None when its source is gone."""

    org: UUID
    id: UUID
    source: UUID
    provider_event_id: str | None
    query: str
    headers: list[list[str]]
    body: bytes
    received_at: datetime
    attempts: int
    replays: int
    fence: int
    route: str | None
    endpoint: UUID | None
    event_type: str | None
    event_type_from: dict[str, Any] | None
    instance: UUID | None = None
    connection: UUID | None = None
    integration: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact out of a message: which of them it is, and the connection that it is about, if that is known."""

    told: Told
    number: int
    connection: UUID | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message: its next state, the wait in seconds before another attempt, its events or its error.

    One that is `passed` on has its end already.
    """

    claim: Claim
    state: str
    delay: float = 0.0
    events: Sequence[UUID] = ()
    error: str | None = None
