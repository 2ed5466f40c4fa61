"""The first organization, owner and key, for the command line: whoever runs it owns the machine and asks nobody."""

from dataclasses import replace
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit, keys, organizations, permissions
from worksphere_hub.accounts.errors import AlreadyMember, OrganizationNotFound
from worksphere_hub.accounts.models import ApiKey, NewKey, Organization, Shown
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.errors import HubError, InvalidInput
from worksphere_hub.security.passwords import PasswordHasher


async def create_organization(database: Database, *, slug: str, name: str, operator: bool = False) -> Organization:
    """Create an organization with its built-in roles; `operator` for the company that runs the hub."""
    org = ids.new()
    async with database.tenant(org) as tx:
        organization = await organizations.insert(tx, org, slug, name, operator=operator)
        changes = {"slug": [None, slug], "name": [None, name], "operator": [None, operator]}
        target = ids.encode("org", org)
        await audit.record_cli(
            tx, org, "organization.created", target_kind="organization", target_id=target, changes=changes
        )
    return organization


async def create_owner(
    database: Database, passwords: PasswordHasher, org: UUID, *, email: str, name: str, password: str
) -> UUID:
    """Make a person an owner; answers the person's id. Who has an account already keeps its password."""
    email = email.lower()
    hashed = await passwords.hash(password)
    async with database.tenant(org) as tx:
        await _require_organization(tx, org)
        with translated(_refused()):
            person: UUID | None = await tx.value(QUERIES.create_person, email, name, hashed)
        if person is None:
            person = (await tx.rows(QUERIES.find_login, email))[0]["person_id"]
        assert person is not None
        if not await tx.run(QUERIES.insert_member, org, person, permissions.OWNER):
            raise AlreadyMember(f"{email} is a member of this organization already.")
        target = ids.encode("per", person)
        changes = {"role": [None, permissions.OWNER]}
        await audit.record_cli(tx, org, "member.added", target_kind="member", target_id=target, changes=changes)
    return person


async def create_key(
    database: Database, pepper: bytes, org: UUID, new: NewKey, settings: AccountSettings | None = None
) -> Shown[ApiKey]:
    """Create an API key, with every scope a key can have unless it says which; the key is shown this once."""
    async with database.tenant(org) as tx:
        organization = await _require_organization(tx, org)
        possible = permissions.key_scopes(operator=organization["operator"])
        scopes = sorted(possible if new.scopes is None else set(new.scopes))
        keys.require_possible(scopes, possible)
        with translated(_refused()):
            made = await keys.insert(tx, pepper, settings or AccountSettings(), org, replace(new, scopes=scopes), None)
        target = ids.encode("key", made.thing.id)
        changes = {"name": [None, new.name], "scopes": [None, scopes]}
        await audit.record_cli(tx, org, "api_key.created", target_kind="api_key", target_id=target, changes=changes)
    return made


async def _require_organization(tx: Transaction, org: UUID) -> Row:
    row = await tx.row(QUERIES.find_organization, org)
    if row is None:
        raise OrganizationNotFound
    return row


def _refused() -> dict[str, HubError]:
    """What the HTTP door's schemas refuse before it gets as far as the database."""
    return {
        "people_email_check": InvalidInput("An e-mail address has 3 to 254 characters."),
        "people_name_check": InvalidInput("A name has 1 to 200 characters."),
        "api_keys_name_check": InvalidInput("A name has 1 to 200 characters."),
        "api_keys_rate_limit_check": InvalidInput("A rate limit is 1 to 1,000,000 requests a second."),
    }
