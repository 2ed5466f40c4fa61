"""How an integration's accounts are authorized: the five types, each as data."""

from typing import Annotated, Literal

from pydantic import Field

from worksphere_hub.sdk.manifest.api import Verification
from worksphere_hub.sdk.manifest.kinds import Expression, JsonSchema, Line, Name, Part, Seconds, Template


class Scope(Part):
    """One permission that an account's owner is asked for, and the plain sentence that says what it allows."""

    sentence: Line
    # Asked for unless the instance says otherwise.
    default: bool = True
    # Without it the connection cannot work at all.
    required: bool = False
    # Whether the provider names it among what it granted; Entra never does with `offline_access`.
    echoed: bool = True
    # The token slot that it belongs to.
    slot: Name = "main"


class Placement(Part):
    """Where a credential goes in a request. `value` may name `${credential.*}`, `${token.*}`, `${captured.*}`."""

    where: Literal["header", "query"] = "header"
    name: Annotated[str, Field(min_length=1, max_length=100)]
    value: Template


class Slot(Part):
    """One set of tokens in a token answer. Most providers give one, `main`; Slack gives a bot's and a user's.

    The expressions are evaluated on the token answer; they say where each value stands.
    """

    access_token: Expression = "access_token"
    refresh_token: Expression = "refresh_token"
    expires_in: Expression = "expires_in"
    scope: Expression = "scope"
    # The parameter of the authorize URL that asks for this slot's scopes.
    scope_parameter: Annotated[str, Field(min_length=1, max_length=60)] = "scope"


class Lifetimes(Part):
    """How long tokens live, where the provider's answers do not say."""

    access_seconds: Seconds | None = None
    # A refresh token that is not used for this long is dead: the hub uses it before.
    refresh_idle_seconds: Seconds | None = None
    # A refresh token lives this long in all, whatever it is used for.
    refresh_seconds: Seconds | None = None


class TokenErrors(Part):
    """How a refusal by the token endpoint is told and what it means; the standard's own codes need no entry."""

    # True of an answer with status 200 that is a refusal all the same, as Slack's `ok = false`.
    refused: Expression | None = None
    code: Expression = "error"
    # Codes after which only a person can help, besides invalid_grant.
    dead: list[str] = []


class Assertion(Part):
    """The signed JWT of the JWT bearer grant and of private_key_jwt. Claims may name settings and credential fields."""

    algorithm: Literal["RS256", "ES256"] = "RS256"
    claims: dict[str, Template]
    lifetime_seconds: Annotated[int, Field(ge=30, le=3_600)] = 180
    # Templates of the PEM key and, where there is one, of its id.
    private_key: Template = "${credential.private_key}"
    key_id: Template | None = None


class _Method(Part):
    """What every way of authorizing has. `fields` is what is entered, `place` where it goes."""

    label: Line
    description: Line | None = None
    # Of an object of texts. A field with `"writeOnly": true` is a secret; all of them are sealed.
    fields: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}
    place: list[Placement] = []
    # Where the manifest's own call does not do for accounts that were authorized this way.
    verification: Verification | None = None


class OAuth2(_Method):
    """OAuth 2. The client (id and secret) is the instance's; `fields` is for what a grant needs besides."""

    type: Literal["oauth2"]
    grant: Literal["authorization_code", "client_credentials", "jwt_bearer", "device_code"] = "authorization_code"
    # The value of `grant_type` where the provider has a word of its own.
    grant_type: Line | None = None
    authorize_url: Template | None = None
    token_url: Template
    refresh_url: Template | None = None
    revoke_url: Template | None = None
    device_url: Template | None = None
    # Who the provider says it is. Where `sends_issuer`, an answer without the right `iss` is refused (RFC 9207).
    issuer: Template | None = None
    sends_issuer: bool = False
    client_authentication: Literal["basic", "post", "none", "private_key_jwt"] = "basic"
    scope_separator: Annotated[str, Field(min_length=1, max_length=1)] = " "
    scopes: dict[str, Scope] = {}
    authorize_parameters: dict[str, Template] = {}
    token_parameters: dict[str, Template] = {}
    refresh_parameters: dict[str, Template] = {}
    # Whether the scopes are said again on refresh.
    scope_on_refresh: bool = False
    # What becomes of a refresh token that was used: it stays, a new one comes, or its reuse revokes all of them.
    rotation: Literal["none", "rotating", "family"] = "none"
    slots: dict[Name, Slot] = {"main": Slot()}
    lifetimes: Lifetimes = Lifetimes()
    errors: TokenErrors = TokenErrors()
    # Kept from the token answer, as `${captured.*}`; the claims of an id_token are in it as `id_token_claims`.
    capture: dict[Name, Expression] = {}
    assertion: Assertion | None = None
    place: list[Placement] = [Placement(name="authorization", value="Bearer ${token.access_token}")]


class ApiKey(_Method):
    """One or several keys, in headers or the query."""

    type: Literal["api_key"]


class Basic(_Method):
    """A name and a password; either may be fixed or made of a field, as providers ask that take a key as the name."""

    type: Literal["basic"]
    username: Template = "${credential.username}"
    password: Template = "${credential.password}"


class Bearer(_Method):
    """A token that was made by hand and does not change."""

    type: Literal["bearer"]
    token: Template = "${credential.token}"


class Step(Part):
    """One request of a custom exchange; its URL and values may name what earlier steps captured."""

    name: Name
    method: Literal["GET", "POST", "PUT"] = "POST"
    url: Template
    headers: dict[str, Template] = {}
    query: dict[str, Template] = {}
    form: dict[str, Template] | None = None
    json_body: dict[str, Template] | None = None
    # True of the answer (its JSON) when the step worked; any 2xx unless said otherwise.
    worked: Expression | None = None
    capture: dict[Name, Expression] = {}


class Signature(Part):
    """A request's own signature. `message` may name `${request.method}`, `.path`, `.query`, `.body`, `.timestamp`."""

    algorithm: Literal["hmac-sha256", "hmac-sha512", "hmac-sha1"] = "hmac-sha256"
    key: Template
    key_encoding: Literal["text", "base64", "hex"] = "text"
    message: Template
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: Literal["seconds", "milliseconds", "iso"] = "seconds"


class Custom(_Method):
    """Anything else, declared: steps that exchange what was entered for something short-lived, and a signature.

    What the steps capture is `${captured.*}`; the signature is `${signature.value}`, made at `${signature.timestamp}`.
    """

    type: Literal["custom"]
    steps: list[Step] = []
    # How long what the steps captured may be used; an expression on the last answer, or a number of seconds.
    expires_in: Expression | None = None
    lifetime_seconds: Seconds | None = None
    signature: Signature | None = None


class NoAuth(_Method):
    """Nothing to authorize: a public API."""

    type: Literal["none"]


AuthMethod = Annotated[OAuth2 | ApiKey | Basic | Bearer | Custom | NoAuth, Field(discriminator="type")]
