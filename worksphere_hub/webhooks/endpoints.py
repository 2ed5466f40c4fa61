"""Register, change, enable, disable, delete and test receivers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import grammar
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.message import message_body
from worksphere_hub.events.models import Accepted, NewEvent
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.security.signing import new_secret, parse_secret
from worksphere_hub.security.vault import Vault
from worksphere_hub.webhooks.directory import secret_place
from worksphere_hub.webhooks.errors import (
    EndpointDisabled,
    EndpointNotFound,
    InvalidEndpoint,
    TooManyEndpoints,
)
from worksphere_hub.webhooks.models import Endpoint
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.store import QUERIES

TEST_EVENT_TYPE = "hub.test"


@dataclass(frozen=True, slots=True)
class Services:
    """What the API's side of this room works with."""

    database: Database
    vault: Vault
    egress: EgressClient
    acceptor: Acceptor
    settings: WebhookSettings


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """New values of an endpoint's fields; None leaves one as it is."""

    url: str | None = None
    description: str | None = None
    event_types: Sequence[str] | None = None


async def register(
    services: Services, principal: Principal, *, wanted: EndpointChange, secret: str | None
) -> tuple[Endpoint, str]:
    """Create an endpoint; answers it with its signing secret, which is never shown again."""
    assert wanted.url is not None
    _check_event_types(wanted.event_types)
    # Before the transaction: both may take their time, and neither may hold a connection while it does.
    await services.egress.check(wanted.url)
    secret = secret or new_secret()
    parse_secret(secret)
    sealed = await seal_secret(services.vault, principal.org, secret)
    async with services.database.tenant(principal.org) as tx:
        endpoint = await insert(tx, principal.org, wanted, sealed, limit=services.settings.endpoint_limit)
        await _audit(tx, principal, "endpoint.created", endpoint.id, {"url": [None, endpoint.url]})
    return endpoint, secret


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A signing secret, sealed to the row it will be in."""

    id: UUID
    sealed: bytes


async def seal_secret(vault: Vault, org: UUID, secret: str) -> SealedSecret:
    """Seal a signing secret."""
    secret_id = ids.new()
    return SealedSecret(secret_id, await vault.seal(org, "cred", secret_place(secret_id), secret.encode()))


async def insert(tx: Transaction, org: UUID, wanted: EndpointChange, secret: SealedSecret, *, limit: int) -> Endpoint:
    """Store an endpoint with its secret."""
    row = await tx.row(
        QUERIES.insert_endpoint,
        org,
        ids.new(),
        wanted.url,
        wanted.description or "",
        list(wanted.event_types or ["*"]),
        limit,
    )
    if row is None:
        raise TooManyEndpoints(f"An organization may have {limit} endpoints. Delete one that is not used.")
    await tx.run(QUERIES.insert_secret, org, row["id"], secret.id, secret.sealed)
    return endpoint_of(row)


async def change(services: Services, principal: Principal, endpoint_id: UUID, wanted: EndpointChange) -> Endpoint:
    """Change an endpoint; what is already on its way goes to the new URL from its next attempt on."""
    _check_event_types(wanted.event_types)
    if wanted.url is not None:
        await services.egress.check(wanted.url)
    async with services.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, endpoint_id)
        after = {
            "url": wanted.url if wanted.url is not None else before.url,
            "description": wanted.description if wanted.description is not None else before.description,
            "event_types": list(wanted.event_types) if wanted.event_types is not None else before.event_types,
        }
        changes: audit.Changes = {
            name: [getattr(before, name), value] for name, value in after.items() if getattr(before, name) != value
        }
        if not changes:
            return before
        row = await tx.row(QUERIES.update_endpoint, principal.org, endpoint_id, *after.values())
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


async def disable_gone(database: Database, org: UUID, endpoint_id: UUID) -> None:
    """Disable an endpoint that answered 410 Gone: its owner says that it will not come back."""
    async with database.tenant(org) as tx:
        if await tx.row(QUERIES.set_endpoint_status, org, endpoint_id, "disabled", "gone") is None:
            return
        held = await tx.run(QUERIES.hold_deliveries, org, endpoint_id)
        await audit.record_system(
            tx,
            org,
            "endpoint.disabled",
            target_kind="endpoint",
            target_id=ids.encode("whe", endpoint_id),
            changes={"reason": [None, "gone"], "held_deliveries": [0, held]},
        )


async def delete(services: Services, principal: Principal, endpoint_id: UUID) -> None:
    """Delete an endpoint with its secrets; what was still to be delivered is cancelled, its history stays."""
    async with services.database.tenant(principal.org) as tx:
        before = await _locked(tx, principal.org, endpoint_id)
        cancelled = await tx.run(QUERIES.cancel_deliveries, principal.org, endpoint_id)
        await tx.run(QUERIES.delete_endpoint, principal.org, endpoint_id)
        changes = {"url": [before.url, None], "cancelled_deliveries": [0, cancelled]}
        await _audit(tx, principal, "endpoint.deleted", endpoint_id, changes)


async def send_test(services: Services, principal: Principal, endpoint_id: UUID) -> Accepted:
    """Publish a test event for this endpoint alone; it is delivered and recorded like any other."""
    async with services.database.tenant(principal.org) as tx:
        endpoint = await find(tx, principal.org, endpoint_id)
        if endpoint.status == "disabled":
            raise EndpointDisabled("This endpoint is disabled, so nothing is sent to it. Enable it first.")
        await _audit(tx, principal, "endpoint.tested", endpoint_id, {})
    now = clock.now()
    data = msgspec.json.encode(
        {"endpoint_id": ids.encode("whe", endpoint_id), "message": "A test from WorkSphere Hub."}
    )
    return await services.acceptor.accept(
        NewEvent(
            org=principal.org,
            id=ids.new_hex(),
            key=None,
            type=TEST_EVENT_TYPE,
            body=message_body(TEST_EVENT_TYPE, now, data),
            occurred_at=now,
            accepted_at=now,
            only_endpoint=endpoint_id,
        )
    )


async def find(tx: Transaction, org: UUID, endpoint_id: UUID) -> Endpoint:
    """One endpoint."""
    row = await tx.row(QUERIES.endpoint_by_id, org, endpoint_id)
    if row is None:
        raise EndpointNotFound
    return endpoint_of(row)


def endpoint_of(row: Row) -> Endpoint:
    """A row of `webhook_endpoints`."""
    return Endpoint(
        org=row["org_id"],
        id=row["id"],
        url=row["url"],
        description=row["description"],
        event_types=row["event_types"],
        status=row["status"],
        disabled_reason=row["disabled_reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def _locked(tx: Transaction, org: UUID, endpoint_id: UUID) -> Endpoint:
    row = await tx.row(QUERIES.endpoint_for_change, org, endpoint_id)
    if row is None:
        raise EndpointNotFound
    return endpoint_of(row)


def _check_event_types(patterns: Sequence[str] | None) -> None:
    problems = [
        FieldProblem(f"event_types.{index}", grammar.PATTERN_RULE)
        for index, pattern in enumerate(patterns or ())
        if not grammar.is_pattern(pattern)
    ]
    if problems:
        raise InvalidEndpoint(f"{problems[0].field} {problems[0].message}.", problems=problems)


async def _audit(tx: Transaction, principal: Principal, action: str, endpoint_id: UUID, changes: audit.Changes) -> None:
    await audit.record(
        tx,
        principal,
        action,
        target_kind="endpoint",
        target_id=ids.encode("whe", endpoint_id),
        changes=changes,
    )
