"""What people do with messages: have one processed again, or set it aside."""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.inbound.errors import MessageBusy, MessageNotForReplay, MessageNotFound
from worksphere_hub.inbound.store import QUERIES


async def replay(database: Database, principal: Principal, source: UUID, message: UUID) -> Row:
    """Have a message processed again, from its raw body, by its source as it is now: it is published anew."""
    async with database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, source, message)
        if before["verdict"] == "handshake":
            raise MessageNotForReplay
        if before["passed_on"] is not None:
            raise MessageNotForReplay("It was passed on: whoever has it now can have it processed again.")
        if before["state"] == "received":
            raise MessageBusy("This message is waiting for its turn or for another attempt. Ignore it first.")
        await tx.run(QUERIES.replay_message, principal.org, message)
        await _audit(tx, principal, "inbound_message.replayed", message, {"state": [before["state"], "received"]})
        return await find(tx, principal.org, source, message)


async def ignore(database: Database, principal: Principal, source: UUID, message: UUID) -> Row:
    """Set a message aside: it is not processed any more, until somebody replays it."""
    async with database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, source, message)
        if before["state"] in {"received", "failed"}:
            await tx.run(QUERIES.ignore_message, principal.org, message)
            await _audit(tx, principal, "inbound_message.ignored", message, {"state": [before["state"], "ignored"]})
        return await find(tx, principal.org, source, message)


async def find(tx: Transaction, org: UUID, source: UUID, message: UUID) -> Row:
    """One message of a source, with its body."""
    row = await tx.row(QUERIES.message_by_id, org, source, message)
    if row is None:
        raise MessageNotFound
    return row


async def _locked(tx: Transaction, org: UUID, source: UUID, message: UUID) -> Row:
    row = await tx.row(QUERIES.message_for_change, org, source, message)
    if row is None:
        raise MessageNotFound
    return row


async def _audit(tx: Transaction, principal: Principal, action: str, message: UUID, changes: audit.Changes) -> None:
    await audit.record(
        tx, principal, action, target_kind="inbound_message", target_id=ids.encode("inm", message), changes=changes
    )
