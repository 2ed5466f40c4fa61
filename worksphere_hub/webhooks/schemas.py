"""Shapes on the wire: endpoints, events, deliveries and attempts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Strict = ConfigDict(extra="forbid")
_EventTypes = Annotated[
    list[Annotated[str, Field(max_length=130)]],
    Field(min_length=1, max_length=100, description="Exact types, prefixes such as `invoice.*`, or `*` for all."),
]


OpenState = Literal["pending", "queued", "available", "held", "blocked", "parked"]
DeliveryState = OpenState | Literal["delivered", "exhausted", "cancelled", "filtered"]
DeliveryReason = Literal["attempts", "deadline", "aborted", "expunged", "contract", "endpoint_deleted", "by_request"]


class EndpointFields(BaseModel):
    """What can be decided about a receiver. Whether the fields fit together is checked as a whole."""

    model_config = _Strict
    url: Annotated[str, Field(min_length=8, max_length=2000, examples=["https://example.com/hooks"])] | None = None
    destination: Annotated[
        dict[str, Any] | None,
        Field(
            description="A queue, topic, stream or bucket in place of a url. `kind` is aws_sqs, aws_sns, aws_kinesis, "
            "aws_eventbridge, aws_s3, google_pubsub, azure_service_bus, azure_event_hubs, kafka_rest or rabbitmq; its "
            "other fields are in docs/guides/destinations.md.",
            examples=[
                {
                    "kind": "aws_sqs",
                    "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
                    "region": "eu-west-1",
                }
            ],
        ),
    ] = None
    description: Annotated[str, Field(max_length=500)] = ""
    event_types: _EventTypes = ["*"]
    channels: Annotated[
        list[Annotated[str, Field(max_length=64)]] | None,
        Field(min_length=1, max_length=10, description="Only events on one of these channels; null: all events."),
    ] = None
    filter: Annotated[
        str | None,
        Field(min_length=1, max_length=10_000, description="A JSONata expression over the message: send if it holds."),
    ] = None
    transform: Annotated[
        str | None,
        Field(min_length=1, max_length=10_000, description="A JSONata expression whose result is sent as the body."),
    ] = None
    thin: Annotated[bool, Field(description="Send the type, the time and the event's id only.")] = False
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Annotated[
        dict[Annotated[str, Field(max_length=128)], Annotated[str, Field(max_length=4096)]],
        Field(max_length=20, description="Sent along. No credentials: those are `auth`."),
    ] = {}
    compression: Literal["gzip"] | None = None
    encryption_key: Annotated[
        dict[str, Any] | None, Field(description="The receiver's public key (JWK): bodies are encrypted to it (JWE).")
    ] = None
    batch_size: Annotated[int, Field(ge=1, le=100, description="Up to so many messages in one request.")] = 1
    batch_wait_ms: Annotated[int, Field(ge=0, le=60_000, description="How long a batch waits to be filled.")] = 0
    retry_policy: Annotated[
        dict[str, Any] | None,
        Field(
            description="`{kind: schedule, waits: [5, 300], deadline?, jitter?}` or `{kind: exponential, first, "
            "factor?, longest?, attempts, deadline?, jitter?}`, in seconds; null: the hub's own.",
            examples=[{"kind": "exponential", "first": 5, "factor": 3, "attempts": 8, "deadline": 86400}],
        ),
    ] = None
    rate_limit: Annotated[float | None, Field(ge=0.01, le=10_000, description="Attempts per second.")] = None
    concurrency: Annotated[int | None, Field(ge=1, le=256, description="Requests in flight at once.")] = None
    ordering: Annotated[
        Literal["none", "key", "endpoint"],
        Field(description="One at a time and in order: of each ordering key, or all of the endpoint's."),
    ] = "none"
    on_exhausted: Annotated[
        Literal["skip", "block", "park"],
        Field(
            description="What happens to a delivery that runs out of retries: it ends (skip), its queue waits for "
            "somebody to act (block), or it is put aside for somebody to act (park)."
        ),
    ] = "skip"
    signatures: Annotated[
        list[Literal["v1", "v1a"]],
        Field(
            min_length=1, max_length=2, description="v1: HMAC-SHA256; v1a: ed25519, with the public key in the JWKS."
        ),
    ] = ["v1"]


Auth = Annotated[
    dict[str, Any],
    Field(
        description="What the receiver is shown: `{type: basic, username, password}`, `{type: bearer, token}`, "
        "`{type: oauth2, token_url, client_id, client_secret, scope?, audience?, send_as?}` or `{type: mtls, "
        "certificate, key}`; a destination also `{type: aws, access_key_id, secret_access_key, session_token?}`, "
        "`{type: google, client_email, private_key_id, private_key}` or `{type: azure, key_name, key}`. "
        "Never shown again."
    ),
]


class EndpointCreate(EndpointFields):
    """A receiver to register."""

    kind: Annotated[
        Literal["push", "pull"], Field(description="push: the hub sends; pull: the receiver fetches and acknowledges.")
    ] = "push"
    secret: Annotated[
        str | None,
        Field(description="Bring your own signing secret (`whsec_` and base64 of 24 to 64 bytes); else one is made."),
    ] = None
    auth: Auth | None = None


class EndpointUpdate(EndpointFields):
    """Fields to change; what is left out stays."""

    auth: Annotated[Auth | Literal[False] | None, Field(description="New credentials, or false for none.")] = None


class EndpointOut(EndpointFields):
    """A receiver."""

    model_config = ConfigDict(extra="ignore")
    id: str
    kind: Literal["push", "pull"]
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["by_request", "gone", "failing"] | None
    created_at: datetime
    updated_at: datetime


class EndpointCreated(EndpointOut):
    """A new receiver with its signing secret, which is shown this once."""

    secret: str | None = Field(description="Null where nothing is signed with v1.")
    public_key: str | None = Field(default=None, description="What verifies v1a signatures (`whpk_` and base64).")


class TestRequest(BaseModel):
    """What to send as a test: a ping, the sample of an event type, or a copy of its newest event."""

    model_config = _Strict
    source: Literal["ping", "sample", "last"] = "ping"
    event_type: Annotated[str | None, Field(max_length=128)] = None


class SecretRotation(BaseModel):
    """How to change an endpoint's signing keys."""

    model_config = _Strict
    overlap_seconds: Annotated[
        int, Field(ge=0, le=604_800, description="How long the old keys go on signing beside the new; 0 revokes them.")
    ] = 86_400
    secret: Annotated[str | None, Field(description="Bring your own v1 secret; else one is made.")] = None


