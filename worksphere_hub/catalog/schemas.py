"""Shapes on the wire: integrations and instances. (The marketplace's are in `market_schemas`.)"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.catalog.models import State, Tier, Visibility

_Strict = ConfigDict(extra="forbid")

Document = Annotated[
    dict[str, Any], Field(description="A manifest; docs/reference/manifest.schema.json has its shape.")
]
Settings = Annotated[dict[str, Any], Field(description="What the integration's manifest asks for in `settings`.")]
InstanceName = Annotated[str, Field(min_length=1, max_length=200, examples=["Help desk, Nairobi"])]
Environment = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["production", "staging"])]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the manifest that was shown.")]
Status = Literal["draft", "enabled", "disabled"]


class ProblemOut(BaseModel):
    """One thing wrong with one field."""

    field: str = Field(description="A dotted path.")
    message: str = Field(description="What is wrong with it and what to do.")


class IntegrationCreate(BaseModel):
    """An integration, or a new version of one, as a draft."""

    model_config = _Strict
    manifest: Document


class IntegrationUpdate(BaseModel):
    """A draft's new manifest."""

    model_config = _Strict
    manifest: Document
    digest: Digest | None = Field(default=None, description="Of the draft as it was read; refused if it changed since.")


class Withdrawal(BaseModel):
    """Why a version is withdrawn."""

    model_config = _Strict
    reason: Annotated[str, Field(min_length=3, max_length=500, description="Told to everybody who has it installed.")]
    stop: bool = Field(default=False, description="Also stop its instances: nothing goes through them any more.")


class IntegrationOut(BaseModel):
    """One version of an integration."""

    id: str
    slug: str
    version: str
    name: str
    category: str
    auth_types: list[str]
    tier: Tier
    state: State
    visibility: Visibility
    digest: str
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    stopped: bool
    created_at: datetime
    updated_at: datetime


class IntegrationWithManifest(IntegrationOut):
    """The same with its manifest."""

    manifest: dict[str, Any]


class Withdrawn(IntegrationOut):
    """A withdrawn version, and how many were told."""

    instances: int = Field(description="Instances, of all organizations, that use it and were told.")


class Verdict(BaseModel):
    """Whether a manifest can be taken, and everything that is wrong with it."""

    valid: bool
    problems: list[ProblemOut]
    digest: str
    tier: Tier | None = Field(description="The tier that it would have.")


class InstanceCreate(BaseModel):
    """An instance of an integration of one's own."""

    model_config = _Strict
    integration_id: str
    name: InstanceName | None = Field(default=None, description="The integration's own, unless given.")
    environment: Environment = "production"
    settings: Settings = {}
    enable: bool = Field(default=True, description="False leaves it a draft, whose settings may still be incomplete.")


class InstanceUpdate(BaseModel):
    """Fields to change; what is left out stays."""

    model_config = _Strict
    name: InstanceName = ""
    environment: Environment = ""
    settings: Settings = {}
    pinned: bool = False


class SettingsToCheck(BaseModel):
    """Settings to check instead of those stored."""

    model_config = _Strict
    settings: Settings | None = None


class Checked(BaseModel):
    """Whether settings keep to what the integration asks for."""

    valid: bool
    problems: list[ProblemOut]


class InstanceOut(BaseModel):
    """An installed integration."""

    id: str
    name: str
    environment: str
    status: Status = Field(description="What it was set to; see `stopped`.")
    settings: dict[str, Any]
    pinned: bool
    listing_id: str | None
    integration_id: str
    slug: str
    version: str
    digest: str
    withdrawn_reason: str | None = Field(description="Why the version was withdrawn, if it was.")
    stopped: bool = Field(description="The publisher has stopped this version: nothing goes through it.")
    can_roll_back: bool
    installed_by: str | None
    created_at: datetime
    updated_at: datetime


class Consequence(BaseModel):
    """What goes when an instance is uninstalled."""

    connections: int
    syncs: int = Field(description="Syncs that read from or write to one of the connections.")
    inbound_sources: int = Field(description="Inbound sources that belong to the instance.")
    sentence: str


class ScopeOut(BaseModel):
    """A permission that an account's owner is asked for."""

    name: str
    sentence: str
    method: str
    slot: str
    default: bool
    required: bool


class Names(BaseModel):
    """What came and what went."""

    added: list[str]
    removed: list[str]


class ScopeChanges(BaseModel):
    """Which permissions came and went."""

    added: list[ScopeOut]
    removed: list[ScopeOut]


class ChangedNames(Names):
    """What came, went, and is another than before."""

    changed: list[str]


class Difference(BaseModel):
    """What a version asks for that another did not."""

    hosts: Names
    scopes: ScopeChanges
    auth: ChangedNames
    settings: ChangedNames
    asks_for_more: bool = Field(description="New hosts, scopes or ways to authorize.")
    reconnect: bool = Field(description="Accounts have to be authorized again.")


class ChangeOut(BaseModel):
    """What one version brought."""

    version: str
    date: str
    changes: list[str]


class UpgradeOut(BaseModel):
    """What an upgrade would be. Confirm it with the digest."""

    available: bool
    pinned: bool
    from_version: str
    to_version: str | None
    digest: str | None
    difference: Difference | None
    changelog: list[ChangeOut]
    problems: list[ProblemOut] = Field(description="What is wrong with the settings, by the new version.")


class UpgradeConfirmed(BaseModel):
    """Agreement to an upgrade that was shown."""

    model_config = _Strict
    digest: Digest
    settings: Settings | None = Field(default=None, description="The settings from then on; those it has unless given.")
