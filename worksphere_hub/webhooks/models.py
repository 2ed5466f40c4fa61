"""Endpoints as stored, deliveries in a worker's hand, and what becomes of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver as stored."""

    org: UUID
    id: UUID
    url: str
    description: str
    event_types: list[str]
    status: str
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Claim:
    """A delivery in a worker's hand. `body` is None when it is too large to carry along."""

    org: UUID
    endpoint: UUID
    event: UUID
    attempts: int
    fence: int
    reclaimed: bool
    due_at: datetime
    event_key: str | None
    body: bytes | None
    accepted_at: datetime | None
    endpoint_status: str | None
    endpoint_updated_at: datetime | None
    taken_at: float


@dataclass(slots=True)
class Attempt:
    """One POST and what came back. `outcome` is delivered, refused or failed; `id` is 32 hex digits."""

    id: str
    outcome: str
    started_at: datetime
    duration_ms: int
    url: str
    request_headers: str
    error_cause: str | None = None
    error_detail: str | None = None
    status: int | None = None
    response_headers: str | None = None
    response_body: bytes | None = None
    truncated: bool = False


@dataclass(slots=True)
class Result:
    """A delivery on its way back: its next state, the wait before a retry, and the attempt if one was made."""

    claim: Claim
    next: str
    delay: float = 0.0
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to send to an endpoint: its URL and the live signing keys, the newest first."""

    url: str
    keys: tuple[bytes, ...]
