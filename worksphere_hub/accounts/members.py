"""Change a member's role, and remove members. (How one becomes a member is in `invitations`.)

Nobody gives or touches a role above their own: one that allows something they may not do themselves.
"""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit, permissions, roles
from worksphere_hub.accounts.errors import LastOwner, MemberNotFound
from worksphere_hub.accounts.models import Member
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.store import QUERIES, member_of
from worksphere_hub.db.pool import Database, Transaction


async def find(tx: Transaction, org: UUID, person: UUID) -> Member:
    """One member."""
    row = await tx.row(QUERIES.find_member, org, person)
    if row is None:
        raise MemberNotFound
    return member_of(row)


async def change_role(database: Database, principal: Principal, person: UUID, role: str) -> Member:
    """Give a member another role. The member is signed out, and what they had invited is taken back."""
    async with database.tenant(principal.org) as tx:
        before = await _held(tx, principal, person)
        if before != role:
            await roles.require_grantable(tx, principal, role)
            await _require_other_owner(tx, principal.org, person, before)
            await tx.run(QUERIES.update_member, principal.org, person, role)
            await tx.run(QUERIES.delete_sessions_of, principal.org, person)
            await tx.run(QUERIES.delete_invitations_by, principal.org, person)
            await _audit(tx, principal, "member.role_changed", person, {"role": [before, role]})
        return await find(tx, principal.org, person)


async def remove(database: Database, principal: Principal, person: UUID) -> None:
    """Remove a member; their sessions end here, and their API keys with them."""
    async with database.tenant(principal.org) as tx:
        role = await _held(tx, principal, person)
        await _require_other_owner(tx, principal.org, person, role)
        await tx.run(QUERIES.delete_invitations_by, principal.org, person)
        await tx.run(QUERIES.delete_member, principal.org, person)
        await _audit(tx, principal, "member.removed", person, {"role": [role, None]})


async def _held(tx: Transaction, principal: Principal, person: UUID) -> str:
    """Lock a member whom the principal may touch; answers the role."""
    # The owners first, always: two who change each other must queue up, not deadlock.
    await tx.rows(QUERIES.lock_owners, principal.org)
    row = await tx.row(QUERIES.lock_member, principal.org, person)
    if row is None:
        raise MemberNotFound
    principal.require_all(roles.allowed_by(principal, row["permissions"]), f"Changing a member who is {row['role']}")
    return row["role"]


async def _require_other_owner(tx: Transaction, org: UUID, person: UUID, role: str) -> None:
    if role != permissions.OWNER:
        return
    if all(row["person_id"] == person for row in await tx.rows(QUERIES.lock_owners, org)):
        raise LastOwner("Make somebody else an owner first.")


async def _audit(tx: Transaction, principal: Principal, action: str, person: UUID, changes: audit.Changes) -> None:
    target = ids.encode("per", person)
    await audit.record(tx, principal, action, target_kind="member", target_id=target, changes=changes)
