"""Create, change, connect and disconnect connections."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import definitions
from worksphere_hub.catalog.errors import InstanceNotFound
from worksphere_hub.connections import condition, issue, scopes, store
from worksphere_hub.connections.clients import client_for
from worksphere_hub.connections.entry import require_fields
from worksphere_hub.connections.errors import (
    ClientMissing,
    InvalidConnection,
    ProviderRefused,
    ProviderUnavailable,
    TooManyConnections,
    WrongGrant,
)
from worksphere_hub.connections.models import ENTERED, INSTANCE, Connection, Fresh, Subject
from worksphere_hub.connections.provider import TokenRefused, Unanswered, chance
from worksphere_hub.connections.schemas import ConnectionCreate, ConnectionUpdate
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.token_answer import Grant, granted
from worksphere_hub.connections.token_request import Asking, Client, Post
from worksphere_hub.connections.vaulted import seal
from worksphere_hub.db.pool import Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.sdk.manifest.auth import Custom, NoAuth, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.security.vault import SealBroken

# Who connects an account: somebody with a key or a session, or whoever opened a connect page.
Actor = Principal | audit.Visitor

_WITHOUT_CONSENT = frozenset({"client_credentials", "jwt_bearer"})


async def create(room: Connections, principal: Actor, wanted: ConnectionCreate) -> Connection:
    """Create a connection: pending, unless nothing has to be authorized or its credential is given at once."""
    org = principal.org
    instance = ids.decode(INSTANCE, wanted.instance_id, InstanceNotFound)
    async with room.database.tenant(org) as tx:
        definition = await definitions.of_instance(tx, org, instance)
        if definition is None:
            raise InstanceNotFound
        name = _method_name(definition.manifest, wanted.auth_method)
        method = definition.manifest.auth[name]
        if wanted.scopes is not None:
            if not isinstance(method, OAuth2):
                raise _invalid("scopes", "are for OAuth 2 only")
            scopes.wanted(method, wanted.scopes)
        if wanted.credential is not None:
            require_fields(method, wanted.credential)
        status = "connected" if isinstance(method, NoAuth) else "pending"
        row = await tx.row(
            QUERIES.insert_connection, org, ids.new(), instance, wanted.name, name, method.type, wanted.scopes, status,
            principal.public_id, room.settings.connection_limit,
        )  # fmt: skip
        if row is None:
            limit = room.settings.connection_limit
            raise TooManyConnections(f"An organization may have {limit} connections. Delete one that is not used.")
        made = store.connection_of(row)
        changes = {"name": [None, made.name], "auth_method": [None, name], "instance_id": [None, wanted.instance_id]}
        await _audit(tx, principal, "connection.created", made.id, changes)
    if wanted.credential is not None:
        return await enter(room, principal, made.id, wanted.credential)
    return made


async def change(room: Connections, principal: Principal, connection_id: UUID, wanted: ConnectionUpdate) -> Connection:
    """Rename a connection, switch it off or on."""
    given = wanted.model_dump(exclude_unset=True)
    async with room.database.tenant(principal.org) as tx:
        before = await store.find(tx, principal.org, connection_id, lock=True)
        name, enabled = given.get("name", before.name), given.get("enabled", before.enabled)
        row = await tx.row(QUERIES.update_connection, principal.org, connection_id, name, enabled)
        assert row is not None
        pairs = {"name": (before.name, name), "enabled": (before.enabled, enabled)}
        changes = {field: [old, new] for field, (old, new) in pairs.items() if old != new}
        if changes:
            await _audit(tx, principal, "connection.updated", connection_id, changes)
    return store.connection_of(row)


async def enter(room: Connections, principal: Actor, connection_id: UUID, given: Mapping[str, str]) -> Connection:
    """Take what somebody typed in; where that is traded for a token, trade it now.

    Raises InvalidCredential, WrongGrant, ProviderRefused, ProviderUnavailable; then what was there stays.
    """
    org = principal.org
    async with room.database.tenant(org) as tx:
        read = await store.read(tx, await store.find(tx, org, connection_id), with_client=True)
    method = read.method
    if isinstance(method, OAuth2) and method.grant not in _WITHOUT_CONSENT:
        raise WrongGrant("Its owner has to agree at the provider: use authorize.")
    require_fields(method, given)
    now = clock.now()
    fresh = [issue.entered(given, now)]
    subject = Subject(read.connection, read.definition, method, read.held, {ENTERED: fresh[0].content})
    gained = await _trade(room, subject, await client_for(room.vault, subject, read.client))
    new = await sealed(room, read.connection, [*fresh, *gained[0]])
    async with room.database.tenant(org) as tx:
        connection = await store.find(tx, org, connection_id, lock=True)
        await connect(room, tx, connection, new, gained[1])
        await _audit(tx, principal, "connection.credential_entered", connection_id, {})
        return await store.find(tx, org, connection_id)


async def connect(
    room: Connections, tx: Transaction, connection: Connection, new: list[tuple[Fresh, bytes]], held: list[str] | None
) -> None:
    """Store a new credential, sealed before, and what follows from it: scopes, status, the next check."""
    for fresh, content in new:
        await store.put(tx, connection, fresh, content)
    await tx.run(QUERIES.delete_other_credentials, connection.org, connection.id, [fresh.slot for fresh, _ in new])
    lacking: list[str] = []
    if held is not None:
        definition = await definitions.of_instance(tx, connection.org, connection.instance)
        method = definition.manifest.auth.get(connection.auth_method) if definition else None
        lacking = scopes.missing(method, held) if isinstance(method, OAuth2) else []
        await tx.run(QUERIES.set_scopes, connection.org, connection.id, held, lacking)
    if lacking:
        why = ("missing_scopes", f"The account's owner did not grant: {', '.join(lacking)}."[:500])
        await condition.become(tx, connection, "needs_reauthorization", why, None)
        await condition.feel(tx, connection, "unhealthy", why)
        return
    await condition.become(tx, connection, "connected", None, room.settings.check_every)
    await condition.feel(tx, connection, "unknown" if connection.health == "unknown" else "healthy", None)


async def sealed(room: Connections, connection: Connection, fresh: Sequence[Fresh]) -> list[tuple[Fresh, bytes]]:
    """A new credential with its contents sealed. Not within a transaction."""
    return [(each, await seal(room.vault, connection.org, connection.id, each)) for each in fresh]


async def disconnect(room: Connections, principal: Principal, connection_id: UUID) -> tuple[Connection, bool | None]:
    """Give the tokens back at the provider and destroy the credential; answers whether the provider took them back."""
    subject = await _loaded(room, principal.org, connection_id)
    async with room.database.tenant(principal.org) as tx:
        connection = await store.find(tx, principal.org, connection_id, lock=True)
        await tx.run(QUERIES.delete_credentials, principal.org, connection_id)
        await tx.run(QUERIES.set_scopes, principal.org, connection_id, [], [])
        why = ("disconnected", "Somebody disconnected it.")
        await condition.become(tx, connection, "disconnected", why, None)
        await _audit(tx, principal, "connection.disconnected", connection_id, {})
        after = await store.find(tx, principal.org, connection_id)
    # The credential is gone by now, whatever the provider says to it.
    return after, await _give_back(*subject, room)


async def delete(room: Connections, principal: Actor, connection_id: UUID) -> None:
    """Disconnect a connection and remove it with its history."""
    subject = await _loaded(room, principal.org, connection_id)
    async with room.database.tenant(principal.org) as tx:
        before = await store.find(tx, principal.org, connection_id, lock=True)
        await tx.run(QUERIES.delete_connection, principal.org, connection_id)
        await _audit(tx, principal, "connection.deleted", connection_id, {"name": [before.name, None]})
    await _give_back(*subject, room)


async def _loaded(room: Connections, org: UUID, connection_id: UUID) -> tuple[Subject | None, Client]:
    """A connection with its client as far as they can be had: what cannot be read cannot be given back either."""
    async with room.database.tenant(org) as tx:
        connection = await store.find(tx, org, connection_id)
        try:
            read = await store.read(tx, connection, with_client=True)
        except (InvalidConnection, InstanceNotFound):
            return None, Client("")
    try:
        subject = await store.opened(room.vault, read)
        return subject, await client_for(room.vault, subject, read.client)
    except (ClientMissing, SealBroken):
        return None, Client("")


async def _give_back(subject: Subject | None, client: Client, room: Connections) -> bool | None:
    if subject is None or not isinstance(subject.method, OAuth2):
        return None
    asking = Asking(subject.method, client, subject.values(), clock.epoch())
    posts: list[Post] = []
    for content in subject.contents.values():
        # With the refresh token its access tokens go, too (RFC 7009); without one there is only the access token.
        hint = "refresh_token" if content.get("refresh_token") else "access_token"
        if content.get(hint) and (post := asking.revoke(content[hint], hint)) is not None:
            posts.append(post)
    return not await room.provider.revoke(subject, client, posts) if posts else None


async def _trade(room: Connections, subject: Subject, client: Client) -> tuple[list[Fresh], list[str] | None]:
    """What the entered is good for: a token, what the steps capture, or nothing but itself."""
    method = subject.method
    try:
        if isinstance(method, Custom) and method.steps:
            exchanged = await room.provider.exchange(subject)
            return [issue.from_steps(exchanged.captured, exchanged.expires_in, clock.now())], None
        if not isinstance(method, OAuth2):
            return [], None
        wanted = scopes.wanted(method, subject.connection.requested_scopes)
        asking = Asking(method, client, subject.values(), clock.epoch())
        grant = await room.provider.grant(subject, client, asking.obtain(wanted))
        return from_grant(room, method, grant), granted(grant, wanted)
    except (TokenRefused, Unanswered) as failure:
        raise told(failure) from None


def from_grant(room: Connections, method: OAuth2, grant: Grant) -> list[Fresh]:
    """A grant as it is stored."""
    return issue.from_grant(method, grant, clock.now(), room.settings.keep_alive, chance())


def told(failure: TokenRefused | Unanswered) -> ProviderRefused | ProviderUnavailable:
    """A provider's refusal in a sentence for whoever asked."""
    if isinstance(failure, Unanswered):
        return ProviderUnavailable(f"The provider did not answer ({failure.cause}). Try again.", retry_after=5.0)
    if failure.kind == "transient":
        wait = failure.retry_after or 5.0
        return ProviderUnavailable(f"The provider has a fault ({failure.code}). Try again.", retry_after=wait)
    problems = [FieldProblem("credential", f"is refused by the provider: {failure.code}")]
    if failure.kind == "operator":
        sentence = f"The provider refuses the OAuth client ({failure.code}). Check its id and secret."
        return ProviderRefused(sentence, problems=problems)
    return ProviderRefused(f"The provider gave no token ({failure.code}).", problems=problems)


def _method_name(manifest: Manifest, wanted: str | None) -> str:
    if wanted is None:
        if len(manifest.auth) > 1:
            raise _invalid("auth_method", f"must be one of {', '.join(manifest.auth)}")
        return next(iter(manifest.auth))
    if wanted not in manifest.auth:
        raise _invalid("auth_method", f"must be one of {', '.join(manifest.auth)}")
    return wanted


def _invalid(field: str, message: str) -> InvalidConnection:
    return InvalidConnection(f"{field} {message}.", problems=[FieldProblem(field, message)])


async def _audit(tx: Transaction, principal: Actor, action: str, connection: UUID, changes: audit.Changes) -> None:
    target = ids.encode("con", connection)
    if isinstance(principal, audit.Visitor):
        await audit.record_visitor(tx, principal, action, target_kind="connection", target_id=target, changes=changes)
        return
    await audit.record(tx, principal, action, target_kind="connection", target_id=target, changes=changes)
