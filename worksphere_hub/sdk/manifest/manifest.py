"""The manifest of an integration, whole."""

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from worksphere_hub.sdk.manifest.api import Api, Call, Pagination, Verification
from worksphere_hub.sdk.manifest.auth import AuthMethod
from worksphere_hub.sdk.manifest.kinds import (
    Expression,
    JsonSchema,
    Line,
    Member,
    Name,
    Part,
    Slug,
    Template,
    Text,
    Url,
)

Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Version = Annotated[str, Field(pattern=r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$")]


class Links(Part):
    """Where to read on."""

    homepage: Url | None = None
    documentation: Url | None = None
    support: Url | None = None
    privacy: Url | None = None


class Change(Part):
    """What one version brought."""

    # JSON has no dates: strictness would refuse the text.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    version: Version
    date: date
    changes: Annotated[list[Line], Field(min_length=1, max_length=50)]


class Screenshot(Part):
    """A picture on the listing's page and the sentence that says what it shows."""

    url: Url
    alt: Line


class Stream(Part):
    """A list of records that can be read, and how to tell what is new in it."""

    title: Line
    description: Line | None = None
    call: Call
    # On the body: the array of records.
    records: Expression
    primary_key: Annotated[list[Member], Field(min_length=1, max_length=8)]
    # Names of the record; where set, a read can begin at the highest value seen, minus the overlap.
    cursor_field: Annotated[str, Field(max_length=100)] | None = None
    cursor_parameter: Annotated[str, Field(max_length=60)] | None = None
    overlap_seconds: Annotated[int, Field(ge=0, le=86_400 * 30)] = 0
    pagination: Pagination | None = None
    record_schema: JsonSchema | None = None
    scopes: list[str] = []


class Action(Part):
    """One thing that can be done at the provider, typed in and out. The call may name `${input.*}`."""

    title: Line
    description: Line | None = None
    call: Call
    input_schema: JsonSchema = {"type": "object"}
    # On the answer's body: what the caller gets.
    output: Expression | None = None
    # Whether doing it twice is doing it once: only then is it tried again after an unknown outcome.
    idempotent: bool = False
    scopes: list[str] = []


class Inbound(Part):
    """What the provider posts to the hub: how it is verified, and which of it becomes which event."""

    # A scheme of inbound sources: standard, github, stripe, slack, zoom, shopify, twilio, hmac, ...
    scheme: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    event_type: Expression | None = None
    event_id: Expression | None = None
    # On the body: the provider's id of the account that it is about, as the verification's `account_key` gives it.
    account: Expression | None = None
    # Provider's event names with the sentence that says when they come.
    events: dict[str, Line] = {}


class Manifest(Part):
    """Everything the hub has to know of an integration. A version of one never changes."""

    manifest_version: Literal[1] = 1
    slug: Slug
    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Version
    category: Category
    summary: Line
    description: Text = ""
    tags: Annotated[list[Slug], Field(max_length=20)] = []
    links: Links = Links()
    screenshots: Annotated[list[Screenshot], Field(max_length=10)] = []
    changelog: Annotated[list[Change], Field(max_length=200)] = []
    # What an instance is configured with; `${settings.*}` wherever a template stands.
    settings: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}
    # Hosts that may be talked to, and the only ones a credential is sent to: `api.example.com`, `*.example.com`.
    hosts: Annotated[list[Template], Field(max_length=50)]
    auth: Annotated[dict[Name, AuthMethod], Field(min_length=1, max_length=10)]
    api: Api | None = None
    verification: Verification | None = None
    streams: dict[Name, Stream] = {}
    actions: dict[Name, Action] = {}
    inbound: Inbound | None = None
