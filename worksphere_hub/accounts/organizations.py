"""Create organizations, and change them."""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit, invitations, permissions
from worksphere_hub.accounts.errors import OperatorStays, OrganizationNotFound, SlugTaken
from worksphere_hub.accounts.models import Invitation, Organization, Shown
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, organization_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.errors import InvalidInput


async def insert(tx: Transaction, org: UUID, slug: str, name: str, *, operator: bool = False) -> Organization:
    """Write an organization with its built-in roles; `tx` is a transaction for `org`, which is new."""
    refused = {
        "organizations_slug_key": SlugTaken(f"The slug {slug} is taken. Choose another one."),
        "organizations_slug_check": InvalidInput("A slug is small letters, digits and dashes, 63 at most."),
        "organizations_name_check": InvalidInput("A name has 1 to 200 characters."),
    }
    with translated(refused):
        row = await tx.row(QUERIES.insert_organization, org, slug, name, operator)
    assert row is not None
    for role, allowed in permissions.built_in_roles(operator=operator).items():
        await tx.run(QUERIES.insert_built_in_role, org, role, list(allowed))
    return organization_of(row)


async def create(
    accounts: Accounts, principal: Principal, *, slug: str, name: str, owner_email: str | None = None
) -> tuple[Organization, Shown[Invitation] | None]:
    """Create an organization, and invite its first owner if there is an e-mail address."""
    org = ids.new()
    there = principal.acting_for(org)
    async with accounts.database.tenant(org) as tx:
        organization = await insert(tx, org, slug, name)
        await _audit(tx, there, "organization.created", {"slug": [None, slug], "name": [None, name]})
        if owner_email is None:
            return organization, None
        invited = await invitations.insert(tx, accounts.settings, there, email=owner_email, role=permissions.OWNER)
    return organization, invited


async def find(database: Database, principal: Principal, org: UUID) -> Organization:
    """The organization itself; any, for those who may see all."""
    if org != principal.org and not principal.may("organizations:list"):
        raise OrganizationNotFound
    async with database.tenant(org) as tx:
        row = await tx.row(QUERIES.find_organization, org)
    if row is None:
        raise OrganizationNotFound
    return organization_of(row)


async def find_by_slug(database: Database, slug: str) -> Organization:
    """The organization with this slug, whoever asks: for the command line."""
    rows = await database.call(QUERIES.list_organizations, None, slug, 1)
    if not rows:
        raise OrganizationNotFound(f"There is no organization with the slug {slug}.")
    return organization_of(rows[0])


async def rename(database: Database, principal: Principal, org: UUID, name: str) -> Organization:
    """Change the name of the organization acted for; of another one, not even its existence is told."""
    if org != principal.org:
        raise OrganizationNotFound
    async with database.tenant(org) as tx:
        before = await _locked(tx, org)
        if before.name == name:
            return before
        row = await tx.row(QUERIES.update_organization, org, name, before.suspended_at is not None)
        assert row is not None
        await _audit(tx, principal, "organization.updated", {"name": [before.name, name]})
        return organization_of(row)


async def suspend(database: Database, principal: Principal, org: UUID) -> Organization:
    """Suspend an organization: its keys and sessions are refused, its events are not accepted."""
    return await _set_suspended(database, principal, org, suspended=True)


async def resume(database: Database, principal: Principal, org: UUID) -> Organization:
    """Lift a suspension."""
    return await _set_suspended(database, principal, org, suspended=False)


async def _set_suspended(database: Database, principal: Principal, org: UUID, *, suspended: bool) -> Organization:
    async with database.tenant(org) as tx:
        before = await _locked(tx, org)
        if before.operator:
            raise OperatorStays("Its suspension would leave nobody who could lift it.")
        if (before.suspended_at is not None) == suspended:
            return before
        row = await tx.row(QUERIES.update_organization, org, before.name, suspended)
        assert row is not None
        after = organization_of(row)
        action = "organization.suspended" if suspended else "organization.resumed"
        changes = {"suspended_at": [before.suspended_at, after.suspended_at]}
        await _audit(tx, principal.acting_for(org), action, changes)
        return after


async def _locked(tx: Transaction, org: UUID) -> Organization:
    row = await tx.row(QUERIES.lock_organization, org)
    if row is None:
        raise OrganizationNotFound
    return organization_of(row)


async def _audit(tx: Transaction, principal: Principal, action: str, changes: audit.Changes) -> None:
    target = ids.encode("org", principal.org)
    await audit.record(tx, principal, action, target_kind="organization", target_id=target, changes=changes)
