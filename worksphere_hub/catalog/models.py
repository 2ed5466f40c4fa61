"""Integrations, listings, instances and reviews as stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

State = Literal["draft", "published", "withdrawn"]
Visibility = Literal["private", "public"]
Tier = Literal["none", "bronze", "silver", "gold", "platinum"]


@dataclass(frozen=True, slots=True)
class Integration:
    """One version of an integration as stored, without its manifest."""

    org: UUID
    id: UUID
    slug: str
    version: str
    name: str
    category: str
    auth_types: list[str]
    digest: bytes
    tier: Tier
    state: State
    visibility: Visibility
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    stopped: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as stored. `integration` is its newest published version; `owned` tells whether it is one's own."""

    org: UUID
    id: UUID
    integration: UUID
    slug: str
    name: str
    version: str
    visibility: Visibility
    unlisted: bool
    owned: bool
    row: Any


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as stored, with the version that it uses."""

    org: UUID
    id: UUID
    name: str
    environment: str
    status: Literal["draft", "enabled", "disabled"]
    settings: dict[str, Any]
    pinned: bool
    listing: UUID | None
    previous: UUID | None
    previous_settings: dict[str, Any] | None
    installed_by: str | None
    integration: Integration
    created_at: datetime
    updated_at: datetime
