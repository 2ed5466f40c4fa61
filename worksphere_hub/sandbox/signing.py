"""Id tokens: a key for the life of the process, and who is signed in, as OpenID Connect says it."""

import base64
import json
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey


@cache
def _key() -> RSAKey:
    # Made when first needed: most uses of the sandbox never sign in by OpenID Connect.
    return RSAKey.generate_key(2048, {"kid": "sandbox", "use": "sig", "alg": "RS256"})


def signed(claims: dict[str, Any]) -> str:
    """A JWT of these claims, RS256."""
    return jwt.encode({"alg": "RS256", "kid": "sandbox", "typ": "JWT"}, claims, _key())


def keys() -> dict[str, Any]:
    """The public keys, as a JWKS."""
    return {"keys": [_key().as_dict(private=False)]}


def unproven(text: str) -> dict[str, Any]:
    """What a JWT claims, before anybody has proven it: its issuer says whose key to take. Raises ValueError."""
    parts = text.split(".")
    if len(parts) != 3:
        raise ValueError("a JWT has three parts")
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    if not isinstance(claims, dict):
        raise TypeError("the claims of a JWT are an object")
    return claims  # pyright: ignore[reportUnknownVariableType] - the keys of a JSON object are strings


def proven(text: str, public_key: str) -> bool:
    """Whether a JWT was signed, RS256, by the key of this PEM."""
    try:
        jwt.decode(text, RSAKey.import_key(public_key), algorithms=["RS256"])
    except (JoseError, ValueError):
        return False
    return True
