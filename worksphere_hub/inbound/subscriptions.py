"""Ask for subscriptions at providers, and for their end. (Making and renewing them is the worker's: `subscribe`.)"""

from uuid import UUID

import msgspec

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import definitions
from worksphere_hub.connections import store as connections
from worksphere_hub.connections.connectors import connector_for
from worksphere_hub.connections.models import Connection
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.inbound import sources
from worksphere_hub.inbound.errors import NothingToSubscribe, SubscriptionExists, SubscriptionNotFound
from worksphere_hub.inbound.schemes.catalogue import Verification, scheme_of
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.sdk.inbound import Address
from worksphere_hub.security.vault import Place, Vault


async def create(inbound: Inbound, principal: Principal, connection_id: UUID, wanted: list[str], base: str) -> Row:
    """Ask for a subscription of a connection's account; a worker makes it a moment later."""
    org, found = principal.org, ids.new()
    async with inbound.database.tenant(org) as tx:
        connection = await connections.find(tx, org, connection_id)
        scheme = await _scheme(tx, connection)
    name = f"{connection.name}: {', '.join(wanted) or 'everything'}"[:200]
    prepared = await sources.prepare(inbound, org, name, scheme)
    address = Address(f"{base}/in/{prepared.token.text.reveal()}", prepared.secret, tuple(wanted))
    sealed = await seal_address(inbound.vault, org, found, address)
    async with inbound.database.tenant(org) as tx:
        source = await sources.insert_prepared(tx, inbound.settings, connection, prepared)
        row = await tx.row(
            QUERIES.insert_subscription, org, found, connection.id, source, wanted, sealed, principal.public_id
        )
        if row is None:
            raise SubscriptionExists
        await _audit(tx, principal, "inbound_subscription.created", found, {"wanted": [None, wanted]})
    return row


async def cancel(inbound: Inbound, principal: Principal, connection_id: UUID, subscription: UUID) -> None:
    """Have a subscription ended. What the provider sends until then is refused."""
    org = principal.org
    async with inbound.database.tenant(org) as tx:
        await connections.find(tx, org, connection_id)
        if await tx.value(QUERIES.cancel_subscription, org, connection_id, subscription) is None:
            raise SubscriptionNotFound
        await _audit(tx, principal, "inbound_subscription.cancelled", subscription, {})


async def seal_address(vault: Vault, org: UUID, subscription: UUID, address: Address) -> bytes:
    """Where the provider sends to, with the secret, sealed."""
    text = msgspec.json.encode({"url": address.url, "secret": address.secret})
    return await vault.seal(org, "cred", _place(subscription), text)


async def open_address(vault: Vault, row: Row) -> Address:
    """The same, opened, with what is wanted there."""
    told = msgspec.json.decode(await vault.open(row["org_id"], "cred", _place(row["id"]), row["sealed"]))
    return Address(told["url"], told["secret"], tuple(row["wanted"]))


async def _scheme(tx: Transaction, connection: Connection) -> Verification:
    definition = await definitions.of_instance(tx, connection.org, connection.instance)
    inbound = None if definition is None else (await connector_for(tx, definition)).inbound
    if inbound is None or not inbound.subscribes:
        raise NothingToSubscribe
    return scheme_of(inbound.scheme, inbound.config)


async def _audit(
    tx: Transaction, principal: Principal, action: str, subscription: UUID, changes: audit.Changes
) -> None:
    target = ids.encode("sub", subscription)
    await audit.record(tx, principal, action, target_kind="inbound_subscription", target_id=target, changes=changes)


def _place(subscription: UUID) -> Place:
    return Place("inbound_subscriptions", "sealed", subscription.hex)
