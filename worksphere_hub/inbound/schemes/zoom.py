"""PURE: Zoom: `x-zm-signature: v0=<hex>` over `v0:{timestamp}:{body}`, and its validation of the URL."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from worksphere_hub.inbound.schemes.scheme import (
    Answer,
    Received,
    Scheme,
    Verified,
    fingerprint,
    hex_hmac,
    require_fit,
    signatures,
    text_at,
    whole_seconds,
)


class Zoom(Scheme):
    """Zoom. The secret is the app's secret token."""

    scheme: Literal["zoom"]

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Check the signature; the validation, every 72 hours, is answered too."""
        stamp = received.required("x-zm-request-timestamp")
        given = received.required("x-zm-signature")
        received.within_tolerance(whole_seconds(stamp))
        content = b"v0:%s:%s" % (stamp.encode(), received.body)
        expected = ["v0=" + written for written in signatures(secrets, content, hex_hmac)]
        require_fit(given, expected)
        if text_at(received.body, "/event") == "endpoint.url_validation":
            plain = text_at(received.body, "/payload/plainToken") or ""
            # Under the secret that Zoom signed with: it compares with the one it has.
            secret = secrets[expected.index(given)]
            answer = {"plainToken": plain, "encryptedToken": hex_hmac(secret.encode(), plain.encode())}
            return Verified(answer=Answer("application/json", msgspec.json.encode(answer)))
        # A retry has a new timestamp in its header and the old one, in milliseconds, in its body.
        told = text_at(received.body, "/event_ts") is not None
        return Verified(fingerprint(received.body) if told else fingerprint(content))
