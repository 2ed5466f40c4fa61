"""PURE: Standard Webhooks, `v1` (HMAC-SHA256 under a `whsec_`) and `v1a` (ed25519 under a `whpk_`)."""

import base64
import binascii
from collections.abc import Sequence
from typing import ClassVar, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from worksphere_hub.inbound.schemes.scheme import (
    Received,
    Refused,
    Scheme,
    Verified,
    WeakSecret,
    base64_hmac,
    fit_id,
    fits,
    whole_seconds,
)
from worksphere_hub.security.signing import SecretRefused, parse_secret

PUBLIC_PREFIX = "whpk_"
_MOST_SIGNATURES = 20


class StandardWebhooks(Scheme):
    """Standard Webhooks: what Svix, Clerk, Resend, OpenAI, Supabase and this hub itself send."""

    scheme: Literal["standard"]
    mints_secret: ClassVar[bool] = True

    def check_secret(self, secret: str) -> None:
        """Take a `whsec_` secret or a `whpk_` public key."""
        try:
            if secret.startswith(PUBLIC_PREFIX):
                _public_key(secret)
            else:
                parse_secret(secret)
        except (SecretRefused, ValueError):
            raise WeakSecret("is `whsec_` and base64 of 24 to 64 bytes, or `whpk_` and base64 of 32 bytes") from None

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """One signature has to fit one key."""
        # Svix, where the standard comes from, still sends its own three names; one set of them, never a mixture.
        brand = "webhook" if received.header("webhook-signature") is not None else "svix"
        message_id = received.required(f"{brand}-id")
        stamp = received.required(f"{brand}-timestamp")
        listed = received.required(f"{brand}-signature").split(" ")
        # A dot would let one signature cover two different messages.
        if "." in message_id or not message_id.isascii() or len(listed) > _MOST_SIGNATURES:
            raise Refused("signature_malformed")
        received.within_tolerance(whole_seconds(stamp))
        content = b"%s.%s.%s" % (message_id.encode(), stamp.encode(), received.body)
        expected = ["v1," + base64_hmac(parse_secret(key), content) for key in secrets if not _is_public(key)]
        publics = [_public_key(key) for key in secrets if _is_public(key)]
        found = False
        for given in listed:
            found |= fits(given, expected)
            found |= any(_signed(key, given, content) for key in publics)
        if not found:
            raise Refused("signature_wrong")
        return Verified(fit_id(message_id))


def _is_public(secret: str) -> bool:
    return secret.startswith(PUBLIC_PREFIX)


def _public_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix(PUBLIC_PREFIX), validate=True))


def _signed(key: Ed25519PublicKey, given: str, content: bytes) -> bool:
    version, _, encoded = given.partition(",")
    if version != "v1a":
        return False
    try:
        signature = base64.b64decode(encoded, validate=True)
        # 64 bytes leave four bits over in base64: only the spelling with zeros there counts.
        if binascii.b2a_base64(signature, newline=False).decode() != encoded:
            return False
        key.verify(signature, content)
    except (ValueError, InvalidSignature):
        return False
    return True
