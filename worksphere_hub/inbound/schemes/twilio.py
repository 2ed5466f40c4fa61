"""PURE: Twilio: `X-Twilio-Signature: <base64 SHA-1>` over the URL and the form, or a digest of the JSON."""

import hashlib
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from worksphere_hub.inbound.schemes.scheme import (
    Received,
    Refused,
    Scheme,
    Verified,
    base64_hmac,
    fingerprint,
    fit_id,
    fits,
    parameters,
    require_fit,
)

_PORTS = {"https": 443, "http": 80}


class Twilio(Scheme):
    """Twilio. The secret is the account's auth token. What it signs is the address, so the hub has to know its own."""

    scheme: Literal["twilio"]

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """The signature has to fit one of the spellings of the address, with the default port and without."""
        given = received.required("x-twilio-signature")
        signed = self._signed_parameters(received)
        expected = [
            base64_hmac(secret.encode(), (url + signed).encode(), "sha1")
            for secret in secrets
            for each in received.urls
            for url in _spellings(each)
        ]
        require_fit(given, expected)
        token = received.header("i-twilio-idempotency-token")
        return Verified(fit_id(token) or fingerprint(given.encode()))

    def _signed_parameters(self, received: Received) -> str:
        digest = received.parameter("bodySHA256")
        if digest is not None:
            if not fits(digest, [hashlib.sha256(received.body).hexdigest()]):
                raise Refused("signature_wrong")
            return ""
        content_type = (received.header("content-type") or "").partition(";")[0].strip().lower()
        if received.body and content_type != "application/x-www-form-urlencoded":
            # Its body would be covered by nothing.
            raise Refused("signature_malformed")
        # Sorted by name, then value, each pair once: as Twilio's own libraries write it.
        return "".join(name + value for name, value in sorted(set(parameters(received.body))))


def _spellings(url: str) -> list[str]:
    """The address as it is, and with the default port put in or taken out: Twilio is not of one mind about it."""
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme)
    if port is None or parts.hostname is None:
        return [url]
    if parts.netloc.endswith(f":{port}"):
        return [url, parts._replace(netloc=parts.netloc.removesuffix(f":{port}")).geturl()]
    if parts.port is None:
        return [url, parts._replace(netloc=f"{parts.netloc}:{port}").geturl()]
    return [url]
