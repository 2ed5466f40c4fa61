"""Limits of accepting events."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Limits of accepting events; the defaults stand beside the code that obeys them."""

    body_limit: int = 1_048_576  # bytes of one request, and of one event
    batch_limit: int = 1_000  # events in one POST /v1/events/batch
    future_limit: float = 300.0  # seconds that occurred_at may lie ahead of the clock
    commit_batch: int = 400  # events written in one transaction at most
    waiting_limit: int = 20_000  # events waiting in one process before it says 503
    key_days: int = 3  # days that an event id or Idempotency-Key is remembered
    type_limit: int = 1_000  # event types of one organization
    contract_seconds: float = 1.0  # how old what is known of an event contract may be when an event is checked by it
    contract_bytes: int = 16_777_216  # of schemas that one process keeps compiled
