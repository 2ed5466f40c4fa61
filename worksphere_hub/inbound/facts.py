"""What an integration makes of a message: the facts in it, whose account they are about, of which record."""

from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from worksphere_hub.catalog import definitions, manifests
from worksphere_hub.connections import check
from worksphere_hub.connections.connectors import connector_for, connector_of_integration
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.inbound.convert import NotPublishable
from worksphere_hub.inbound.models import Claim, Fact
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.errors import ConnectorFailed
from worksphere_hub.sdk.inbound import Inbound, Message, Told
from worksphere_hub.sdk.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Reading:
    """What reads messages: a connector, the manifest it goes by, and whether anything may be done with it now."""

    connector: Connector
    manifest: Manifest
    enabled: bool = True


async def of_instance(tx: Transaction, org: UUID, instance: UUID) -> Reading | None:
    """What reads the messages of an instance; None when there is no such instance."""
    definition = await definitions.of_instance(tx, org, instance)
    if definition is None:
        return None
    return Reading(await connector_for(tx, definition), definition.manifest, definition.enabled)


async def of_integration(tx: Transaction, org: UUID, slug: str) -> Reading | None:
    """What reads the messages of an organization's own integration, as it is offered; None when it is not."""
    row = await tx.row(QUERIES.integration_offered, org, slug)
    if row is None:
        return None
    manifest = manifests.stored(row["manifest_digest"], row["manifest"])
    return Reading(await connector_of_integration(tx, org, row["id"], manifest), manifest)


async def of_message(database: Database, claim: Claim) -> list[Fact]:
    """The facts of a message of the route `connector`, each with the connection it is about. Raises NotPublishable."""
    async with database.tenant(claim.org) as tx:
        found = None if claim.instance is None else await of_instance(tx, claim.org, claim.instance)
        if found is None or not found.enabled:
            raise NotPublishable("instance_disabled: its integration is switched off. Enable it, then replay.")
        told = _told(found.connector, claim)
        connections = {each.account: await _connection(tx, claim, each.account) for each in told}
        for each in told:
            await _heed(tx, claim, each, connections[each.account])
    return [Fact(each, number, connections[each.account]) for number, each in enumerate(told)]


async def accounts(database: Database, claim: Claim) -> list[str]:
    """The accounts that a message of the route `accounts` is about. Raises NotPublishable."""
    async with database.tenant(claim.org) as tx:
        found = await of_integration(tx, claim.org, claim.integration or "")
    if found is None:
        raise NotPublishable("integration_gone: the integration is not offered any more.")
    return sorted({each.account for each in _told(found.connector, claim) if each.account is not None})


def _told(connector: Connector, claim: Claim) -> list[Told]:
    inbound: Inbound | None = connector.inbound
    if inbound is None:
        raise NotPublishable("no_inbound: this version of the integration does not say what is in a message.")
    query = dict(parse_qsl(claim.query, keep_blank_values=True))
    headers = {pair[0]: pair[1] for pair in claim.headers}
    try:
        return boundary.facts(inbound, Message(headers, query, claim.body))
    except ConnectorFailed as failure:
        raise NotPublishable(f"{failure.code}: {failure.detail}") from None


async def _heed(tx: Transaction, claim: Claim, told: Told, connection: UUID | None) -> None:
    """What concerns our own dealings at the provider is looked into at once, instead of when its time comes."""
    if told.concerns is None or connection is None:
        return
    if told.concerns == "access":
        await check.soon(tx, claim.org, connection)
    else:
        await tx.run(QUERIES.renew_soon, claim.org, connection)


async def _connection(tx: Transaction, claim: Claim, account: str | None) -> UUID | None:
    """Whose it is: the source's own connection, else the instance's oldest one to that account."""
    if claim.connection is not None or account is None:
        return claim.connection
    found: UUID | None = await tx.value(QUERIES.connection_of_account, claim.org, claim.instance, account)
    return found
