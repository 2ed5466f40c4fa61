"""PURE: all schemes there are, one of which a source has."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from worksphere_hub.inbound.schemes.generic import Hmac
from worksphere_hub.inbound.schemes.github import GitHub
from worksphere_hub.inbound.schemes.graph import Graph
from worksphere_hub.inbound.schemes.presented import ApiKey, Basic, MutualTls
from worksphere_hub.inbound.schemes.pulled import Pulled
from worksphere_hub.inbound.schemes.salesforce import Salesforce
from worksphere_hub.inbound.schemes.scheme import Received, Refused, Verified
from worksphere_hub.inbound.schemes.shopify import Shopify
from worksphere_hub.inbound.schemes.slack import Slack
from worksphere_hub.inbound.schemes.standard import StandardWebhooks
from worksphere_hub.inbound.schemes.stripe import Stripe
from worksphere_hub.inbound.schemes.twilio import Twilio
from worksphere_hub.inbound.schemes.zoom import Zoom

Verification = Annotated[
    StandardWebhooks
    | GitHub
    | Stripe
    | Slack
    | Zoom
    | Shopify
    | Twilio
    | Graph
    | Salesforce
    | Hmac
    | Basic
    | ApiKey
    | MutualTls
    | Pulled,
    Field(discriminator="scheme", description="How requests prove that they are the provider's."),
]

_adapter: TypeAdapter[Verification] = TypeAdapter(Verification)


def scheme_of(name: str, config: Mapping[str, Any]) -> Verification:
    """A scheme as stored: its name and what it was told."""
    return _adapter.validate_python({**config, "scheme": name})


def config_of(scheme: Verification) -> dict[str, Any]:
    """What to store of a scheme besides its name."""
    return scheme.model_dump(mode="json", exclude={"scheme"}, exclude_defaults=True)


def verify(scheme: Verification, received: Received, secrets: Sequence[str]) -> Verified:
    """Verify a request; raises Refused, always when there is no secret to verify with."""
    if scheme.takes_secret and not secrets:
        raise Refused("no_secret")
    return scheme.verify(received, secrets)
