"""Roles of an organization's own, beside the built-in ones."""

from collections.abc import Sequence

from worksphere_hub.accounts import audit, permissions
from worksphere_hub.accounts.errors import (
    PermissionUnknown,
    RoleBuiltIn,
    RoleExists,
    RoleInUse,
    RoleNotFound,
    RoleUnknown,
    TooManyRoles,
)
from worksphere_hub.accounts.models import Role
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, role_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.errors import FieldProblem

_IN_USE = "Give those who have it another role, and take back the invitations to it, first."


async def create(accounts: Accounts, principal: Principal, name: str, wanted: Sequence[str]) -> Role:
    """Create a role out of permissions that the principal has itself."""
    unknown = permissions.unknown(wanted, operator=principal.runs_hub)
    if unknown:
        message = f"{', '.join(unknown[:5])}: no permission that a role of this organization can have"
        raise PermissionUnknown(f"{message}.", problems=[FieldProblem("permissions", message)])
    principal.require_all(wanted, "This role")
    allowed = sorted(set(wanted))
    limit = accounts.settings.role_limit
    async with accounts.database.tenant(principal.org) as tx:
        with translated({"roles_pkey": RoleExists(f"Choose another name than {name}.")}):
            row = await tx.row(QUERIES.insert_role, principal.org, name, allowed, limit)
        if row is None:
            raise TooManyRoles(f"An organization may have {limit} roles of its own. Delete one that is not used.")
        await _audit(tx, principal, "role.created", name, {"permissions": [None, allowed]})
        return role_of(row)


async def delete(database: Database, principal: Principal, name: str) -> None:
    """Delete a role that nobody has and nobody is invited to."""
    async with database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.find_role, principal.org, name)
        if row is None:
            raise RoleNotFound
        role = role_of(row)
        if role.built_in:
            raise RoleBuiltIn("Built-in roles stay.")
        principal.require_all(allowed_by(principal, role.permissions), "Deleting this role")
        in_use = RoleInUse(_IN_USE)
        with translated({"members_org_id_role_fkey": in_use, "invitations_org_id_role_fkey": in_use}):
            await tx.run(QUERIES.delete_role, principal.org, name)
        await _audit(tx, principal, "role.deleted", name, {"permissions": [list(role.permissions), None]})


async def require_grantable(tx: Transaction, principal: Principal, name: str) -> None:
    """Raise unless there is such a role and the principal has all of its permissions itself."""
    row = await tx.row(QUERIES.find_role, principal.org, name)
    if row is None:
        message = f"{name} is no role of this organization"
        raise RoleUnknown(f"{message}.", problems=[FieldProblem("role", message)])
    principal.require_all(allowed_by(principal, row["permissions"]), f"Giving the role {name}")


def allowed_by(principal: Principal, stored: Sequence[str]) -> frozenset[str]:
    """What a stored role allows where the principal acts."""
    return permissions.of_role(stored, operator=principal.runs_hub)


async def _audit(tx: Transaction, principal: Principal, action: str, name: str, changes: audit.Changes) -> None:
    await audit.record(tx, principal, action, target_kind="role", target_id=name, changes=changes)
