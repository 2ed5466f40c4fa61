"""What state a connection is in: written with its reason, its history, and an event for those who want to know."""

from worksphere_hub import clock, ids
from worksphere_hub.connections.models import Connection
from worksphere_hub.connections.store import QUERIES, interval
from worksphere_hub.db.pool import Transaction
from worksphere_hub.events.emit import emit

# What each state is told of as; `pending` is nobody's news.
_EVENTS = {
    "connected": "hub.connection.connected",
    "needs_reauthorization": "hub.connection.needs_reauthorization",
    "failing": "hub.connection.failing",
    "disconnected": "hub.connection.disconnected",
}


async def become(
    tx: Transaction, connection: Connection, status: str, why: tuple[str, str] | None, check_every: float | None
) -> None:
    """Move a connection to a status, with a stable word and a sentence; tells of it if that is news.

    `check_every` in seconds: when it is to be tested next, None for never.
    """
    code, reason = why or (None, None)
    await tx.run(QUERIES.set_status, connection.org, connection.id, status, code, reason, interval(check_every))
    if (status, code) == (connection.status, connection.status_code) or status not in _EVENTS:
        return
    data = {
        "connection_id": ids.encode("con", connection.id),
        "name": connection.name,
        "status": status,
        "code": code,
        "reason": reason,
    }
    await emit(tx, connection.org, _EVENTS[status], data)


async def feel(
    tx: Transaction, connection: Connection, health: str, why: tuple[str, str] | None, *, checked: bool = False
) -> None:
    """Note how healthy a connection is; a change goes into its history."""
    code, reason = why or (None, None)
    at = clock.now() if checked else None
    await tx.run(QUERIES.set_health, connection.org, connection.id, health, code, reason, at)
    if (health, code) != (connection.health, connection.health_code):
        await tx.run(QUERIES.insert_health, connection.org, connection.id, health, code, reason)
