"""Shapes on the wire: the marketplace, its listings and reviews."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.catalog.models import State, Tier, Visibility
from worksphere_hub.catalog.schemas import ChangeOut, Digest, Environment, InstanceName, ScopeOut, Settings
from worksphere_hub.http.paging import Page

_Strict = ConfigDict(extra="forbid")

Sort = Literal["relevance", "rating", "installs", "newest", "name"]
AuthType = Literal["oauth2", "api_key", "basic", "bearer", "custom", "none"]

_Title = Annotated[str, Field(max_length=200)]
_Body = Annotated[str, Field(max_length=5000)]
_Stars = Annotated[int, Field(ge=1, le=5)]


class Rating(BaseModel):
    """What reviews come to, those that count."""

    average: float | None = Field(description="The plain average of the stars; null without reviews.")
    count: int
    score: float = Field(
        description="What listings are sorted by: the average as if there were five more reviews of three stars."
    )


class Card(BaseModel):
    """A listing among others."""

    id: str
    slug: str
    name: str
    summary: str
    category: str
    auth_types: list[str]
    tags: list[str]
    version: str
    tier: Tier
    visibility: Visibility
    owned: bool = Field(description="It is one's own; of the others, private ones are shared with one.")
    installed: bool
    installs: int = Field(description="Organizations that have it installed.")
    rating: Rating
    published_at: datetime


class Facet(BaseModel):
    """How many listings there would be with this value, the other filters as they are."""

    value: str
    count: int


class Facets(BaseModel):
    """Counts for the filters."""

    total: int
    category: list[Facet]
    auth_type: list[Facet]
    tier: list[Facet]
    min_rating: list[Facet]
    installed: list[Facet]


class MarketPage(Page[Card]):
    """One page of the marketplace; the counts come with the first."""

    facets: Facets | None
    tolerant: bool = Field(description="Nothing matched what was typed; these are named nearly so.")


class FieldOut(BaseModel):
    """A field that a person enters."""

    name: str
    title: str
    description: str | None
    secret: bool
    required: bool


class MethodOut(BaseModel):
    """A way to authorize an account."""

    key: str
    type: AuthType
    label: str
    description: str | None
    fields: list[FieldOut]


class Permissions(BaseModel):
    """What it asks for."""

    hosts: list[str] = Field(description="Where it may send data and credentials, and nowhere else.")
    scopes: list[ScopeOut]
    auth: list[MethodOut]


class RuleOut(BaseModel):
    """One rule of the quality scale."""

    id: str
    tier: Tier
    sentence: str
    status: Literal["done", "not_applicable", "exempt", "missing"]
    note: str


class Quality(BaseModel):
    """The tier and what it comes from."""

    tier: Tier
    rules: list[RuleOut]


class VersionOut(BaseModel):
    """One version that was published."""

    version: str
    state: State
    digest: str
    withdrawn_reason: str | None
    created_at: datetime


class ScreenshotOut(BaseModel):
    """A picture and what it shows."""

    url: str
    alt: str


class CapabilityOut(BaseModel):
    """Something that can be read or done."""

    name: str
    title: str
    description: str | None


class Capabilities(BaseModel):
    """What it can do."""

    streams: list[CapabilityOut]
    actions: list[CapabilityOut]
    events: list[CapabilityOut]


class ListingOut(Card):
    """A listing's page."""

    integration_id: str
    digest: str
    unlisted: bool
    description: str
    links: dict[str, str]
    permissions: Permissions
    settings: dict[str, Any] = Field(description="The JSON Schema of an instance's settings.")
    capabilities: Capabilities
    changelog: list[ChangeOut]
    screenshots: list[ScreenshotOut]
    versions: list[VersionOut]
    quality: Quality
    active_connections: int = Field(description="Connections, of all organizations, that work at the moment.")
    instances: list[str] = Field(description="The organization's own instances of it.")


class ListingCreate(BaseModel):
    """An integration to offer."""

    model_config = _Strict
    integration_id: str
    visibility: Visibility = "private"


class ListingUpdate(BaseModel):
    """Whether a listing is offered."""

    model_config = _Strict
    unlisted: bool


class ShareCreate(BaseModel):
    """An organization to share a private listing with."""

    model_config = _Strict
    organization_id: str


class ShareOut(BaseModel):
    """An organization that a listing is shared with."""

    organization_id: str
    created_at: datetime


class Install(BaseModel):
    """How to install a listing."""

    model_config = _Strict
    name: InstanceName | None = Field(default=None, description="The integration's own, unless given.")
    environment: Environment = "production"
    settings: Settings = {}
    enable: bool = Field(default=True, description="False leaves it a draft, whose settings may still be incomplete.")
    digest: Digest | None = Field(
        default=None, description="Given, it is installed only if it is still what was shown."
    )


class ReviewCreate(BaseModel):
    """A review of a listing that is installed."""

    model_config = _Strict
    rating: _Stars
    title: _Title = ""
    body: _Body = ""
    author: Annotated[
        str | None, Field(min_length=1, max_length=100, description="How the reviewer is called; nobody if left out.")
    ] = None


class ReviewUpdate(BaseModel):
    """Fields to change; what is left out stays."""

    model_config = _Strict
    rating: _Stars = 1
    title: _Title = ""
    body: _Body = ""
    author: Annotated[str | None, Field(min_length=1, max_length=100)] = None


class Reply(BaseModel):
    """What the listing's owner says to a review."""

    model_config = _Strict
    text: Annotated[str, Field(min_length=1, max_length=5000)]


class Moderation(BaseModel):
    """Whether a review is shown, and why not."""

    model_config = _Strict
    state: Literal["visible", "hidden"]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


class ReviewOut(BaseModel):
    """A review. Which organization wrote it is nobody's business."""

    id: str
    rating: int
    title: str
    body: str
    author: str | None
    version: str = Field(description="The version that the reviewer had when it was written.")
    own: bool
    reply: str | None
    replied_at: datetime | None
    moderation: Literal["visible", "hidden"]
    moderation_reason: str | None = Field(description="Told to the reviewer and to those who moderate.")
    created_at: datetime
    updated_at: datetime


class ReviewPage(Page[ReviewOut]):
    """Reviews; with the first page, what all of them come to."""

    rating: Rating | None
    histogram: dict[str, int] | None = Field(description="How many reviews gave 1, 2, 3, 4 and 5 stars.")
