"""PURE: the URL that a browser is sent to so that an account's owner may agree. PKCE S256 without exception."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from worksphere_hub.connections.errors import InvalidConnection
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.sdk.manifest.template import fill

# What a manifest cannot set: whoever controls these controls where the code goes and who may redeem it.
RESERVED = frozenset(
    {"response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "request"}
)


@dataclass(frozen=True, slots=True)
class Journey:
    """One way to the provider and back."""

    client_id: str
    redirect_uri: str
    state: str
    verifier: str


def new_verifier() -> str:
    """A fresh PKCE verifier: 256 random bits in 43 characters."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(method: OAuth2, values: Mapping[str, Any], journey: Journey, scopes: Mapping[str, list[str]]) -> str:
    """Where the browser goes; `scopes` by slot. Raises InvalidConnection, TemplateFailed."""
    if method.authorize_url is None:
        raise InvalidConnection("The manifest names no authorize_url for this way of authorizing.")
    parameters = {
        name: fill(text, values) for name, text in method.authorize_parameters.items() if name not in RESERVED
    }
    for slot, names in scopes.items():
        if names:
            parameters[method.slots[slot].scope_parameter] = method.scope_separator.join(names)
    parameters |= {
        "response_type": "code",
        "client_id": journey.client_id,
        "redirect_uri": journey.redirect_uri,
        "state": journey.state,
        "code_challenge": challenge(journey.verifier),
        "code_challenge_method": "S256",
    }
    url = fill(method.authorize_url, values)
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters, quote_via=quote)}"
