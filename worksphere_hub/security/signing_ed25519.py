"""Standard Webhooks v1a: ed25519 over `{id}.{timestamp}.{body}`, for receivers who want to hold no secret.

A signing key is written `whsk_` and the base64 of its 32-byte seed followed by its 32-byte public key, a public key
`whpk_` and the base64 of its 32 bytes.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from worksphere_hub.errors import FieldProblem, HubError

SIGNING_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
VERSION = "v1a"


class KeyRefused(HubError):
    """This is not a usable ed25519 key."""

    code = "webhook_key_refused"
    status = 422

    def __init__(self, what: str, field: str = "key") -> None:
        super().__init__(what, problems=[FieldProblem(field, what)])


class PublicKey:
    """What verifies v1a signatures."""

    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @property
    def text(self) -> str:
        """`whpk_` and base64."""
        return PUBLIC_PREFIX + base64.b64encode(self.raw).decode()

    def jwk(self) -> dict[str, str]:
        """The key for a JWKS (RFC 8037); its `kid` is its thumbprint (RFC 7638)."""
        x = _base64url(self.raw)
        thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": _base64url(thumbprint), "use": "sig", "alg": "EdDSA"}

    def fits(self, signature: bytes, content: bytes) -> bool:
        """Whether this key's owner signed this content."""
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """What makes v1a signatures. Its representation shows nothing of it."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def public_text(self) -> str:
        """The public half as `whpk_` and base64."""
        return self.public.text

    def signature(self, content: bytes) -> str:
        """`v1a,` and base64."""
        return f"{VERSION},{base64.b64encode(self._key.sign(content)).decode()}"


def new_signing_key() -> str:
    """Mint a signing key."""
    key = Ed25519PrivateKey.generate()
    pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return SIGNING_PREFIX + base64.b64encode(pair).decode()


def parse_signing_key(text: str) -> SigningKey:
    """Read a `whsk_` key: a seed with or without its public key. Raises KeyRefused."""
    raw = _decode(text, SIGNING_PREFIX)
    if len(raw) not in {32, 64}:
        raise KeyRefused(f"The key holds {len(raw)} bytes; an ed25519 signing key has 32, or 64 with its public key.")
    key = SigningKey(raw[:32])
    if len(raw) == 64 and raw[32:] != key.public.raw:
        raise KeyRefused("The public half of the key does not belong to its private half.")
    return key


def parse_public_key(text: str) -> PublicKey:
    """Read a `whpk_` key. Raises KeyRefused."""
    raw = _decode(text, PUBLIC_PREFIX)
    if len(raw) != 32:
        raise KeyRefused(f"The key holds {len(raw)} bytes; an ed25519 public key has 32.")
    return PublicKey(raw)


def _decode(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise KeyRefused(f"The key starts with {prefix} and goes on in base64.")
    encoded = text[len(prefix) :].rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise KeyRefused(f"What follows {prefix} is not base64 (A-Z a-z 0-9 + /).") from None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
