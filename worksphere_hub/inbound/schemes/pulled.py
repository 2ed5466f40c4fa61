"""PURE: messages that the hub fetches from a queue by itself. Nobody posts them, so nobody's request verifies."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from worksphere_hub.clouds.credentials import ServiceAccount
from worksphere_hub.clouds.service_account import GoogleTokens, UnusableKey
from worksphere_hub.inbound.pulls.pubsub import PubSub
from worksphere_hub.inbound.pulls.queue import read_credential
from worksphere_hub.inbound.pulls.service_bus import ServiceBus
from worksphere_hub.inbound.pulls.sqs import Sqs
from worksphere_hub.inbound.schemes.scheme import Received, Refused, Scheme, Verified, WeakSecret


class Pulled(Scheme):
    """A queue of one's own. The secret is its credential, as JSON."""

    scheme: Literal["pulled"]
    queue: Annotated[Sqs | PubSub | ServiceBus, Field(discriminator="kind")]
    mints_secret: ClassVar[bool] = False

    def check_secret(self, secret: str) -> None:
        """It has to be a credential of the queue's kind."""
        try:
            found = read_credential(self.queue, secret)
            if isinstance(found, ServiceAccount):
                GoogleTokens(found)
        except UnusableKey:
            raise WeakSecret("has no RSA private key in PEM as its private_key") from None
        except ValueError as error:
            raise WeakSecret(f"is no credential for {self.queue.kind}: {error}") from None

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Nothing that is posted is a message of the queue's."""
        del received, secrets
        raise Refused("credential_missing")
