"""PURE: signed JWTs, for the JWT bearer grant and for private_key_jwt."""

import secrets
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.sdk.manifest.auth import Assertion
from worksphere_hub.sdk.manifest.template import fill


def sign(assertion: Assertion, values: Mapping[str, Any], now: float) -> str:
    """The compact JWT; `now` in seconds since 1970. Raises CredentialUnusable, TemplateFailed."""
    claims: dict[str, Any] = {name: fill(text, values) for name, text in assertion.claims.items()}
    claims |= {"iat": int(now), "exp": int(now) + assertion.lifetime_seconds, "jti": secrets.token_urlsafe(16)}
    header = {"alg": assertion.algorithm, "typ": "JWT"}
    if assertion.key_id is not None:
        header["kid"] = fill(assertion.key_id, values)
    # Keys are pasted from files in which line ends are written as \n.
    pem = fill(assertion.private_key, values).replace("\\n", "\n")
    kind = RSAKey if assertion.algorithm == "RS256" else ECKey
    try:
        return jwt.encode(header, claims, kind.import_key(pem), algorithms=[assertion.algorithm])
    except (JoseError, ValueError, TypeError):
        raise CredentialUnusable(
            f"The private key cannot sign {assertion.algorithm}: it must be a PEM key of that kind."
        ) from None
