"""What a receiver does first: check that a message is the hub's, and is of now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from worksphere_hub import clock
from worksphere_hub.security import signing
from worksphere_hub.security.signing_ed25519 import PUBLIC_PREFIX, parse_public_key


@dataclass(frozen=True, slots=True)
class Message:
    """A verified message. `id` is the same in every try of it: what was done once need not be done again."""

    id: str
    body: bytes

    @property
    def payload(self) -> Any:
        """The body as JSON. Raises ValueError when it is none, or is compressed or encrypted."""
        return json.loads(self.body)

    @property
    def type(self) -> str | None:
        """The event's type; None if the endpoint's transform left it out."""
        return self._field("type")

    @property
    def timestamp(self) -> str | None:
        """When it happened, RFC 3339; None if the endpoint's transform left it out."""
        return self._field("timestamp")

    @property
    def data(self) -> Any:
        """The event's data; None if the endpoint's transform left it out."""
        return self._field("data")

    def _field(self, name: str) -> Any:
        payload: object = self.payload
        return cast("Mapping[str, Any]", payload).get(name) if isinstance(payload, Mapping) else None


def verify(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    tolerance: int = 300,
    *,
    now: float | None = None,
) -> Message:
    """Check a message by one or several `whsec_` secrets or `whpk_` public keys; `body` is the raw bytes that came.

    Header names may have any case. `tolerance` is in seconds to either side, `now` in seconds since 1970. Raises
    SignatureRefused with a `code`, or SecretRefused or KeyRefused for a key that is none.
    """
    given = [secrets] if isinstance(secrets, str) else secrets
    keys = [signing.parse_secret(text) for text in given if not text.startswith(PUBLIC_PREFIX)]
    public = [parse_public_key(text) for text in given if text.startswith(PUBLIC_PREFIX)]
    moment = clock.epoch() if now is None else now
    found = signing.verify(keys, headers, body, now=moment, tolerance=tolerance, public_keys=public)
    return Message(found, body)
