"""Clients (apps) at providers: whose they are, who uses them, and who never gets to read them."""

from datetime import datetime
from uuid import UUID

import msgspec

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import definitions
from worksphere_hub.catalog.errors import InstanceNotFound
from worksphere_hub.connections.errors import ClientExists, ClientMissing, ClientNotFound
from worksphere_hub.connections.models import INSTANCE, Subject
from worksphere_hub.connections.schemas import ClientCreate, ClientUpdate
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.token_request import Client
from worksphere_hub.connections.vaulted import seal_text, unseal_text
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.security.vault import Vault


async def client_for(vault: Vault, subject: Subject, row: Row | None) -> Client:
    """The client that a connection is authorized with, opened from its row. Raises ClientMissing.

    A way without a client at all (an assertion alone, say) gets an empty one. Not within a transaction.
    """
    if not isinstance(subject.method, OAuth2):
        return Client("")
    if row is None:
        if subject.method.client_authentication == "none":
            return Client("")
        fields = subject.values()["credential"]
        if "client_id" in fields:
            return Client(str(fields["client_id"]), str(fields.get("client_secret") or "") or None)
        raise ClientMissing(
            "Register the provider's app first: POST /v1/oauth-clients with its client id and secret, for the instance "
            "or the integration."
        )
    # A shared client is sealed under the key of whoever owns it.
    return await opened(vault, row)


async def opened(vault: Vault, row: Row) -> Client:
    """A row of `oauth_clients` with its secret."""
    secrets: dict[str, str | None] = {}
    if row["sealed"] is not None:
        secrets = msgspec.json.decode(await unseal_text(vault, row["org_id"], _place(row["id"]), row["sealed"]))
    return Client(
        row["client_id"], secrets.get("secret"), secrets.get("private_key"), secrets.get("key_id"),
        shared=bool(dict(row).get("shared")),
    )  # fmt: skip


async def create(database: Database, vault: Vault, principal: Principal, wanted: ClientCreate) -> Row:
    """Register a client. One of an integration is for its owner's instances, and everybody's where it is public."""
    client = ids.new()
    instance = None if wanted.instance_id is None else ids.decode(INSTANCE, wanted.instance_id, InstanceNotFound)
    sealed = await _sealed(vault, principal.org, client, wanted)
    async with database.tenant(principal.org) as tx:
        if instance is not None and await definitions.of_instance(tx, principal.org, instance) is None:
            raise InstanceNotFound
        row = await tx.row(
            QUERIES.insert_client, principal.org, client, instance, wanted.integration, wanted.auth_method,
            wanted.client_id, sealed, wanted.secret_expires_at,
        )  # fmt: skip
        if row is None:
            raise ClientExists("Change that one, or delete it first.")
        await _audit(tx, principal, "oauth_client.created", client, wanted.client_id, wanted.secret_expires_at)
    return row


async def change(database: Database, vault: Vault, principal: Principal, client: UUID, wanted: ClientUpdate) -> Row:
    """Replace a client's id and secret: connections use the new one from their next renewal on."""
    sealed = await _sealed(vault, principal.org, client, wanted)
    async with database.tenant(principal.org) as tx:
        row = await tx.row(
            QUERIES.update_client, principal.org, client, wanted.client_id, sealed, wanted.secret_expires_at
        )
        if row is None:
            raise ClientNotFound
        await _audit(tx, principal, "oauth_client.updated", client, wanted.client_id, wanted.secret_expires_at)
    return row


async def delete(database: Database, principal: Principal, client: UUID) -> None:
    """Delete a client. Connections authorized with it work until their tokens end."""
    async with database.tenant(principal.org) as tx:
        if not await tx.run(QUERIES.delete_client, principal.org, client):
            raise ClientNotFound
        await _audit(tx, principal, "oauth_client.deleted", client, None, None)


async def _sealed(vault: Vault, org: UUID, client: UUID, wanted: ClientCreate | ClientUpdate) -> bytes | None:
    given = {"secret": wanted.client_secret, "private_key": wanted.private_key, "key_id": wanted.key_id}
    if not any(given.values()):
        return None
    return await seal_text(vault, org, _place(client), msgspec.json.encode(given).decode())


async def _audit(
    tx: Transaction, principal: Principal, action: str, client: UUID, name: str | None, expires: datetime | None
) -> None:
    changes = {"client_id": [None, name], "secret_expires_at": [None, expires.isoformat() if expires else None]}
    target = ids.encode("ocl", client)
    await audit.record(tx, principal, action, target_kind="oauth_client", target_id=target, changes=changes)


def _place(client: UUID) -> tuple[str, str, str]:
    return "oauth_clients", "sealed", client.hex
