"""PURE: what an authorization is held together by: names of cookies, redirect URIs, states, the issuer."""

import hashlib
import re
import secrets
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from worksphere_hub.connections.errors import InsecureOrigin, WrongIssuer

CALLBACK = "/v1/oauth/callback/"
START = "/v1/oauth/start/"
LINK_PREFIX = "hub_link_"

_COOKIE = "hub-oauth-"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def integration_key(slug: str, owner: UUID, *, public: bool) -> str:
    """What stands in an integration's redirect URI.

    Each integration has one of its own, so that an answer meant for one cannot be passed off as another's (RFC 9700
    4.4); a private one has its owner in it, since anybody may call an integration of his own by a known name.
    """
    return slug if public else f"{slug}.{owner.hex}"


def new_token() -> str:
    """256 random bits in 43 characters: a state, or a browser's cookie."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is stored of such a token; of anything else a digest that no token has."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def is_token(text: str | None) -> bool:
    """Whether a text has the form of such a token."""
    return text is not None and _TOKEN.fullmatch(text) is not None


def cookie_name(state: str, *, secure: bool) -> str:
    """The cookie of one flow: several can be under way in one browser.

    With `__Host-` a browser takes it from this very host alone, over https; on loopback without TLS none could be set.
    """
    return f"{'__Host-' if secure else ''}{_COOKIE}{digest(state).hex()[:16]}"


def require_safe(base: str) -> bool:
    """Whether the hub's address is https; plain http passes on loopback alone. Raises InsecureOrigin."""
    parts = urlsplit(base)
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    if parts.scheme == "http" and (host == "localhost" or _is_loopback(host)):
        return False
    raise InsecureOrigin("Open the hub over https, or set HUB_CONNECTIONS_PUBLIC_URL to its https address.")


def require_issuer(expected: str | None, said: str | None) -> None:
    """Raises WrongIssuer unless the answer is from whom it should be (RFC 9207).

    `expected` is None where the provider does not say who it is; one that does anyway is not believed anything else.
    """
    if expected is not None and said != expected:
        raise WrongIssuer("The answer does not say that it comes from the provider that was asked. Begin anew.")


def returning(url: str, **facts: str | None) -> str:
    """A return URL with what became of the authorization; nothing secret."""
    known = {name: value for name, value in facts.items() if value is not None}
    base, mark, fragment = url.partition("#")
    return f"{base}{'&' if urlsplit(base).query else '?'}{urlencode(known)}{mark}{fragment}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
