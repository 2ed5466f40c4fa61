"""Shapes on the wire: endpoints, events, deliveries and attempts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Strict = ConfigDict(extra="forbid")
_EventTypes = Annotated[
    list[Annotated[str, Field(max_length=130)]],
    Field(min_length=1, max_length=100, description="Exact types, prefixes such as `invoice.*`, or `*` for all."),
]


class EndpointCreate(BaseModel):
    """A receiver to register."""

    model_config = _Strict
    url: Annotated[str, Field(min_length=8, max_length=2000, examples=["https://example.com/hooks"])]
    event_types: _EventTypes = ["*"]
    description: Annotated[str, Field(max_length=500)] = ""
    secret: Annotated[
        str | None,
        Field(description="Bring your own signing secret (`whsec_` and base64 of 24 to 64 bytes); else one is made."),
    ] = None


class EndpointUpdate(BaseModel):
    """Fields to change; what is left out stays."""

    model_config = _Strict
    url: Annotated[str, Field(min_length=8, max_length=2000)] | None = None
    event_types: _EventTypes | None = None
    description: Annotated[str, Field(max_length=500)] | None = None


class EndpointOut(BaseModel):
    """A receiver."""

    id: str
    url: str
    description: str
    event_types: list[str]
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["by_request", "gone"] | None
    created_at: datetime
    updated_at: datetime


class EndpointCreated(EndpointOut):
    """A new receiver with its signing secret, which is shown this once."""

    secret: str


class AcceptedOut(BaseModel):
    """An event that is committed."""

    id: str
    accepted_at: datetime


class EventOut(BaseModel):
    """An event as published. `data` is what its deliveries carry."""

    id: str
    type: str
    occurred_at: datetime
    accepted_at: datetime
    data: Any


class DeliveryOut(BaseModel):
    """One event for one endpoint."""

    id: str
    event_id: str
    event_type: str | None
    endpoint_id: str
    state: Literal["pending", "held", "delivered", "exhausted", "cancelled"]
    attempts: int
    next_attempt_at: datetime | None = Field(description="When a pending delivery is tried next; null while it is.")
    ended_at: datetime | None


class VerdictOut(BaseModel):
    """Why an endpoint did, or did not, get this event."""

    endpoint_id: str
    verdict: Literal["matched", "event_type", "disabled", "not_targeted"] = Field(
        description="matched: it has a delivery; event_type: its patterns do not match; disabled: it was disabled when "
        "the event was accepted; not_targeted: the event was a test for another endpoint."
    )
    delivery: DeliveryOut | None


class HeaderOut(BaseModel):
    """One header."""

    name: str
    value: str


class AttemptOut(BaseModel):
    """One POST of a delivery and what came back."""

    id: str
    delivery_id: str
    event_id: str
    endpoint_id: str
    attempt: int
    outcome: Literal["delivered", "refused", "failed"]
    error_cause: str | None = Field(description="Why there was no answer: dns, connect, timeout, reset, tls, ...")
    error_detail: str | None
    reclaimed: bool = Field(description="The worker before was lost: the receiver may have seen this message already.")
    fenced: bool = Field(description="This worker came back too late; its attempt changed nothing.")
    started_at: datetime
    duration_ms: int
    url: str
    request_headers: list[HeaderOut]
    status: int | None
    response_headers: list[HeaderOut]
    response_body: str | None = Field(description="The first 64 KiB, bytes that are not UTF-8 replaced.")
    response_truncated: bool
    next_attempt_at: datetime | None
