"""PURE: proof that is shown and not computed: Basic, an API key, a client certificate that a proxy has checked.

It says nothing of the body: whoever can read one request can send any other. For providers that offer no signature.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from worksphere_hub.inbound.schemes.scheme import (
    HeaderName,
    Identified,
    Received,
    Refused,
    Verified,
    WeakSecret,
    fits,
)


class Basic(Identified):
    """HTTP Basic authentication. The secret is the password."""

    scheme: Literal["basic"]
    username: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^:\x00-\x1f\x7f]+$")]
    mints_secret: ClassVar[bool] = True

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Compare user and password as one."""
        challenge = self.challenge(received)
        if challenge is not None:
            return challenge
        given = received.header("authorization")
        if not given:
            raise Refused("credential_missing")
        pairs = [f"{self.username}:{secret}".encode() for secret in secrets]
        expected = ["Basic " + base64.b64encode(pair).decode() for pair in pairs]
        word, _, rest = given.partition(" ")
        if not fits(f"Basic {rest}" if word.lower() == "basic" else given, expected):
            raise Refused("credential_wrong")
        return Verified(self.identity(received))


class ApiKey(Identified):
    """A key in a header (Google's channel token, Telegram's secret token, GitLab's token) or in the query."""

    scheme: Literal["api_key"]
    header: HeaderName | None = None
    parameter: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    prefix: Annotated[str, Field(max_length=64, description="What stands before it, such as `Bearer `.")] = ""
    mints_secret: ClassVar[bool] = True

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.header is None) == (self.parameter is None):
            raise ValueError("give header or parameter, one of the two")
        return self

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Compare the key."""
        challenge = self.challenge(received)
        if challenge is not None:
            return challenge
        given = received.header(self.header) if self.header else received.parameter(self.parameter or "")
        if not given:
            raise Refused("credential_missing")
        if not fits(given, [self.prefix + secret for secret in secrets]):
            raise Refused("credential_wrong")
        return Verified(self.identity(received))

    def hidden_headers(self) -> frozenset[str]:
        """The key's own header, whatever it is called."""
        return frozenset({self.header.lower()} if self.header else ())

    def hidden_parameters(self) -> frozenset[str]:
        """The key's own parameter."""
        return frozenset({self.parameter} if self.parameter else ())


class MutualTls(Identified):
    """A client certificate, checked by a trusted proxy that tells its fingerprint or subject in a header.

    The proxy has to set that header on every request, or to remove what a client sent under its name.
    """

    scheme: Literal["mtls"]
    header: HeaderName
    identities: Annotated[
        list[Annotated[str, Field(min_length=4, max_length=500)]],
        Field(
            min_length=1, max_length=20, description="Fingerprints or subjects that are let in, as the proxy writes."
        ),
    ]
    takes_secret: ClassVar[bool] = False

    def check_secret(self, secret: str) -> None:
        """There is none."""
        del secret
        raise WeakSecret("is not for this scheme: list the certificates in `identities`")

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Believe the header from a trusted proxy alone."""
        del secrets
        if not received.by_proxy:
            raise Refused("untrusted_peer")
        given = received.header(self.header)
        if not given:
            raise Refused("credential_missing")
        if not fits(given, self.identities):
            raise Refused("credential_wrong")
        return self.challenge(received) or Verified(self.identity(received))
