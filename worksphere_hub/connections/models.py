"""Connections as stored, and what is known of one when it is worked with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.connections.hosts import Hosts, hosts_of
from worksphere_hub.sdk.manifest.api import Verification
from worksphere_hub.sdk.manifest.auth import AuthMethod

# Where what somebody typed in is kept, beside the token slots.
ENTERED = "$entered"
MAIN = "main"
# The prefix of an instance's public id.
INSTANCE = "inst"


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as stored, without anything secret."""

    org: UUID
    id: UUID
    instance: UUID
    name: str
    auth_method: str
    auth_type: str
    account_label: str | None
    account_key: str | None
    requested_scopes: list[str] | None
    granted_scopes: list[str]
    missing_scopes: list[str]
    status: str
    status_code: str | None
    status_reason: str | None
    enabled: bool
    health: str
    health_code: str | None
    health_reason: str | None
    health_since: datetime
    checked_at: datetime | None
    last_used_at: datetime | None
    blocked_until: datetime | None
    created_by: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A credential as stored: sealed, with its times."""

    slot: str
    sealed: bytes = field(repr=False)
    version: int
    renewal: str | None
    obtained_at: datetime
    expires_at: datetime | None
    idle_seconds: int | None
    grant_expires_at: datetime | None
    dead_at: datetime | None
    failures: int
    retry_at: datetime | None
    fence: int
    intent_fence: int | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """A credential to be stored: its content (sealed by whoever stores it) and its times."""

    slot: str
    content: Mapping[str, Any] = field(repr=False)
    renewal: str | None = None
    obtained_at: datetime | None = None
    expires_at: datetime | None = None
    idle_seconds: int | None = None
    grant_expires_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A connection with its definition and what it holds, opened. `contents` is by slot."""

    connection: Connection
    definition: Definition
    method: AuthMethod
    held: Mapping[str, Held]
    contents: Mapping[str, Mapping[str, Any]] = field(repr=False)
    client_id: str | None = None

    def values(self, slot: str = MAIN) -> dict[str, Any]:
        """What templates are filled with, for one token slot."""
        captured: dict[str, Any] = {}
        for content in self.contents.values():
            captured |= content.get("captured", {})
        return {
            "settings": self.definition.settings,
            "credential": self.contents.get(ENTERED, {}).get("fields", {}),
            "token": self.contents.get(slot, {}),
            "captured": captured,
            "client": {"id": self.client_id} if self.client_id else {},
        }

    @property
    def verification(self) -> Verification | None:
        """The call that tells whether its credential works: the auth method's own, else the manifest's."""
        return self.method.verification or self.definition.manifest.verification

    def hosts(self, *, fixed_only: bool = False) -> Hosts:
        """Where its credential may go; `fixed_only` for what is not the organization's own."""
        return hosts_of(self.definition.manifest.hosts, self.values(), fixed_only=fixed_only)
