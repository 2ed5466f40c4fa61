"""PURE: HMAC in any of the ways that providers have thought of."""

import base64
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from worksphere_hub.inbound.schemes.scheme import (
    SHORTEST_SECRET,
    HeaderName,
    Identified,
    Received,
    Refused,
    Verified,
    WeakSecret,
    base64_hmac,
    fingerprint,
    hex_hmac,
    require_fit,
    whole_seconds,
)

_PLACES = re.compile(r"\{([a-z]*)\}")
_KNOWN = {"body", "timestamp", "id"}


class Hmac(Identified):
    """HMAC over the raw body, alone or in a template with a timestamp and an id, in a header of any name."""

    scheme: Literal["hmac"]
    header: HeaderName = Field(description="Header with the signature.")
    prefix: Annotated[str, Field(max_length=64, description="What stands before it in the header.")] = ""
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    key_encoding: Annotated[
        Literal["text", "hex", "base64"],
        Field(description="Whether the secret is the key itself, or its hex or base64."),
    ] = "text"
    timestamp_header: HeaderName | None = None
    timestamp_unit: Literal["seconds", "milliseconds"] = "seconds"
    template: Annotated[
        str,
        Field(
            max_length=200,
            description="What is signed: text with `{body}` once, and `{timestamp}` and `{id}` where they are signed.",
            examples=["{timestamp}.{body}"],
        ),
    ] = "{body}"

    mints_secret: ClassVar[bool] = True

    @model_validator(mode="after")
    def _covers(self) -> Self:
        places = _PLACES.findall(self.template)
        if set(places) - _KNOWN or places.count("body") != 1:
            raise ValueError("template has {body} once, and besides it {timestamp} and {id} at most")
        if ("timestamp" in places) != (self.timestamp_header is not None):
            raise ValueError(
                "a timestamp counts only when it is signed: give timestamp_header and {timestamp}, or none"
            )
        if "id" in places and self.id_header is None:
            raise ValueError("{id} in the template needs id_header")
        return self

    def check_secret(self, secret: str) -> None:
        """Take text, or hex or base64 of enough bytes."""
        super().check_secret(secret)
        try:
            enough = len(self._key(secret)) >= SHORTEST_SECRET
        except ValueError:
            enough = False
        if not enough:
            raise WeakSecret(f"is {self.key_encoding} of at least {SHORTEST_SECRET} bytes")

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Check prefix, time and signature, in that order."""
        challenge = self.challenge(received)
        if challenge is not None:
            return challenge
        given = received.required(self.header)
        content = self._content(received)
        write = hex_hmac if self.encoding == "hex" else base64_hmac
        keys = [self._key(secret) for secret in secrets]
        require_fit(given, [self.prefix + write(key, content, self.algorithm) for key in keys])
        event_id = self.identity(received)
        if event_id is None and self.timestamp_header is not None:
            event_id = fingerprint(content)
        return Verified(event_id)

    def _content(self, received: Received) -> bytes:
        values = {"body": received.body}
        if self.timestamp_header is not None:
            stamp = received.required(self.timestamp_header)
            per_second = 1000 if self.timestamp_unit == "milliseconds" else 1
            received.within_tolerance(whole_seconds(stamp) / per_second)
            values["timestamp"] = stamp.encode()
        if self.id_header is not None and "{id}" in self.template:
            identity = received.required(self.id_header)
            if not identity.isascii():
                raise Refused("signature_malformed")
            values["id"] = identity.encode()
        # Odd pieces of the split are the places' names.
        pieces = _PLACES.split(self.template)
        return b"".join(values[piece] if n % 2 else piece.encode() for n, piece in enumerate(pieces))

    def _key(self, secret: str) -> bytes:
        if self.key_encoding == "hex":
            return bytes.fromhex(secret)
        if self.key_encoding == "base64":
            return base64.b64decode(secret, validate=True)
        return secret.encode()
