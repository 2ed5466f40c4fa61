"""Organizations, people and their credentials as stored; no secret and no digest is among the fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from worksphere_hub.security.redact import Secret

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant."""

    id: UUID
    slug: str
    name: str
    operator: bool
    created_at: datetime
    suspended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Role:
    """A name for a set of permissions."""

    name: str
    permissions: Sequence[str]
    built_in: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A person as a member of an organization."""

    person: UUID
    email: str
    name: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody who is asked to become a member."""

    id: UUID
    email: str
    role: str
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for a program. `expires_soon`: within 30 days."""

    id: UUID
    key_id: str
    name: str
    last4: str
    scopes: Sequence[str]
    created_by: UUID | None
    rate_limit: int | None
    created_at: datetime
    expires_at: datetime
    expires_soon: bool
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key is to be; None for `scopes` is all that may be given, for `days` the usual life."""

    name: str
    scopes: Sequence[str] | None = None
    days: int | None = None
    rate_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One place where a person is signed in."""

    id: UUID
    ip: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with who is signed in, where, and as what."""

    id: UUID
    expires_at: datetime
    person: UUID
    email: str
    name: str
    role: str
    permissions: Sequence[str]
    organization: UUID
    organization_slug: str
    organization_name: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, and what came of it."""

    id: UUID
    actor_kind: str
    actor_id: str | None
    acting_org: UUID | None
    action: str
    target_kind: str
    target_id: str | None
    result: str
    changes: Mapping[str, Any]
    ip: str | None
    user_agent: str | None
    request_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shown(Generic[Thing]):
    """Something new, with the secret that belongs to it and is shown this once."""

    thing: Thing
    secret: Secret
