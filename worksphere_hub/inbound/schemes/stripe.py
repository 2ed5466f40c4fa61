"""PURE: Stripe and what copies it: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `{t}.{body}`."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from worksphere_hub.inbound.schemes.scheme import (
    HeaderName,
    Received,
    Refused,
    Scheme,
    Verified,
    fingerprint,
    fit_id,
    fits,
    hex_hmac,
    signatures,
    text_at,
    whole_seconds,
)

_MOST_PARTS = 20


class Stripe(Scheme):
    """Stripe. Its secret is the endpoint's `whsec_...`, taken as the text it is."""

    scheme: Literal["stripe"]
    header: HeaderName = Field(
        default="Stripe-Signature", description="Calendly and others have their own name for it."
    )

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """One `v1` signature has to fit one secret."""
        parts = [part.partition("=") for part in received.required(self.header).split(",")]
        stamps = [value for name, _, value in parts if name == "t"]
        if len(stamps) != 1 or len(parts) > _MOST_PARTS:
            raise Refused("signature_malformed")
        received.within_tolerance(whole_seconds(stamps[0]))
        content = b"%s.%s" % (stamps[0].encode(), received.body)
        expected = signatures(secrets, content, hex_hmac)
        found = False
        for name, _, value in parts:
            found |= name == "v1" and fits(value, expected)
        if not found:
            raise Refused("signature_wrong")
        return Verified(fit_id(text_at(received.body, "/id")) or fingerprint(content))
