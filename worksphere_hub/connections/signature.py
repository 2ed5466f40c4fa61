"""PURE: a request's own HMAC signature, as a manifest declares it."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.sdk.manifest.auth import Signature
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill

_DIGESTS = {"hmac-sha256": "sha256", "hmac-sha512": "sha512", "hmac-sha1": "sha1"}


def signed_values(
    signature: Signature, values: Mapping[str, Any], about: Mapping[str, str], body: bytes, now: float
) -> dict[str, Any]:
    """`{"signature": {"value", "timestamp"}}` for a request: `about` is its method, path and query.

    Raises CredentialUnusable when the key cannot be read or the body is no text and the message names it.
    """
    timestamp = stamp(signature, now)
    # A body that is no UTF-8 is signed as the bytes it is: surrogates carry them through the template.
    request = {**about, "body": body.decode("utf-8", "surrogateescape"), "timestamp": timestamp}
    try:
        message = fill(signature.message, {**values, "request": request})
        key = _key(signature, fill(signature.key, values))
    except TemplateFailed as failed:
        raise CredentialUnusable(f"The credential has no value for {failed.name}.") from None
    digest = hmac.digest(key, message.encode("utf-8", "surrogateescape"), _DIGESTS[signature.algorithm])
    value = digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()
    return {"signature": {"value": value, "timestamp": timestamp}}


def stamp(signature: Signature, now: float) -> str:
    """The moment of the signature as the provider wants it."""
    if signature.timestamp == "iso":
        return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(now * 1000) if signature.timestamp == "milliseconds" else int(now))


def _key(signature: Signature, text: str) -> bytes:
    try:
        if signature.key_encoding == "hex":
            return bytes.fromhex(text)
        if signature.key_encoding == "base64":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise CredentialUnusable(f"The signing key is not {signature.key_encoding}.") from None
    return text.encode()
