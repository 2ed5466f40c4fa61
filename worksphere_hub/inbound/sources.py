"""Create, change, move and delete sources; rotate their secrets."""

import base64
import json
import secrets as random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.connections.models import Connection
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.events import grammar
from worksphere_hub.inbound import readable
from worksphere_hub.inbound.convert import OWN_PREFIX
from worksphere_hub.inbound.errors import SourceNotFound, TooManySources, invalid_source
from worksphere_hub.inbound.models import Source
from worksphere_hub.inbound.receive import TOKEN_PREFIX, Doorkeeper, secret_place
from worksphere_hub.inbound.schemas import SecretRotation, SourceCreate, SourceUpdate
from worksphere_hub.inbound.schemes.catalogue import Verification, config_of, scheme_of
from worksphere_hub.inbound.schemes.generic import Hmac
from worksphere_hub.inbound.schemes.pulled import Pulled
from worksphere_hub.inbound.schemes.scheme import WeakSecret
from worksphere_hub.inbound.schemes.standard import StandardWebhooks
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.security.signing import new_secret
from worksphere_hub.security.tokens import MintedToken, mint_token
from worksphere_hub.security.vault import Vault

# What people may change, and the audit log tells of.
_FIELDS = (
    "name", "verification", "route", "endpoint_id", "event_type", "event_type_from", "status", "size_limit",
    "tolerance", "rate_limit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the API's side of this room works with."""

    database: Database
    vault: Vault
    doorkeeper: Doorkeeper
    egress: EgressClient
    settings: InboundSettings
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A new source, the token of its address, and its secret if the hub has made it: shown once."""

    source: Source
    token: MintedToken
    secret: str | None


async def create(inbound: Inbound, principal: Principal, wanted: SourceCreate) -> Made:
    """Create a source; raises InvalidSource or TooManySources."""
    org = principal.org
    given = wanted.model_dump(exclude={"verification", "secret", "instance_id", "integration"}) | {"status": "enabled"}
    instance = None if wanted.instance_id is None else ids.parse("inst", wanted.instance_id)
    missing = invalid_source("instance_id", "is not an instance; leave it out for a source of its own")
    if wanted.instance_id is not None and instance is None:
        raise missing
    secret, is_made = _secret(wanted.verification, wanted.secret)
    sealed = None if secret is None else await _seal(inbound.vault, org, secret)
    token = mint_token(TOKEN_PREFIX)
    await _require_reachable(inbound, wanted.verification)
    async with inbound.database.tenant(org) as tx:
        columns = await _columns(tx, org, wanted.verification, given)
        await readable.require(tx, org, wanted.verification, readable.Of(wanted.route, instance, wanted.integration))
        limit = inbound.settings.source_limit
        names = (limit, instance, None, wanted.integration)
        with translated({"inbound_sources_org_id_instance_id_fkey": missing}):
            row = await tx.row(QUERIES.insert_source, org, ids.new(), token.digest, *columns, *names)
        if row is None:
            raise _too_many(inbound.settings)
        source = source_of(row)
        if sealed is not None:
            await tx.run(QUERIES.insert_source_secret, org, source.id, *sealed)
        if isinstance(source.scheme, Pulled):
            await tx.run(QUERIES.insert_pull, org, source.id)
        changes = {"name": [None, source.name], "scheme": [None, source.scheme.scheme], "route": [None, source.route]}
        await _audit(tx, principal, "inbound_source.created", source.id, changes)
    return Made(source, token, secret if is_made else None)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source for a connection, before it is stored."""

    name: str
    scheme: Verification
    token: MintedToken
    secret: str = field(repr=False)
    sealed: tuple[UUID, bytes] = field(repr=False)


async def prepare(inbound: Inbound, org: UUID, name: str, scheme: Verification) -> Prepared:
    """Mint the address and the secret of a source that one connection's messages come to. Not within a transaction."""
    # Every provider takes this: Graph's may have 128 characters, Google's 256.
    secret = random.token_hex(32)
    return Prepared(name, scheme, mint_token(TOKEN_PREFIX), secret, await _seal(inbound.vault, org, secret))


async def insert_prepared(
    tx: Transaction, settings: InboundSettings, connection: Connection, prepared: Prepared
) -> UUID:
    """Store a prepared source; answers its id."""
    org, source, standard = connection.org, ids.new(), SourceCreate.model_construct()
    limits = (standard.size_limit, standard.tolerance, standard.rate_limit)
    content = (prepared.name, prepared.scheme.scheme, config_of(prepared.scheme), "connector", None, None, None)
    names = (settings.source_limit, connection.instance, connection.id, None)
    row = await tx.row(QUERIES.insert_source, org, source, prepared.token.digest, *content, "enabled", *limits, *names)
    if row is None:
        raise _too_many(settings)
    await tx.run(QUERIES.insert_source_secret, org, source, *prepared.sealed)
    return source


async def change(inbound: Inbound, principal: Principal, source_id: UUID, wanted: SourceUpdate) -> Source:
    """Change the fields that were given."""
    given = wanted.model_dump(exclude_unset=True, exclude={"verification"})
    await _require_reachable(inbound, wanted.verification)
    async with inbound.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, source_id)
        scheme = wanted.verification or before.scheme
        if scheme.scheme != before.scheme.scheme:
            raise invalid_source("verification.scheme", "cannot be changed; create another source for another provider")
        columns = await _columns(tx, principal.org, scheme, _shown(before) | given)
        route = given.get("route", before.route)
        await readable.require(tx, principal.org, scheme, readable.Of(route, before.instance, before.integration))
        _require_same_queue(before.scheme, scheme)
        row = await tx.row(QUERIES.update_source, principal.org, source_id, *columns)
        assert row is not None
        if isinstance(scheme, Pulled):
            await tx.run(QUERIES.pull_soon, principal.org, source_id)
        after = source_of(row)
        old, new = _shown(before), _shown(after)
        changes = {name: [old[name], new[name]] for name in _FIELDS if old[name] != new[name]}
        if changes:
            await _audit(tx, principal, "inbound_source.updated", source_id, changes)
    return after