class SecretRotated(BaseModel):
    """An endpoint's new signing keys; the secret is shown this once."""

    secret: str | None
    public_key: str | None
    old_keys_until: datetime


class KeyOut(BaseModel):
    """A signing key of an endpoint."""

    id: str
    kind: Literal["v1", "v1a"]
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None


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
    channels: list[str]
    ordering_key: str | None
    origin_id: str | None = Field(description="The event that this one is an edited copy of.")
    expunged_at: datetime | None
    data: Any


class DeliveryOut(BaseModel):
    """One event for one endpoint."""

    id: str
    event_id: str
    event_type: str | None
    endpoint_id: str
    state: DeliveryState
    reason: str | None = Field(description="Why it ended without being delivered: attempts, deadline, expunged, ...")
    attempts: int
    next_attempt_at: datetime | None = Field(description="When a pending delivery is tried next; null while it is.")
    ended_at: datetime | None


class VerdictOut(BaseModel):
    """Why an endpoint did, or did not, get this event."""

    endpoint_id: str
    verdict: Literal["matched", "event_type", "channel", "disabled", "not_targeted", "replayed"] = Field(
        description="matched: it has a delivery, whose state and reason say the rest; event_type: its patterns do not "
        "match; channel: none of the event's channels is its; disabled: it was disabled when the event was accepted; "
        "not_targeted: the event was meant for another endpoint alone; replayed: it had not got it, or was not there "
        "yet, and somebody replayed it since."
    )
    explanation: str = Field(description="The same in a sentence, with what can be done.")
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
    manual: bool = Field(description="Somebody asked for it; it is no part of the automatic chain.")
    batch_id: str | None = Field(description="The `webhook-id` of the batch it was sent in.")
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
