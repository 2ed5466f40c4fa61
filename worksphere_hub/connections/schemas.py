"""Shapes on the wire: connections, clients, authorizations, checks."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Strict = ConfigDict(extra="forbid")

Status = Literal["pending", "connected", "needs_reauthorization", "failing", "disconnected"]
Health = Literal["unknown", "healthy", "unhealthy"]
AuthType = Literal["oauth2", "api_key", "basic", "bearer", "custom", "none"]

_Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Acme's Slack"])]
_Method = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Fields = Annotated[
    dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=16_384)]],
    Field(max_length=50, description="What the way of authorizing asks for, by name. Sealed; never shown again."),
]
_Scopes = Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=200)]
_ReturnUrl = Annotated[
    str, Field(max_length=2_000, description="Where the browser goes afterwards: one of the organization's, exactly.")
]


class ConnectionCreate(BaseModel):
    """A connection to create."""

    model_config = _Strict
    instance_id: str
    name: _Name
    auth_method: Annotated[
        _Method | None, Field(description="One of the manifest's ways; needed where there are several.")
    ] = None
    scopes: Annotated[_Scopes | None, Field(description="Asked for beside the required ones; null: the defaults.")] = (
        None
    )
    credential: _Fields | None = None


class ConnectionUpdate(BaseModel):
    """Fields to change; what is left out stays."""

    model_config = _Strict
    name: _Name = ""
    enabled: bool = True


class CredentialEntry(BaseModel):
    """A credential to enter."""

    model_config = _Strict
    credential: _Fields


class AuthorizationRequest(BaseModel):
    """How an account's owner is to be asked."""

    model_config = _Strict
    scopes: _Scopes | None = None
    return_url: _ReturnUrl | None = None
    expires_in: Annotated[
        int | None,
        Field(ge=60, le=2_592_000, description="Seconds that the link is good; a day unless said otherwise."),
    ] = None


class AuthorizationOut(BaseModel):
    """How the account's owner authorizes: by opening `url`, or by typing `user_code` in at `verification_uri`."""

    kind: Literal["link", "device"]
    url: str | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    expires_at: datetime


class ConnectionOut(BaseModel):
    """A connection. Its credential is never shown here."""

    id: str
    instance_id: str
    name: str
    auth_method: str
    auth_type: AuthType
    account_label: str | None
    account_key: str | None
    requested_scopes: list[str] | None
    granted_scopes: list[str]
    missing_scopes: list[str] = Field(description="Required scopes that were not granted.")
    status: Status
    status_code: str | None
    status_reason: str | None
    enabled: bool
    health: Health
    health_code: str | None
    health_reason: str | None
    health_since: datetime
    checked_at: datetime | None
    last_used_at: datetime | None
    created_by: str | None
    created_at: datetime
    updated_at: datetime


class DisconnectOut(ConnectionOut):
    """A connection without a credential, and whether the provider has been told."""

    revoked: bool | None = Field(description="Null: the provider has no place to tell it.")


class CheckOut(BaseModel):
    """A check of a connection."""

    id: str
    connection_id: str
    cause: Literal["request", "sql", "schedule", "authorization"]
    state: Literal["queued", "done"]
    outcome: Literal["healthy", "unhealthy"] | None
    code: str | None
    reason: str | None
    status: int | None
    duration_ms: int | None
    created_at: datetime
    finished_at: datetime | None


class HealthChange(BaseModel):
    """A change of a connection's health."""

    health: Health
    code: str | None
    reason: str | None
    at: datetime


class Expiry(BaseModel):
    """Something that ends by itself."""

    kind: Literal["grant", "idle", "client_secret", "subscription"] = Field(
        description="grant: a person must authorize anew; idle: a refresh token that is not used by then (the hub uses "
        "it before); client_secret: the provider's app needs a new secret; subscription: the provider stops sending "
        "(the hub renews it before)."
    )
    connection_id: str | None
    client_id: str | None
    name: str
    expires_at: datetime


class RequestOut(BaseModel):
    """A call that was made through a connection, without its contents."""

    id: str
    method: str
    host: str
    path: str
    status: int | None
    outcome: Literal["ok", "error"]
    error_code: str | None
    attempts: int
    waited_ms: int
    duration_ms: int
    request_bytes: int
    response_bytes: int
    request_id: str | None
    caller: str | None


class RevealedCredential(BaseModel):
    """A raw credential. Handle it like one."""

    contents: dict[str, dict[str, Any]]


class ReturnUrls(BaseModel):
    """The only addresses that a browser is sent back to, word for word."""

    model_config = _Strict
    urls: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^\s\\@]+$", max_length=2_000)]], Field(max_length=100)
    ]


class ClientUpdate(BaseModel):
    """A client's id and secret, or private key."""

    model_config = _Strict
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: Annotated[str | None, Field(min_length=1, max_length=4_096)] = None
    private_key: Annotated[str | None, Field(max_length=16_384, description="PEM, for private_key_jwt.")] = None
    key_id: Annotated[str | None, Field(max_length=200)] = None
    secret_expires_at: datetime | None = None


class ClientCreate(ClientUpdate):
    """A client to register, for one instance or for all of an integration of one's own."""

    instance_id: str | None = None
    integration: Annotated[str | None, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = None
    auth_method: _Method

    @model_validator(mode="after")
    def _one_of_two(self) -> "ClientCreate":
        if (self.instance_id is None) == (self.integration is None):
            raise ValueError("give either instance_id or integration")
        return self


class ClientOut(BaseModel):
    """A client. Its secret is never shown."""

    id: str
    instance_id: str | None
    integration: str | None
    auth_method: str
    client_id: str
    has_secret: bool
    secret_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
