"""Connect sessions as whoever runs the host product sees them: made, looked at, taken back."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import definitions
from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.catalog.errors import InstanceNotFound
from worksphere_hub.connections import flow_rules, flows, store
from worksphere_hub.connections.connect.schemas import (
    ConnectSessionCreate,
    ConnectSessionCreated,
    ConnectSessionOut,
)
from worksphere_hub.connections.errors import (
    ConnectionDisabled,
    ConnectionNotFound,
    ConnectSessionNotFound,
    InvalidConnection,
)
from worksphere_hub.connections.models import INSTANCE
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.security.tokens import mint_token

PREFIX = "cns"
TOKEN_PREFIX = "hub_connect_"  # noqa: S105 - the beginning of every token, and of none
PATH = "/connect/"


async def create(
    room: Connections, principal: Principal, wanted: ConnectSessionCreate, base: str
) -> ConnectSessionCreated:
    """Make a connect page. Raises InsecureOrigin, InvalidConnection, ConnectionDisabled, and where an id is unknown."""
    flow_rules.require_safe(base)
    org = principal.org
    token, session = mint_token(TOKEN_PREFIX), ids.new()
    async with room.database.tenant(org) as tx:
        await tx.run(QUERIES.forget_abandoned_connections, org, None)
        instance, connection, name = await _subject(tx, org, wanted)
        definition = await definitions.of_instance(tx, org, instance)
        if definition is None:
            raise InstanceNotFound
        if not definition.enabled:
            raise ConnectionDisabled
        _require_methods(definition, wanted.auth_methods)
        await flows.require_return(tx, org, wanted.return_url)
        seconds = wanted.expires_in or room.settings.connect_time
        await tx.run(
            QUERIES.insert_connect_session, org, session, token.digest, instance, connection,
            name or definition.manifest.name, wanted.product, wanted.return_url, wanted.auth_methods, wanted.language,
            principal.public_id, timedelta(seconds=seconds),
        )  # fmt: skip
        changes = {"instance_id": [None, ids.encode(INSTANCE, instance)], "return_url": [None, wanted.return_url]}
        target = ids.encode(PREFIX, session)
        await audit.record(
            tx, principal, "connect_session.created", target_kind="connect_session", target_id=target, changes=changes
        )
        row = await find(tx, org, session)
    return ConnectSessionCreated(**session_out(row).model_dump(), url=f"{base}{PATH}{token.text.reveal()}")


async def show(room: Connections, principal: Principal, session: UUID) -> ConnectSessionOut:
    """How far a page's customer has come. Raises ConnectSessionNotFound."""
    async with room.database.tenant(principal.org) as tx:
        return session_out(await find(tx, principal.org, session))


async def close(room: Connections, principal: Principal, session: UUID) -> None:
    """Take a page back; what was connected stays. Raises ConnectSessionNotFound."""
    org = principal.org
    async with room.database.tenant(org) as tx:
        await find(tx, org, session)
        await tx.run(QUERIES.close_connect_session, org, session)
        await tx.run(QUERIES.forget_abandoned_connections, org, session)
        target = ids.encode(PREFIX, session)
        await audit.record(tx, principal, "connect_session.closed", target_kind="connect_session", target_id=target)


async def find(tx: Transaction, org: UUID, session: UUID) -> Row:
    """A row of `connect_sessions`. Raises ConnectSessionNotFound."""
    row = await tx.row(QUERIES.connect_session_by_id, org, session)
    if row is None:
        raise ConnectSessionNotFound
    return row


def session_out(row: Row) -> ConnectSessionOut:
    """A row as people are shown it."""
    shown = {name: row[name] for name in ConnectSessionOut.model_fields if name in row}
    connection = row["connection_id"]
    return ConnectSessionOut.model_validate(
        {
            **shown,
            "id": ids.encode(PREFIX, row["id"]),
            "state": state_of(row),
            "instance_id": ids.encode(INSTANCE, row["instance_id"]),
            "connection_id": None if connection is None else ids.encode("con", connection),
            "opened": row["steps"] > 0,
        }
    )


def state_of(row: Row) -> str:
    """In one word: what was reached counts more than that its time is over by now."""
    if row["completed_at"] is not None:
        return "connected"
    if row["closed_at"] is not None:
        return "closed"
    return "expired" if row["expired"] else "open"


async def _subject(tx: Transaction, org: UUID, wanted: ConnectSessionCreate) -> tuple[UUID, UUID | None, str | None]:
    """The instance, the connection and the name."""
    if wanted.connection_id is not None:
        connection = await store.find(tx, org, ids.decode("con", wanted.connection_id, ConnectionNotFound))
        if not connection.enabled:
            raise ConnectionDisabled
        return connection.instance, connection.id, connection.name
    assert wanted.instance_id is not None
    return ids.decode(INSTANCE, wanted.instance_id, InstanceNotFound), None, wanted.name


def _require_methods(definition: Definition, wanted: Sequence[str] | None) -> None:
    known = definition.manifest.auth
    if unknown := [name for name in wanted or () if name not in known]:
        message = f"has {unknown[0]}, which is none of {', '.join(known)}"
        raise InvalidConnection(f"auth_methods {message}.", problems=[FieldProblem("auth_methods", message)])
