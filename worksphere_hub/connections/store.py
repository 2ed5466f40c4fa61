"""The room's statements, and its rows as what they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from uuid import UUID

from worksphere_hub.catalog import definitions
from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.catalog.errors import InstanceNotFound
from worksphere_hub.connections.errors import ConnectionNotFound, InvalidConnection
from worksphere_hub.connections.models import Connection, Fresh, Held, Subject
from worksphere_hub.connections.vaulted import unseal
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.db.queries import load_queries
from worksphere_hub.sdk.manifest.auth import AuthMethod, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.security.vault import Vault

QUERIES = load_queries(__file__)

_RENAMED = {"org": "org_id", "instance": "instance_id"}
_CONNECTION = tuple((spec.name, _RENAMED.get(spec.name, spec.name)) for spec in fields(Connection))
_HELD = tuple(spec.name for spec in fields(Held))


def connection_of(row: Row) -> Connection:
    """A row of `api_connections`."""
    return Connection(**{name: row[column] for name, column in _CONNECTION})


def held_of(row: Row) -> Held:
    """A row of `connection_credentials`."""
    return Held(**{name: row[name] for name in _HELD})


async def find(tx: Transaction, org: UUID, connection_id: UUID, *, lock: bool = False) -> Connection:
    """One connection. Raises ConnectionNotFound."""
    query = QUERIES.connection_for_change if lock else QUERIES.connection_by_id
    row = await tx.row(query, org, connection_id)
    if row is None:
        raise ConnectionNotFound
    return connection_of(row)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A connection as read, still sealed, with the row of the client it is authorized through."""

    connection: Connection
    definition: Definition
    method: AuthMethod
    held: Mapping[str, Held]
    client: Row | None = field(repr=False)


async def read(tx: Transaction, connection: Connection, *, with_client: bool = False) -> Sealed:
    """A connection whole: its definition, what it holds, and its client where calls need it or it is asked for.

    It is opened (`opened`) once the transaction is over: the keys may have to be fetched, which takes a connection to
    the database of its own, and if all were held by those who wait for another one nobody would get on.
    """
    definition = await definitions.of_instance(tx, connection.org, connection.instance)
    if definition is None:
        raise InstanceNotFound
    method = definition.manifest.auth.get(connection.auth_method)
    if method is None:
        raise InvalidConnection(
            f"The integration's manifest has no way of authorizing called {connection.auth_method} any more. "
            "Create the connection anew."
        )
    rows = await tx.rows(QUERIES.credentials_of, connection.org, connection.id)
    held = {row["slot"]: held_of(row) for row in rows}
    client = None
    if isinstance(method, OAuth2) and (with_client or _names_client(definition.manifest, method)):
        names = (connection.org, connection.instance, connection.auth_method)
        client = await tx.row(QUERIES.client_of_instance, *names)
    return Sealed(connection, definition, method, held, client)


async def opened(vault: Vault, sealed: Sealed) -> Subject:
    """The same, opened. Not within a transaction."""
    connection = sealed.connection
    contents = {slot: await unseal(vault, connection.org, connection.id, each) for slot, each in sealed.held.items()}
    client = None if sealed.client is None else sealed.client["client_id"]
    return Subject(connection, sealed.definition, sealed.method, sealed.held, contents, client)


async def put(tx: Transaction, connection: Connection, fresh: Fresh, sealed: bytes) -> None:
    """Store what an authorization gave; `sealed` is its content."""
    await tx.run(
        QUERIES.put_credential, connection.org, connection.id, fresh.slot, sealed, fresh.renewal, fresh.obtained_at,
        fresh.expires_at, fresh.idle_seconds, fresh.grant_expires_at, fresh.due_at,
    )  # fmt: skip


def _names_client(manifest: Manifest, method: AuthMethod) -> bool:
    """Whether calls need to know through which client the account is authorized."""
    api = manifest.api
    if api is None or not isinstance(method, OAuth2):
        return False
    texts = [*api.headers.values(), *(each.value for each in method.place)]
    return any(rule.scope == "client" for rule in api.rates) or any("${client." in text for text in texts)


def interval(seconds: float | None) -> timedelta | None:
    """Seconds as the database takes them."""
    return None if seconds is None else timedelta(seconds=seconds)
