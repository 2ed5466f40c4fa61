"""API keys: create and revoke."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit, permissions
from worksphere_hub.accounts.errors import (
    Forbidden,
    KeyNotFound,
    PermissionUnknown,
    RateLimitTooHigh,
    TooManyKeys,
)
from worksphere_hub.accounts.models import ApiKey, NewKey, Shown
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.accounts.store import QUERIES, key_of
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.security import tokens


async def create(accounts: Accounts, principal: Principal, new: NewKey) -> Shown[ApiKey]:
    """Create a key that may do what its creator may, at most; the key is shown this once."""
    possible = permissions.key_scopes(operator=principal.runs_hub)
    scopes = sorted(set(possible & principal.permissions if new.scopes is None else new.scopes))
    require_possible(scopes, possible)
    principal.require_all(scopes, "This key")
    highest = accounts.settings.rate_limit
    # The operator sells rates; others may only have less than the usual.
    if new.rate_limit is not None and new.rate_limit > highest and not principal.operator:
        message = f"must be {highest} or less; only the company that runs the hub gives more"
        raise RateLimitTooHigh(f"rate_limit {message}.", problems=[FieldProblem("rate_limit", message)])
    async with accounts.database.tenant(principal.org) as tx:
        decided = replace(new, scopes=scopes)
        made = await insert(tx, accounts.pepper, accounts.settings, principal.org, decided, principal.member)
        changes = {"name": [None, new.name], "scopes": [None, scopes]}
        await _audit(tx, principal, "api_key.created", made.thing.id, changes)
    return made


def require_possible(scopes: Sequence[str], possible: frozenset[str]) -> None:
    """Raise PermissionUnknown for scopes that no key of this organization can carry."""
    impossible = sorted(set(scopes) - possible)
    if impossible:
        message = f"{', '.join(impossible[:5])}: nothing that an API key can be allowed"
        raise PermissionUnknown(f"{message}.", problems=[FieldProblem("scopes", message)])


async def insert(
    tx: Transaction, pepper: bytes, settings: AccountSettings, org: UUID, new: NewKey, creator: UUID | None
) -> Shown[ApiKey]:
    """Write a new key; what it may do was decided before."""
    days = settings.key_days if new.days is None else new.days
    if not 1 <= days <= settings.key_days_limit:
        message = f"must be 1 to {settings.key_days_limit}"
        raise InvalidInput(f"expires_in_days {message}.", problems=[FieldProblem("expires_in_days", message)])
    minted = tokens.mint_api_key(pepper)
    row = await tx.row(
        QUERIES.insert_api_key,
        org,
        ids.new(),
        minted.key_id,
        new.name,
        minted.digest,
        minted.last4,
        list(new.scopes or ()),
        creator,
        new.rate_limit,
        timedelta(days=days),
        settings.key_limit,
    )
    if row is None:
        raise TooManyKeys(f"An organization may have {settings.key_limit} keys in use. Revoke one.")
    return Shown(key_of(row), minted.text)


async def find(tx: Transaction, org: UUID, key: UUID) -> ApiKey:
    """One key."""
    row = await tx.row(QUERIES.find_key, org, key)
    if row is None:
        raise KeyNotFound
    return key_of(row)


async def revoke(database: Database, principal: Principal, key: UUID) -> None:
    """Revoke a key: one's own, or anyone's with the permission for that. Every process refuses it within a second."""
    async with database.tenant(principal.org) as tx:
        found = await find(tx, principal.org, key)
        own = principal.member is not None and found.created_by == principal.member
        if not own and not principal.may("api_keys:revoke_any"):
            raise Forbidden("Somebody else made this key; revoking it needs the permission api_keys:revoke_any.")
        if await tx.run(QUERIES.revoke_api_key, principal.org, key):
            await _audit(tx, principal, "api_key.revoked", key, {"name": [found.name, found.name]})


async def _audit(tx: Transaction, principal: Principal, action: str, key: UUID, changes: audit.Changes) -> None:
    target = ids.encode("key", key)
    await audit.record(tx, principal, action, target_kind="api_key", target_id=target, changes=changes)
