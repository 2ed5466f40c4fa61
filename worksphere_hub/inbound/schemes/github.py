"""PURE: GitHub, and what copies it: `X-Hub-Signature-256: sha256=<hex>` over the body."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from worksphere_hub.inbound.schemes.scheme import (
    Received,
    Scheme,
    Verified,
    fit_id,
    hex_hmac,
    require_fit,
    signatures,
)


class GitHub(Scheme):
    """GitHub. It signs no time and not the delivery's id: the id tells repetitions, not a thief's."""

    scheme: Literal["github"]
    mints_secret: ClassVar[bool] = True

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Check the SHA-256 signature; the SHA-1 one beside it is not looked at."""
        expected = ["sha256=" + written for written in signatures(secrets, received.body, hex_hmac)]
        require_fit(received.required("x-hub-signature-256"), expected)
        return Verified(fit_id(received.header("x-github-delivery")))
