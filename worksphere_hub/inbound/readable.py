"""Whether what a source takes in can be read by its integration, before the source is stored."""

from dataclasses import dataclass
from uuid import UUID

from worksphere_hub.db.pool import Transaction
from worksphere_hub.inbound.errors import invalid_source
from worksphere_hub.inbound.facts import Reading, of_instance, of_integration
from worksphere_hub.inbound.schemes.catalogue import Verification
from worksphere_hub.sdk.manifest.template import names


@dataclass(frozen=True, slots=True)
class Of:
    """What a source is for: its route, and the instance or integration that it names."""

    route: str
    instance: UUID | None
    integration: str | None


async def require(tx: Transaction, org: UUID, scheme: Verification, of: Of) -> None:
    """Raise InvalidSource unless route, instance, integration and scheme go together."""
    if of.route == "accounts":
        if of.integration is None:
            raise invalid_source("integration", "is missing; the route `accounts` needs one of the organization's own")
        _require_readable(await _shared(tx, org, of.integration), scheme, "integration")
        return
    if of.integration is not None:
        raise invalid_source("integration", "is for the route `accounts`; leave it out")
    if of.route == "connector":
        if of.instance is None:
            raise invalid_source("instance_id", "is missing; the route `connector` needs an instance")
        _require_readable(await of_instance(tx, org, of.instance), scheme, "instance_id")


async def _shared(tx: Transaction, org: UUID, slug: str) -> Reading:
    found = await of_integration(tx, org, slug)
    if found is None:
        raise invalid_source("integration", "is not one that the organization offers; publish it first")
    if any(names(host) for host in found.manifest.hosts):
        # Who chooses the host could have it say that any account is his.
        raise invalid_source(
            "integration", "has hosts that instances choose: whose an account is cannot be known for certain"
        )
    return found


def _require_readable(found: Reading | None, scheme: Verification, field: str) -> None:
    if found is None:
        raise invalid_source(field, "is not there")
    inbound = found.connector.inbound
    if inbound is None:
        raise invalid_source(field, "is of an integration that does not say what is in a message; use another route")
    if inbound.scheme != scheme.scheme:
        raise invalid_source("verification.scheme", f"has to be `{inbound.scheme}` for this integration")
