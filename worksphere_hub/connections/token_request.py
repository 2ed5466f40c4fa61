"""PURE: what is sent to a provider's token endpoint, for every grant and every way a client proves itself."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from worksphere_hub.connections.assertion import sign
from worksphere_hub.connections.errors import InvalidConnection
from worksphere_hub.sdk.manifest.auth import Assertion, OAuth2
from worksphere_hub.sdk.manifest.template import fill

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Client:
    """The provider's app: id, and secret or private key. `shared`: another organization's, so to fixed hosts only."""

    id: str
    secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    key_id: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """A form to post. Its secrets are nobody's business but the provider's."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for tokens, and with what: `values` fills templates, `now` is seconds since 1970."""

    method: OAuth2
    client: Client
    values: Mapping[str, Any] = field(repr=False)
    now: float

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> Post:
        """Trade an authorization code for tokens."""
        return self._token(
            {
                "grant_type": self.method.grant_type or "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )

    def renew(self, refresh_token: str, scopes: list[str]) -> Post:
        """Trade a refresh token. No redirect_uri: there are providers that refuse one here."""
        given = {name: fill(text, self.values) for name, text in self.method.refresh_parameters.items()}
        given |= {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if self.method.scope_on_refresh and scopes:
            given["scope"] = self.method.scope_separator.join(scopes)
        return self._post(fill(self.method.refresh_url or self.method.token_url, self.values), given)

    def obtain(self, scopes: list[str]) -> Post:
        """Ask for a token that needs nobody's consent: client credentials, or an assertion."""
        method = self.method
        if method.grant == "jwt_bearer":
            if method.assertion is None:
                raise InvalidConnection("The manifest declares no assertion for its JWT bearer grant.")
            given = {"grant_type": method.grant_type or _JWT_BEARER}
            given["assertion"] = sign(method.assertion, self._assertion_values(), self.now)
        else:
            given = {"grant_type": method.grant_type or "client_credentials"}
        if scopes:
            given["scope"] = method.scope_separator.join(scopes)
        return self._token(given)

    def begin_device(self, scopes: list[str]) -> Post:
        """Ask for a code that is typed in on another device (RFC 8628)."""
        if self.method.device_url is None:
            raise InvalidConnection("The manifest names no device_url for its device grant.")
        given = {"scope": self.method.scope_separator.join(scopes)} if scopes else {}
        return self._post(fill(self.method.device_url, self.values), given | {"client_id": self.client.id})

    def poll_device(self, device_code: str) -> Post:
        """Ask whether the code has been typed in."""
        return self._token({"grant_type": self.method.grant_type or _DEVICE, "device_code": device_code})

    def revoke(self, token: str, hint: str) -> Post | None:
        """Give a token back (RFC 7009); None where the provider has no place for that."""
        if self.method.revoke_url is None:
            return None
        return self._post(fill(self.method.revoke_url, self.values), {"token": token, "token_type_hint": hint})

    def _token(self, given: Mapping[str, str]) -> Post:
        extra = {name: fill(text, self.values) for name, text in self.method.token_parameters.items()}
        return self._post(fill(self.method.token_url, self.values), extra | dict(given))

    def _post(self, url: str, given: dict[str, str]) -> Post:
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        how, client = self.method.client_authentication, self.client
        if how == "basic" and client.secret:
            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            given["client_id"] = client.id
            if how == "private_key_jwt":
                given |= {"client_assertion_type": _CLIENT_ASSERTION, "client_assertion": self._client_assertion(url)}
            elif how == "post" and client.secret:
                given["client_secret"] = client.secret
        return Post(url, headers, urlencode(given, quote_via=quote).encode())

    def _client_assertion(self, url: str) -> str:
        """The client proves itself by a signature (RFC 7523), to the endpoint unless declared otherwise."""
        declared = self.method.assertion
        if declared is None or self.method.grant == "jwt_bearer":
            declared = Assertion(claims={"iss": "${client.id}", "sub": "${client.id}", "aud": "${client.audience}"})
        key_id = "${client.key_id}" if self.client.key_id else None
        used = declared.model_copy(update={"private_key": "${client.private_key}", "key_id": key_id})
        return sign(used, self._assertion_values(url), self.now)

    def _assertion_values(self, audience: str = "") -> Mapping[str, Any]:
        client = {
            "id": self.client.id,
            "private_key": self.client.private_key or "",
            "key_id": self.client.key_id or "",
            "audience": audience,
        }
        return {**self.values, "client": client}
