"""Shapes on the wire: inbound sources, their messages, and what they refused."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.inbound.schemes.catalogue import Verification
from worksphere_hub.inbound.schemes.scheme import HeaderName, Pointer

_Strict = ConfigDict(extra="forbid")

Route = Literal["event", "publish", "endpoint", "sync", "connector", "accounts"]
State = Literal["received", "processed", "failed", "ignored"]

_Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Stripe, live"])]
_EventType = Annotated[str, Field(max_length=128, examples=["stripe.event"])]
_SizeLimit = Annotated[int, Field(ge=1, le=1_048_576, description="Bytes of a body that are taken.")]
_Tolerance = Annotated[int, Field(ge=1, le=3600, description="Seconds a signed timestamp may be off.")]
_RateLimit = Annotated[int, Field(ge=1, le=100_000, description="Requests a second that one API process takes.")]
_ROUTE = (
    "event: published for every endpoint that wants its type; publish: its body is `{type, data, id?, channels?, "
    "ordering_key?, occurred_at?}`, as `POST /v1/events` takes it; endpoint: straight through to the one endpoint; "
    "sync: kept, and only told of by an event `hub.inbound.received`; connector: its integration says which facts are "
    "in a message, each an event with the connection and the record it is about; accounts: passed on to the "
    "organizations that have connected the accounts it is about."
)


class EventTypeFrom(BaseModel):
    """Where the provider says what happened. What an event type cannot hold becomes `_`."""

    model_config = _Strict
    header: HeaderName | None = None
    pointer: Pointer | None = None
    prefix: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^([A-Za-z0-9_]+\.)+$",
            description="What every type begins with, so that no provider can name one of another's.",
            examples=["stripe."],
        ),
    ]


class SourceCreate(BaseModel):
    """A source to create."""

    model_config = _Strict
    name: _Name
    verification: Verification
    secret: Annotated[
        str | dict[str, str] | None,
        Field(
            max_length=512,
            description="The provider's secret; where the provider takes one of yours, one is made. For the scheme "
            "`pulled` the queue's credential, as destinations take it: an object with its `type`.",
        ),
    ] = None
    route: Annotated[Route, Field(description=_ROUTE)] = "event"
    endpoint_id: str | None = None
    event_type: _EventType | None = None
    event_type_from: EventTypeFrom | None = None
    size_limit: _SizeLimit = 1_048_576
    tolerance: _Tolerance = 300
    rate_limit: _RateLimit = 100
    instance_id: Annotated[
        str | None,
        Field(description="The instance it is set up for, with which it is deleted; needed for the route `connector`."),
    ] = None
    integration: Annotated[
        str | None, Field(max_length=63, description="For the route `accounts`: an integration of one's own.")
    ] = None


class SourceUpdate(BaseModel):
    """Fields to change; what is left out stays, and null takes a value away where there may be none."""

    model_config = _Strict
    name: _Name = ""
    verification: Annotated[Verification | None, Field(description="Of the same scheme: its secrets stay.")] = None
    route: Annotated[Route, Field(description=_ROUTE)] = "event"
    endpoint_id: str | None = None
    event_type: _EventType | None = None
    event_type_from: EventTypeFrom | None = None
    status: Literal["enabled", "disabled"] = "enabled"
    size_limit: _SizeLimit = 1_048_576
    tolerance: _Tolerance = 300
    rate_limit: _RateLimit = 100


class SecretRotation(BaseModel):
    """A new secret beside the old ones."""

    model_config = _Strict
    secret: Annotated[
        str | dict[str, str] | None,
        Field(max_length=512, description="As on creation: the provider's, or one is made."),
    ] = None
    overlap_seconds: Annotated[
        int, Field(ge=0, le=2_592_000, description="How long the old ones are still good; 0 ends them now.")
    ] = 86_400


class SourceOut(BaseModel):
    """A source, without its address and its secrets."""

    id: str
    name: str
    verification: Verification
    route: Route
    endpoint_id: str | None
    event_type: str | None
    event_type_from: EventTypeFrom | None
    status: Literal["enabled", "disabled"]
    size_limit: int
    tolerance: int
    rate_limit: int
    instance_id: str | None
    connection_id: str | None = Field(description="Whose messages come here, where that is one connection alone.")
    integration: str | None
    fed: bool = Field(description="Takes in what the integration's owner passes on; it has no address of its own.")
    created_at: datetime
    updated_at: datetime


class SourceCreated(SourceOut):
    """A new source with its address, and with its secret where the hub has made one: both are shown this once."""

    address: str | None = Field(description="Null of a queue: nobody posts to it.")
    secret: str | None


class PullOut(BaseModel):
    """How fetching from a source's queue stands."""

    status: Literal["active", "failing"]
    failures: int
    error_code: str | None
    error: str | None
    fetched: int = Field(description="Messages that were fetched and kept, repetitions included.")
    fetched_at: datetime | None
    next_attempt_at: datetime


class AddressOut(BaseModel):
    """A source's new address, shown this once; the old one is gone."""

    address: str


class SecretOut(BaseModel):
    """What a rotation gave: the new secret where the hub has made it, shown this once."""

    secret: str | None


class HeaderPair(BaseModel):
    """One header."""

    name: str
    value: str


class MessageOut(BaseModel):
    """What a provider sent."""

    id: str
    source_id: str
    provider_event_id: str | None = Field(description="What tells repetitions: the provider's id, or a digest.")
    received_at: datetime
    verdict: Literal["verified", "handshake"]
    state: State
    attempts: int
    replays: int
    repeats: int = Field(description="How often the provider sent it again.")
    next_attempt_at: datetime | None
    event_id: str | None = Field(description="The first event that was made of it.")
    event_ids: list[str]
    passed_on: int | None = Field(description="To how many organizations it was passed on; its body is with them.")
    error: str | None
    method: str
    query: str
    size: int
    headers: list[HeaderPair]


class MessageWithBody(MessageOut):
    """The same with its body, for those who may see payloads."""

    body_base64: str | None


class SubscriptionCreate(BaseModel):
    """What a provider is to send."""

    model_config = _Strict
    wanted: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]],
        Field(
            max_length=20,
            description="What of the account is to be told, as the integration's README says; nothing: everything.",
            examples=[["/teams/{id}/channels/{id}/messages"]],
        ),
    ] = []


class SubscriptionOut(BaseModel):
    """A provider's promise to send."""

    id: str
    connection_id: str
    source_id: str = Field(description="Where its messages come in.")
    wanted: list[str]
    status: Literal["pending", "active", "failing", "cancelling"]
    expires_at: datetime | None = Field(description="When the provider would stop; it is renewed before.")
    renewed_at: datetime | None
    next_attempt_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class RefusalOut(BaseModel):
    """How many requests a source refused on one day for one reason."""

    day: str
    reason: str = Field(
        description="signature_missing, signature_malformed, signature_wrong, out_of_time, credential_missing, "
        "credential_wrong, untrusted_peer, no_secret, disabled, rate_limited or too_large."
    )
    count: int
    first_at: datetime
    last_at: datetime
    last_address: str | None
