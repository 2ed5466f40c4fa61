"""The audit log: one entry for every change, in the transaction that makes it, and for every refused attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from worksphere_hub.accounts.principal import NOWHERE, Origin, Principal
from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.pool import Transaction

# Non-secret fields before and after: {"name": ["Acme", "Acme Ltd"]}.
Changes = Mapping[str, Sequence[object]]

REFUSED = "access.refused"


@dataclass(frozen=True, slots=True)
class _Actor:
    """Who did it, for whom, and from where."""

    kind: Literal["person", "api_key", "system", "cli"]
    org: UUID
    id: str | None = None
    acting_org: UUID | None = None
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class _Deed:
    """What was done to what."""

    action: str
    target_kind: str
    target_id: str | None
    changes: Changes | None
    result: Literal["done", "refused"] = "done"


async def record(
    tx: Transaction,
    principal: Principal,
    action: str,
    *,
    target_kind: str,
    target_id: str | None,
    changes: Changes | None = None,
) -> None:
    """Write what a principal does, in the transaction that does it. `changes` holds no secret and no payload."""
    await _insert(tx, _by(principal), _Deed(action, target_kind, target_id, changes))


async def record_refusal(tx: Transaction, principal: Principal, doing: str, reason: str) -> None:
    """Write that a principal was refused; the caller's transaction holds nothing else, what was refused is undone."""
    await _insert(tx, _by(principal), _Deed(REFUSED, "route", doing, {"reason": [None, reason]}, "refused"))


async def record_system(
    tx: Transaction,
    org: UUID,
    action: str,
    *,
    target_kind: str,
    target_id: str | None,
    changes: Changes | None = None,
) -> None:
    """Write what the hub does by itself."""
    await _insert(tx, _Actor("system", org), _Deed(action, target_kind, target_id, changes))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody without an account who acts by a link that an organization gave out; `id` is the link's public id.

    `public_id` is whoever made the link: it stands where a principal's id would.
    """

    org: UUID
    id: str
    public_id: str | None
    origin: Origin = NOWHERE


async def record_visitor(
    tx: Transaction,
    visitor: Visitor,
    action: str,
    *,
    target_kind: str,
    target_id: str | None,
    changes: Changes | None = None,
) -> None:
    """Write what a visitor does, by the id of the link and with where it came from."""
    actor = _Actor("system", visitor.org, visitor.id, origin=visitor.origin)
    await _insert(tx, actor, _Deed(action, target_kind, target_id, changes))


async def record_cli(
    tx: Transaction,
    org: UUID,
    action: str,
    *,
    target_kind: str,
    target_id: str | None,
    changes: Changes | None = None,
) -> None:
    """Write what somebody does from the command line of the hub's own machine."""
    await _insert(tx, _Actor("cli", org), _Deed(action, target_kind, target_id, changes))


def _by(principal: Principal) -> _Actor:
    return _Actor(
        principal.kind, principal.org, principal.public_id, acting_org=principal.acting_org, origin=principal.origin
    )


async def _insert(tx: Transaction, actor: _Actor, deed: _Deed) -> None:
    await tx.run(
        QUERIES.insert_audit,
        actor.org,
        actor.kind,
        actor.id,
        actor.acting_org,
        deed.action,
        deed.target_kind,
        deed.target_id,
        deed.result,
        deed.changes or {},
        actor.origin.ip,
        actor.origin.user_agent,
        actor.origin.request_id,
    )
