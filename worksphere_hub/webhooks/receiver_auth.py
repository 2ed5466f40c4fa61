"""How the hub shows a receiver who it is: Basic, Bearer, OAuth2 client credentials, a client certificate, or keys."""

import asyncio
import base64
from typing import Annotated, Literal
from urllib.parse import quote_plus, urlencode

import msgspec
from msgspec import Meta

from worksphere_hub import clock
from worksphere_hub.clouds.credentials import AwsKeys, ServiceAccount, SharedKey
from worksphere_hub.clouds.service_account import GoogleTokens, UnusableKey
from worksphere_hub.errors import FieldProblem
from worksphere_hub.security.client_identity import ClientIdentity, read_identity
from worksphere_hub.security.egress import EgressClient, EgressFailed
from worksphere_hub.security.headers import header_problem
from worksphere_hub.webhooks.errors import InvalidEndpoint

_Text = Annotated[str, Meta(min_length=1, max_length=4000)]
_Pem = Annotated[str, Meta(min_length=1, max_length=50_000)]

# A token is fetched anew when so many seconds of its life are left.
_MARGIN = 30.0
_LONGEST_LIFE = 86_400.0


class Basic(msgspec.Struct, tag_field="type", tag="basic", forbid_unknown_fields=True):
    """A user name and a password."""

    username: Annotated[str, Meta(min_length=1, max_length=500, pattern="^[^:]*$")]
    password: Annotated[str, Meta(max_length=2000)]


class Bearer(msgspec.Struct, tag_field="type", tag="bearer", forbid_unknown_fields=True):
    """A token."""

    token: _Text


class OAuth2(msgspec.Struct, tag_field="type", tag="oauth2", forbid_unknown_fields=True):
    """A client that gets itself tokens at `token_url` (RFC 6749, section 4.4)."""

    token_url: Annotated[str, Meta(min_length=8, max_length=2000)]
    client_id: _Text
    client_secret: _Text
    scope: Annotated[str, Meta(max_length=2000)] = ""
    audience: Annotated[str, Meta(max_length=2000)] = ""
    send_as: Literal["basic", "post"] = "basic"


class MutualTls(msgspec.Struct, tag_field="type", tag="mtls", forbid_unknown_fields=True):
    """A client certificate with its key, both PEM."""

    certificate: _Pem
    key: _Pem


Http = Basic | Bearer | OAuth2 | MutualTls
Credentials = Http | AwsKeys | ServiceAccount | SharedKey


class AuthFailed(Exception):
    """The hub got no token for the receiver. `detail` says why, without any part of a secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def read_credentials(raw: object) -> Credentials:
    """Check what somebody wants an endpoint to be shown. Raises InvalidEndpoint, which names the field."""
    try:
        credentials = msgspec.convert(raw, Credentials)
    except msgspec.ValidationError as error:
        # msgspec quotes no values, only paths and what was expected there.
        what = str(error).replace("`$.", "`auth.")
        raise InvalidEndpoint(f"auth: {what}.", problems=[FieldProblem("auth", what)]) from None
    if isinstance(credentials, MutualTls):
        read_identity(credentials.certificate.encode(), credentials.key.encode())
    elif isinstance(credentials, ServiceAccount):
        try:
            GoogleTokens(credentials)
        except UnusableKey:
            what = "is no RSA private key in PEM, as the account's JSON file has it"
            raise InvalidEndpoint(
                f"auth.private_key {what}.", problems=[FieldProblem("auth.private_key", what)]
            ) from None
    elif isinstance(credentials, Bearer) and (
        problem := header_problem("authorization", f"Bearer {credentials.token}")
    ):
        raise InvalidEndpoint(problem, problems=[FieldProblem("auth.token", problem)])
    return credentials


class ReceiverAuth:
    """The credentials of one endpoint at work."""

    def __init__(self, credentials: Http) -> None:
        self._credentials = credentials
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._expires = 0.0
        self.identity: ClientIdentity | None = None
        match credentials:
            case Basic(username, password):
                self._fixed: str | None = f"Basic {_base64(f'{username}:{password}')}"
            case Bearer(token):
                self._fixed = f"Bearer {token}"
            case MutualTls(certificate, key):
                self._fixed = None
                self.identity = read_identity(certificate.encode(), key.encode(), expired=True)
            case OAuth2():
                self._fixed = None

    async def header(self, egress: EgressClient) -> str | None:
        """The Authorization header to send, fetching a token if need be; None without one. Raises AuthFailed."""
        if not isinstance(self._credentials, OAuth2):
            return self._fixed
        # One fetch for all the deliveries that wait for a token.
        async with self._lock:
            if self._token is None or clock.monotonic() >= self._expires:
                self._token, life = await _fetch(egress, self._credentials)
                self._expires = clock.monotonic() + max(0.0, min(life, _LONGEST_LIFE) - _MARGIN)
            return f"Bearer {self._token}"

    def refused(self) -> None:
        """Hear that the receiver did not take the token: the next attempt fetches another."""
        self._token = None


async def _fetch(egress: EgressClient, client: OAuth2) -> tuple[str, float]:
    form = {"grant_type": "client_credentials"}
    if client.scope:
        form["scope"] = client.scope
    if client.audience:
        form["audience"] = client.audience
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if client.send_as == "basic":
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers["authorization"] = f"Basic {_base64(pair)}"
    else:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    try:
        reply = await egress.send("POST", client.token_url, headers=headers, body=urlencode(form).encode())
    except EgressFailed as failure:
        raise AuthFailed(f"The token endpoint did not answer: {failure.cause}.") from None
    if reply.status != 200:
        raise AuthFailed(f"The token endpoint answered {reply.status}.")
    try:
        answer = msgspec.json.decode(reply.body, type=_TokenAnswer)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise AuthFailed("The token endpoint's answer has no usable access_token.") from None
    if answer.token_type.lower() != "bearer" or header_problem("authorization", f"Bearer {answer.access_token}"):
        raise AuthFailed("The token endpoint gave a token that cannot be sent as a Bearer token.")
    return answer.access_token, answer.expires_in


class _TokenAnswer(msgspec.Struct):
    access_token: _Text
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind
    expires_in: float = 300.0


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