async def delete(inbound: Inbound, principal: Principal, source_id: UUID) -> None:
    """Delete a source: its address is gone; what was received and is not processed yet is set aside."""
    async with inbound.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, source_id)
        await tx.run(QUERIES.delete_source, principal.org, source_id)
        await _audit(tx, principal, "inbound_source.deleted", source_id, {"name": [before.name, None]})


async def rotate_token(inbound: Inbound, principal: Principal, source_id: UUID) -> MintedToken:
    """Move a source to a new address. The old one answers like any unknown one, at once."""
    token = mint_token(TOKEN_PREFIX)
    async with inbound.database.tenant(principal.org) as tx:
        if isinstance((await _locked(tx, principal.org, source_id)).scheme, Pulled):
            raise invalid_source("verification.scheme", "is pulled: it has no address that could be moved")
        await tx.run(QUERIES.set_source_token, principal.org, source_id, token.digest)
        await _audit(tx, principal, "inbound_source.moved", source_id, {})
    return token


async def rotate_secret(inbound: Inbound, principal: Principal, source_id: UUID, wanted: SecretRotation) -> str | None:
    """Add a secret and let the older ones end after the overlap; answers it if the hub has made it."""
    org = principal.org
    async with inbound.database.tenant(org) as tx:
        scheme = (await find(tx, org, source_id)).scheme
    secret, is_made = _secret(scheme, wanted.secret)
    if secret is None:
        raise invalid_source("secret", "is not for this scheme: change its identities instead")
    sealed = await _seal(inbound.vault, org, secret)
    async with inbound.database.tenant(org) as tx:
        await _locked(tx, org, source_id)
        await tx.run(QUERIES.insert_source_secret, org, source_id, *sealed)
        overlap = timedelta(seconds=wanted.overlap_seconds)
        await tx.run(QUERIES.expire_source_secrets, org, source_id, sealed[0], overlap)
        if isinstance(scheme, Pulled):
            await tx.run(QUERIES.pull_soon, org, source_id)
        changes = {"overlap_seconds": [None, wanted.overlap_seconds]}
        await _audit(tx, principal, "inbound_source.secret_rotated", source_id, changes)
    return secret if is_made else None


async def find(tx: Transaction, org: UUID, source_id: UUID) -> Source:
    """One source."""
    row = await tx.row(QUERIES.source_by_id, org, source_id)
    if row is None:
        raise SourceNotFound
    return source_of(row)


