"""Shapes on the wire: organizations, people and their credentials."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

_Strict = ConfigDict(extra="forbid")
# ASCII, so that no two addresses look alike; what is before and after the @ is the mail servers' business.
_ROLE_NAME = r"^[a-z][a-z0-9-]{0,39}$"
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\Z")


ROLE_NAME = re.compile(_ROLE_NAME)


def _email(text: str) -> str:
    if _EMAIL.match(text) is None:
        raise ValueError("must be an e-mail address, e.g. ana@example.com")
    return text.lower()


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Small letters, digits and dashes; chosen once.",
        examples=["acme"],
    ),
]
Email = Annotated[str, Field(min_length=3, max_length=254, examples=["ana@example.com"]), AfterValidator(_email)]
RoleName = Annotated[str, Field(pattern=_ROLE_NAME, examples=["developer"])]
Permissions = Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=100)]
Password = Annotated[SecretStr, Field(max_length=1024, description="10 to 256 characters.")]


class OrganizationCreate(BaseModel):
    """An organization to create."""

    model_config = _Strict
    slug: Slug
    name: Name
    owner_email: Annotated[
        Email | None, Field(description="Invites the first owner; the answer holds the invitation's code.")
    ] = None


class OrganizationUpdate(BaseModel):
    """A new name."""

    model_config = _Strict
    name: Name


class OrganizationOut(BaseModel):
    """An organization."""

    id: str
    slug: str
    name: str
    operator: bool = Field(description="It runs the hub: its keys and people may act for other organizations.")
    created_at: datetime
    suspended_at: datetime | None


class InvitationCreate(BaseModel):
    """Somebody to invite."""

    model_config = _Strict
    email: Email
    role: RoleName


class InvitationOut(BaseModel):
    """Somebody who is asked to become a member."""

    id: str
    email: str
    role: str
    invited_by: str | None
    created_at: datetime
    expires_at: datetime


class InvitationCreated(InvitationOut):
    """A new invitation with its code, which is shown this once: pass it on to the person."""

    code: str


class OrganizationCreated(OrganizationOut):
    """A new organization, and the invitation of its first owner if one was asked for."""

    owner_invitation: InvitationCreated | None


class InvitationAccept(BaseModel):
    """What somebody who is invited sends."""

    model_config = _Strict
    code: Annotated[SecretStr, Field(max_length=200)]
    name: Annotated[Name, Field(description="Your name; ignored if you have an account already.")]
    password: Annotated[Password, Field(description="A new one, or that of your account if you have one already.")]


class MemberOut(BaseModel):
    """A person as a member."""

    id: str
    email: str
    name: str
    role: str
    created_at: datetime


class MemberUpdate(BaseModel):
    """Another role."""

    model_config = _Strict
    role: RoleName


class RoleCreate(BaseModel):
    """A role to create."""

    model_config = _Strict
    name: RoleName
    permissions: Permissions


class RoleOut(BaseModel):
    """A name for a set of permissions."""

    name: str
    permissions: list[str]
    built_in: bool
    created_at: datetime


class KeyCreate(BaseModel):
    """An API key to create."""

    model_config = _Strict
    name: Name
    scopes: Annotated[
        Permissions | None, Field(description="What it may do; left out: all that you may and a key can.")
    ] = None
    expires_in_days: Annotated[int | None, Field(ge=1, le=36_500, description="Left out: a year; two at most.")] = None
    rate_limit: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="Requests a second; left out: the hub's usual limit.")
    ] = None


class KeyOut(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    key_id: str = Field(description="The part of the key that may be seen.")
    last4: str
    scopes: list[str] = Field(description="It may do these as long as whoever made it may, too.")
    created_by: str | None
    rate_limit: int | None
    created_at: datetime
    expires_at: datetime
    expires_soon: bool = Field(description="Within 30 days.")
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class KeyCreated(KeyOut):
    """A new API key, which is shown this once."""

    key: str


class SignIn(BaseModel):
    """What somebody who signs in sends."""

    model_config = _Strict
    email: Annotated[str, Field(max_length=254)]
    password: Annotated[SecretStr, Field(max_length=1024)]
    organization: Annotated[
        str | None, Field(max_length=63, description="Its slug; needed by members of several organizations.")
    ] = None


class PersonOut(BaseModel):
    """A person."""

    id: str
    email: str
    name: str


class OrganizationShort(BaseModel):
    """An organization, in short."""

    id: str
    slug: str
    name: str


class SignedInOut(BaseModel):
    """Who is signed in, where, and as what."""

    id: str
    expires_at: datetime
    person: PersonOut
    organization: OrganizationShort
    role: str
    permissions: list[str]


class SignedInCreated(SignedInOut):
    """A new session with its token, which is shown this once."""

    token: str


class SessionOut(BaseModel):
    """One place where one is signed in."""

    id: str
    current: bool
    ip: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class PasswordChange(BaseModel):
    """A new password, and the one so far."""

    model_config = _Strict
    current_password: Annotated[SecretStr, Field(max_length=1024)]
    new_password: Password


class AuditEntryOut(BaseModel):
    """Who did what to what, from where, and what came of it."""

    id: str
    actor_kind: Literal["person", "api_key", "system", "cli"]
    actor_id: str | None
    acting_organization_id: str | None = Field(description="The operator's organization, when it acted for this one.")
    action: str
    target_kind: str
    target_id: str | None
    result: Literal["done", "refused"]
    changes: Mapping[str, list[Any]] = Field(description="Fields before and after; never a secret.")
    ip: str | None
    user_agent: str | None
    request_id: str | None
    created_at: datetime
