"""A body encrypted to the receiver's own public key: a compact JWE (RFC 7516), which only the receiver can read."""

import warnings
from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from worksphere_hub.errors import FieldProblem, HubError

CONTENT_TYPE = "application/jose"

_SHORTEST_RSA = 2048
_LONGEST_RSA = 8192
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KNOWN = "an EC key on P-256, P-384 or P-521, an OKP key on X25519, or an RSA key of 2048 to 8192 bits"


class ReceiverKeyRefused(HubError):
    """This key cannot be encrypted to."""

    code = "encryption_key_refused"
    status = 422

    def __init__(self, what: str, field: str = "encryption_key") -> None:
        super().__init__(what, problems=[FieldProblem(field, what)])


class ReceiverKey:
    """A public key to encrypt to, and how."""

    __slots__ = ("header", "key")

    def __init__(self, key: ECKey | OKPKey | RSAKey, algorithm: str, kid: str | None) -> None:
        self.key = key
        self.header = {"alg": algorithm, "enc": "A256GCM", "cty": "application/json"}
        if kid is not None:
            self.header["kid"] = kid


def read_receiver_key(jwk: Mapping[str, Any]) -> ReceiverKey:
    """Check a public key (JWK, RFC 7517). Raises ReceiverKeyRefused."""
    if _PRIVATE & jwk.keys():
        raise ReceiverKeyRefused(
            "This is a private or secret key. Send the public one, and make a new pair: this one has been shown."
        )
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 1 <= len(kid) <= 200):
        raise ReceiverKeyRefused("A kid is a text of 1 to 200 characters.", "encryption_key.kid")
    if jwk.get("use", "enc") != "enc":
        raise ReceiverKeyRefused("The key is not for encryption: its use is another.", "encryption_key.use")
    try:
        # The library warns of what is refused below.
        with warnings.catch_warnings(action="ignore"):
            key = import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError):
        raise ReceiverKeyRefused(f"This is no usable JWK; give {_KNOWN}.") from None
    match key:
        case RSAKey() if _SHORTEST_RSA <= key.public_key.key_size <= _LONGEST_RSA:
            algorithm = "RSA-OAEP-256"
        case ECKey() if jwk.get("crv") in {"P-256", "P-384", "P-521"}:
            algorithm = "ECDH-ES+A256KW"
        case OKPKey() if jwk.get("crv") == "X25519":
            algorithm = "ECDH-ES+A256KW"
        case _:
            raise ReceiverKeyRefused(f"Nothing is encrypted to a key of this kind; give {_KNOWN}.")
    return ReceiverKey(key, algorithm, kid)


def encrypt(key: ReceiverKey, body: bytes) -> bytes:
    """Encrypt a body, under a content key of its own."""
    return jwe.encrypt_compact(dict(key.header), body, key.key, [key.header["alg"], key.header["enc"]]).encode()
