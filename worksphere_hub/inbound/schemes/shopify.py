"""PURE: Shopify: `X-Shopify-Hmac-Sha256: <base64>` over the body."""

from collections.abc import Sequence
from typing import Literal

from worksphere_hub.inbound.schemes.scheme import (
    Received,
    Scheme,
    Verified,
    base64_hmac,
    fit_id,
    require_fit,
    signatures,
)


class Shopify(Scheme):
    """Shopify. The secret is the app's client secret; it signs no time and not the ids."""

    scheme: Literal["shopify"]

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Check the signature. One event of a shop may come under several topics, each of which counts."""
        require_fit(received.required("x-shopify-hmac-sha256"), signatures(secrets, received.body, base64_hmac))
        event = received.header("x-shopify-event-id")
        topic = received.header("x-shopify-topic") or ""
        return Verified(fit_id(f"{event}:{topic}" if event else received.header("x-shopify-webhook-id")))
