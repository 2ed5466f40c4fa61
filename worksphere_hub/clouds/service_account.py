"""Google's tokens: signed by the service account itself, so that no token has to be fetched."""

import base64
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from worksphere_hub.clouds.credentials import ServiceAccount

_LIFE = 3600
# A token serves for half of its life: a signature costs a millisecond of a core.
_USE = 1800


class UnusableKey(ValueError):
    """The private key is no RSA key in PEM, as the account's JSON file has it."""


class GoogleTokens:
    """One service account's tokens, the last of each audience kept."""

    def __init__(self, account: ServiceAccount) -> None:
        """Raises UnusableKey."""
        self._account = account
        self._key = _read(account.private_key)
        self._made: dict[str, tuple[int, str]] = {}

    def token(self, audience: str, now: datetime) -> str:
        """A token for a service, good for at least half an hour from `now`."""
        begun = int(now.timestamp()) // _USE * _USE
        known = self._made.get(audience)
        if known is None or known[0] != begun:
            known = self._made[audience] = (begun, self._sign(audience, begun))
        return known[1]

    def _sign(self, audience: str, begun: int) -> str:
        account = self._account
        header = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
        claims = {"iss": account.client_email, "sub": account.client_email, "aud": audience,
                  "iat": begun, "exp": begun + _LIFE}  # fmt: skip
        signed = b".".join(_base64url(msgspec.json.encode(part)) for part in (header, claims))
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64url(signature)).decode()


def _read(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnusableKey
    return key


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
