"""Register, change, enable, disable and delete receivers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.webhooks import endpoint_secrets
from worksphere_hub.webhooks.configuration import merged
from worksphere_hub.webhooks.destinations.catalogue import read_destination
from worksphere_hub.webhooks.endpoint_rows import columns_of, endpoint_of
from worksphere_hub.webhooks.endpoint_secrets import NewKeys, SealedSecret
from worksphere_hub.webhooks.errors import EndpointNotFound, InvalidEndpoint, TooManyEndpoints
from worksphere_hub.webhooks.models import Configuration, Endpoint
from worksphere_hub.webhooks.receiver_auth import Credentials, OAuth2, read_credentials
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES

# How much of an expression the audit log keeps.
_AUDITED = 500
_HTTP = frozenset({"basic", "bearer", "oauth2", "mtls"})


async def register(
    services: Services, principal: Principal, given: Mapping[str, Any], *, secret: str | None, auth: object | None
) -> tuple[Endpoint, NewKeys]:
    """Create an endpoint; answers it with its signing keys, whose secret is never shown again."""
    wanted = merged(Configuration(), given)
    credentials = _credentials(wanted, auth)
    if credentials is None:
        _require_bare(wanted)
    # Before the transaction: all of this may take its time, and none of it may hold a connection while it does.
    await _check_urls(services, wanted, credentials)
    keys = await endpoint_secrets.mint(services.vault, principal.org, wanted.signatures, secret)
    sealed = list(keys.sealed)
    if credentials is not None:
        sealed.append(await endpoint_secrets.seal_credentials(services.vault, principal.org, credentials))
    async with services.database.tenant(principal.org) as tx:
        endpoint = await insert(tx, principal.org, wanted, sealed, limit=services.settings.endpoint_limit)
        await _audit(
            tx,
            principal,
            "endpoint.created",
            endpoint.id,
            {"url": [None, wanted.url], "destination": [None, wanted.destination]},
        )
    return endpoint, keys


async def insert(
    tx: Transaction, org: UUID, wanted: Configuration, secrets: list[SealedSecret], *, limit: int
) -> Endpoint:
    """Store an endpoint with its secrets."""
    row = await tx.row(QUERIES.insert_endpoint, org, ids.new(), limit, *columns_of(wanted))
    if row is None:
        raise TooManyEndpoints(f"An organization may have {limit} endpoints. Delete one that is not used.")
    for secret in secrets:
        await endpoint_secrets.put(tx, org, row["id"], secret)
    return endpoint_of(row)


async def change(
    services: Services, principal: Principal, endpoint_id: UUID, given: Mapping[str, Any], *, auth: object | None = None
) -> Endpoint:
    """Change an endpoint; what is already on its way is sent by the new settings from its next attempt on.

    `auth` replaces what the receiver is shown; `False` takes it away.
    """
    async with services.database.tenant(principal.org) as tx:
        before = (await find(tx, principal.org, endpoint_id)).configuration
    wanted = merged(before, given)
    _require_same_kind(before, wanted)
    credentials = _credentials(wanted, auth or None)
    if auth is False:
        _require_bare(wanted)
    elsewhere = {"url", "destination"} & given.keys()
    await _check_urls(services, wanted if elsewhere else Configuration(kind="pull"), credentials)
    sealed = (
        []
        if credentials is None
        else [await endpoint_secrets.seal_credentials(services.vault, principal.org, credentials)]
    )
    if added := tuple(set(wanted.signatures) - set(before.signatures)):
        sealed += (await endpoint_secrets.mint(services.vault, principal.org, added)).sealed
    async with services.database.tenant(principal.org) as tx:
        locked = (await _locked(tx, principal.org, endpoint_id)).configuration
        # Somebody else may have changed another field in the meantime: theirs is kept, and the whole checked again.
        wanted = merged(locked, given)
        changes = _changes(locked, wanted)
        if auth is not None:
            changes["auth"] = ["(replaced)", "(none)" if credentials is None else "(set)"]
            await tx.run(QUERIES.delete_secrets, principal.org, endpoint_id, "auth")
        if not changes:
            return await find(tx, principal.org, endpoint_id)
        for secret in sealed:
            await endpoint_secrets.put(tx, principal.org, endpoint_id, secret)
        row = await tx.row(QUERIES.update_endpoint, principal.org, endpoint_id, *columns_of(wanted))
        assert row is not None
        await _audit(tx, principal, "endpoint.updated", endpoint_id, changes)
        return endpoint_of(row)


async def enable(services: Services, principal: Principal, endpoint_id: UUID) -> Endpoint:
    """Enable an endpoint; what was held for it becomes due at once."""
    async with services.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, endpoint_id)
        row = await tx.row(QUERIES.set_endpoint_status, principal.org, endpoint_id, "enabled", None)
        if row is None:
            return before
        resumed = await tx.run(QUERIES.resume_deliveries, principal.org, endpoint_id)
        await _audit(tx, principal, "endpoint.enabled", endpoint_id, {"resumed_deliveries": [0, resumed]})
        return endpoint_of(row)


async def disable(services: Services, principal: Principal, endpoint_id: UUID) -> Endpoint:
    """Disable an endpoint; what waits for it is held, and new events pass it by."""
    async with services.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, endpoint_id)
        row = await tx.row(QUERIES.set_endpoint_status, principal.org, endpoint_id, "disabled", "by_request")
        if row is None:
            return before
        held = await tx.run(QUERIES.hold_deliveries, principal.org, endpoint_id)
        await _audit(tx, principal, "endpoint.disabled", endpoint_id, {"held_deliveries": [0, held]})
        return endpoint_of(row)


async def delete(services: Services, principal: Principal, endpoint_id: UUID) -> None:
    """Delete an endpoint with its secrets; what was still to be delivered is cancelled, its history stays."""
    async with services.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, endpoint_id)
        cancelled = await tx.run(QUERIES.cancel_deliveries, principal.org, endpoint_id)
        await tx.run(QUERIES.delete_endpoint, principal.org, endpoint_id)
        gone = before.configuration
        changes = {"url": [gone.url, None], "destination": [gone.destination, None],
                   "cancelled_deliveries": [0, cancelled]}  # fmt: skip
        await _audit(tx, principal, "endpoint.deleted", endpoint_id, changes)


async def find(tx: Transaction, org: UUID, endpoint_id: UUID) -> Endpoint:
    """One endpoint."""
    row = await tx.row(QUERIES.endpoint_by_id, org, endpoint_id)
    if row is None:
        raise EndpointNotFound
    return endpoint_of(row)


async def _locked(tx: Transaction, org: UUID, endpoint_id: UUID) -> Endpoint:
    row = await tx.row(QUERIES.endpoint_for_change, org, endpoint_id)
    if row is None:
        raise EndpointNotFound
    return endpoint_of(row)


def _credentials(wanted: Configuration, auth: object | None) -> Credentials | None:
    if auth is None:
        return None
    if wanted.kind == "pull":
        raise InvalidEndpoint("auth is for endpoints that are sent to; this one is a pull endpoint.")
    credentials = read_credentials(auth)
    kind = str(credentials.__struct_config__.tag)
    shown = _HTTP if wanted.destination is None else read_destination(wanted.destination).shown
    if kind not in shown:
        what = f"may be {', '.join(sorted(shown))} here, not {kind}"
        raise InvalidEndpoint(f"auth.type {what}.", problems=[FieldProblem("auth.type", what)])
    return credentials


def _require_bare(wanted: Configuration) -> None:
    """Nothing is shown: not every destination takes what comes without proof."""
    if wanted.destination is None:
        return
    destination = read_destination(wanted.destination)
    if not destination.bare:
        what = f"is missing: {wanted.destination['kind']} is shown {' or '.join(sorted(destination.shown))}"
        raise InvalidEndpoint(f"auth {what}.", problems=[FieldProblem("auth", what)])


def _require_same_kind(before: Configuration, wanted: Configuration) -> None:
    """What is shown to one kind of receiver is not shown to another."""
    if (before.destination or {}).get("kind") != (wanted.destination or {}).get("kind"):
        what = "cannot become one of another kind, nor a url one; register another endpoint"
        raise InvalidEndpoint(f"destination {what}.", problems=[FieldProblem("destination", what)])


async def _check_urls(services: Services, wanted: Configuration, credentials: Credentials | None) -> None:
    if wanted.url is not None:
        await services.egress.check(wanted.url)
    if wanted.destination is not None:
        await services.egress.check(read_destination(wanted.destination).address)
    if isinstance(credentials, OAuth2):
        await services.egress.check(credentials.token_url)


def _changes(before: Configuration, after: Configuration) -> dict[str, list[object]]:
    old, new = asdict(before), asdict(after)
    return {name: [_short(old[name]), _short(new[name])] for name in old if old[name] != new[name]}


def _short(value: object) -> object:
    return value[:_AUDITED] if isinstance(value, str) else value


async def _audit(tx: Transaction, principal: Principal, action: str, endpoint_id: UUID, changes: audit.Changes) -> None:
    await audit.record(
        tx,
        principal,
        action,
        target_kind="endpoint",
        target_id=ids.encode("whe", endpoint_id),
        changes=changes,
    )
