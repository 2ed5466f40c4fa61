"""Endpoints as stored, deliveries in a worker's hand, and what becomes of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an organization decides about an endpoint: the columns of `webhook_endpoints` that are its to set."""

    kind: str = "push"
    url: str | None = None
    destination: dict[str, Any] | None = None
    description: str = ""
    event_types: tuple[str, ...] = ("*",)
    channels: tuple[str, ...] | None = None
    filter: str | None = None
    transform: str | None = None
    thin: bool = False
    method: str = "POST"
    headers: dict[str, str] | None = None
    compression: str | None = None
    encryption_key: dict[str, Any] | None = None
    batch_size: int = 1
    batch_wait_ms: int = 0
    retry_policy: dict[str, Any] | None = None
    rate_limit: float | None = None
    concurrency: int | None = None
    ordering: str = "none"
    on_exhausted: str = "skip"
    signatures: tuple[str, ...] = ("v1",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver as stored."""

    org: UUID
    id: UUID
    status: str
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    configuration: Configuration


@dataclass(slots=True)
class Claim:
    """A delivery in a worker's hand: when it was taken, and the columns of `hub.claim_deliveries()` in their order.

    `body` is None when it is too large to carry along. `chain_from` is when its retries began to count;
    like `claimed_at`, it is by the database's clock. With a
    `resume_state` this is a manual retry, after which, should it fail, all is as before. `troubled` says that the
    endpoint has failed of late, `limited` that something bounds how much of it may be in hand.
    """

    taken_at: float
    org: UUID
    endpoint: UUID
    event: UUID
    attempts: int
    step: int
    fence: int
    reclaimed: bool
    due_at: datetime
    resume_state: str | None
    chain_from: datetime | None
    lane: str | None
    limited: bool
    troubled: bool
    event_key: str | None
    body: bytes | None
    accepted_at: datetime | None
    unchecked: bool | None
    endpoint_status: str | None
    endpoint_updated_at: datetime | None
    batch_size: int | None
    batch_wait_ms: int | None
    share: int
    page_end: UUID | None
    claimed_at: datetime

    @property
    def manual(self) -> bool:
        """Whether somebody asked for this attempt, outside of the automatic chain."""
        return self.resume_state is not None


@dataclass(slots=True)
class Attempt:
    """One request and what came back. `outcome` is delivered, refused or failed; `id` is 32 hex digits."""

    id: str
    outcome: str
    started_at: datetime
    duration_ms: int
    url: str
    request_headers: str
    batch_id: str | None = None
    error_cause: str | None = None
    error_detail: str | None = None
    status: int | None = None
    response_headers: str | None = None
    response_body: bytes | None = None
    truncated: bool = False


@dataclass(slots=True)
class Result:
    """A delivery on its way back: its next state and why, the wait before a retry, and the attempt if one was made.

    `slow_down` is for how many seconds its receiver asked for nothing more at all.
    """

    claim: Claim
    next: str
    delay: float = 0.0
    attempt: Attempt | None = None
    reason: str | None = None
    slow_down: float = 0.0
