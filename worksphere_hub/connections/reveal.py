"""Show a raw credential: where the operator allows it at all, to whom has the permission, and never unnoticed."""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.connections import store
from worksphere_hub.connections.errors import RevealDisabled
from worksphere_hub.connections.schemas import RevealedCredential
from worksphere_hub.connections.services import Connections


async def reveal(room: Connections, principal: Principal, connection_id: UUID) -> RevealedCredential:
    """The credential as it is. The entry in the audit log is committed before it is answered."""
    if not room.settings.reveal:
        raise RevealDisabled("Whoever runs the hub can allow it: HUB_CONNECTIONS_REVEAL=true.")
    async with room.database.tenant(principal.org) as tx:
        sealed = await store.read(tx, await store.find(tx, principal.org, connection_id))
        target = ids.encode("con", connection_id)
        await audit.record(tx, principal, "connection.credential_revealed", target_kind="connection", target_id=target)
    subject = await store.opened(room.vault, sealed)
    return RevealedCredential(contents={slot: dict(content) for slot, content in subject.contents.items()})
