"""PURE: Slack: `X-Slack-Signature: v0=<hex>` over `v0:{timestamp}:{body}`, and its URL verification."""

from collections.abc import Sequence
from typing import Literal

from worksphere_hub.inbound.schemes.scheme import (
    Answer,
    Received,
    Scheme,
    Verified,
    fingerprint,
    fit_id,
    hex_hmac,
    require_fit,
    signatures,
    text_at,
    whole_seconds,
)


class Slack(Scheme):
    """Slack: events, slash commands and interactions. The secret is the app's signing secret."""

    scheme: Literal["slack"]

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Check the signature; a challenge is answered only when it is signed too."""
        stamp = received.required("x-slack-request-timestamp")
        given = received.required("x-slack-signature")
        received.within_tolerance(whole_seconds(stamp))
        content = b"v0:%s:%s" % (stamp.encode(), received.body)
        require_fit(given, ["v0=" + written for written in signatures(secrets, content, hex_hmac)])
        if text_at(received.body, "/type") == "url_verification":
            challenge = text_at(received.body, "/challenge") or ""
            return Verified(answer=Answer("text/plain; charset=utf-8", challenge.encode()))
        return Verified(fit_id(text_at(received.body, "/event_id")) or fingerprint(content))