def source_of(row: Row) -> Source:
    """A row of `inbound_sources`."""
    return Source(
        org=row["org_id"],
        id=row["id"],
        name=row["name"],
        scheme=scheme_of(row["scheme"], row["config"]),
        route=row["route"],
        endpoint=row["endpoint_id"],
        event_type=row["event_type"],
        event_type_from=row["event_type_from"],
        status=row["status"],
        size_limit=row["size_limit"],
        tolerance=row["tolerance"],
        rate_limit=row["rate_limit"],
        instance=row["instance_id"],
        connection=row["connection_id"],
        integration=row["integration_slug"],
        fed=row["fed"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def _locked(tx: Transaction, org: UUID, source_id: UUID) -> Source:
    row = await tx.row(QUERIES.source_for_change, org, source_id)
    if row is None:
        raise SourceNotFound
    return source_of(row)


async def _columns(tx: Transaction, org: UUID, scheme: Verification, given: dict[str, Any]) -> list[object]:
    """What `insert_source` and `update_source` take after their first parameters, checked."""
    _check_types(given)
    endpoint = None
    if given["route"] == "endpoint":
        endpoint = ids.parse("whe", given["endpoint_id"] or "")
        if endpoint is None or not await tx.value(QUERIES.endpoint_exists, org, endpoint):
            raise invalid_source("endpoint_id", "is not an endpoint; the route `endpoint` needs one")
    elif given["endpoint_id"] is not None:
        raise invalid_source("endpoint_id", "is for the route `endpoint`; set it to null or change the route")
    return [
        given["name"],
        scheme.scheme,
        config_of(scheme),
        given["route"],
        endpoint,
        given["event_type"],
        given["event_type_from"],
        given["status"],
        given["size_limit"],
        given["tolerance"],
        given["rate_limit"],
    ]


def _check_types(given: dict[str, Any]) -> None:
    event_type, where = given["event_type"], given["event_type_from"]
    if event_type is not None and not grammar.is_event_type(event_type):
        raise invalid_source("event_type", grammar.TYPE_RULE)
    if event_type is not None and event_type.startswith(OWN_PREFIX):
        raise invalid_source("event_type", f"begins with {OWN_PREFIX}, which is for the hub's own events")
    if where is not None:
        if (where.get("header") is None) == (where.get("pointer") is None):
            raise invalid_source("event_type_from", "needs header or pointer, one of the two")
        if where["prefix"].startswith(OWN_PREFIX):
            raise invalid_source(
                "event_type_from.prefix", f"begins with {OWN_PREFIX}, which is for the hub's own events"
            )
    if given["route"] in {"event", "endpoint"} and event_type is None and where is None:
        raise invalid_source("event_type", "is missing; give event_type, event_type_from or both")


def _shown(source: Source) -> dict[str, Any]:
    """A source's fields by the names that people know."""
    return {
        "name": source.name,
        "verification": {"scheme": source.scheme.scheme, **config_of(source.scheme)},
        "route": source.route,
        "endpoint_id": ids.encode("whe", source.endpoint) if source.endpoint else None,
        "event_type": source.event_type,
        "event_type_from": source.event_type_from,
        "status": source.status,
        "size_limit": source.size_limit,
        "tolerance": source.tolerance,
        "rate_limit": source.rate_limit,
    }


async def _require_reachable(inbound: Inbound, scheme: Verification | None) -> None:
    """A queue's address is checked like any that the hub is to talk to. Raises what the guard does."""
    if isinstance(scheme, Pulled):
        await inbound.egress.check(scheme.queue.address)


def _require_same_queue(before: Verification, after: Verification) -> None:
    """What is shown to one kind of queue is not shown to another."""
    if isinstance(before, Pulled) and isinstance(after, Pulled) and before.queue.kind != after.queue.kind:
        raise invalid_source("verification.queue.kind", "cannot be changed; create another source")


def _secret(scheme: Verification, given: str | dict[str, str] | None) -> tuple[str | None, bool]:
    """The secret to verify with, and whether the hub has made it."""
    if isinstance(given, dict):
        if not isinstance(scheme, Pulled):
            raise invalid_source("secret", "is an object only for the scheme `pulled`")
        given = json.dumps(given)
    if given is not None:
        try:
            scheme.check_secret(given)
        except WeakSecret as weak:
            raise invalid_source("secret", str(weak)) from None
        return given, False
    if not scheme.takes_secret:
        return None, False
    if not scheme.mints_secret:
        raise invalid_source("secret", "is missing: copy it from the provider, who chooses it")
    return _mint(scheme), True


def _too_many(settings: InboundSettings) -> TooManySources:
    limit = settings.source_limit
    return TooManySources(f"An organization may have {limit} inbound sources. Delete one that is not used.")


def _mint(scheme: Verification) -> str:
    if isinstance(scheme, StandardWebhooks):
        return new_secret()
    noise = random.token_bytes(32)
    if isinstance(scheme, Hmac) and scheme.key_encoding == "base64":
        return base64.b64encode(noise).decode()
    return noise.hex()


async def _seal(vault: Vault, org: UUID, secret: str) -> tuple[UUID, bytes]:
    secret_id = ids.new()
    return secret_id, await vault.seal(org, "cred", secret_place(secret_id), secret.encode())


async def _audit(tx: Transaction, principal: Principal, action: str, source_id: UUID, changes: audit.Changes) -> None:
    await audit.record(
        tx, principal, action, target_kind="inbound_source", target_id=ids.encode("ins", source_id), changes=changes
    )
