"""Sign in, see where one is signed in, sign out, and change one's password."""

from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit, permissions
from worksphere_hub.accounts.errors import OrganizationRequired, PasswordWrong, SessionNotFound, SignInRefused
from worksphere_hub.accounts.models import Shown, SignedIn
from worksphere_hub.accounts.principal import Origin, Principal
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.security import tokens


async def sign_in(
    accounts: Accounts, email: str, password: str, organization: str | None, origin: Origin
) -> Shown[SignedIn]:
    """Begin a session; the token is shown this once. `organization` is a slug, needed by members of several."""
    email = email.lower()
    accounts.attempts.begin(email, origin.ip, clock.monotonic())
    rows = await accounts.database.call(QUERIES.find_login, email)
    # Checked whether there is such a person or not: neither the answer nor its time tells.
    stored = rows[0]["password_hash"] if rows else None
    if not await accounts.passwords.verify(stored, password) or stored is None:
        raise SignInRefused
    accounts.attempts.succeeded(email, origin.ip)
    org, person = _chosen(rows, organization), rows[0]["person_id"]
    if accounts.passwords.is_outdated(stored):
        await accounts.database.call(QUERIES.set_password, person, stored, await accounts.passwords.hash(password))
    async with accounts.database.tenant(org) as tx:
        return await begin(tx, accounts.settings, org, person, origin)


async def begin(tx: Transaction, settings: AccountSettings, org: UUID, person: UUID, origin: Origin) -> Shown[SignedIn]:
    """Write a session for a member who has proved to be one."""
    role = await tx.row(QUERIES.lock_member, org, person)
    if role is None:
        raise SignInRefused  # removed since the password was checked
    powerful = permissions.ADMINISTRATIVE & frozenset(role["permissions"])
    hours = settings.admin_session_hours if powerful else settings.session_hours
    session, token = ids.new(), tokens.mint_token(tokens.SESSION_PREFIX)
    life = timedelta(hours=hours)
    await tx.run(QUERIES.insert_session, org, session, person, token.digest, origin.ip, origin.user_agent, life)
    signed_in = await find(tx, org, person, session)
    await _audit(tx, principal_of(signed_in, origin), "session.created", session)
    return Shown(signed_in, token.text)


async def find(tx: Transaction, org: UUID, person: UUID, session: UUID) -> SignedIn:
    """One of a person's sessions, with what it allows."""
    row = await tx.row(QUERIES.describe_session, org, person, session)
    if row is None:
        raise SessionNotFound
    return _signed_in(row)


async def sign_out(database: Database, principal: Principal, session: UUID) -> None:
    """End one of one's own sessions in this organization."""
    async with database.tenant(principal.home_org) as tx:
        if not await tx.run(QUERIES.delete_session, principal.home_org, principal.id, session):
            raise SessionNotFound
        await _audit(tx, principal, "session.ended", session)


async def sign_out_everywhere(database: Database, principal: Principal) -> None:
    """End all of one's own sessions, in every organization, this one too."""
    async with database.tenant(principal.home_org) as tx:
        ended = await tx.value(QUERIES.end_sessions, principal.id, None)
        await _audit(tx, principal, "session.all_ended", principal.credential, {"sessions": [ended, 0]})


async def change_password(accounts: Accounts, principal: Principal, current: str, new: str) -> None:
    """Change one's own password; every other session of the person ends, in every organization."""
    async with accounts.database.tenant(principal.home_org) as tx:
        email = (await find(tx, principal.home_org, principal.id, principal.credential)).email
    accounts.attempts.begin(email, principal.origin.ip, clock.monotonic())
    rows = await accounts.database.call(QUERIES.find_login, email)
    stored: str | None = rows[0]["password_hash"] if rows else None
    if not await accounts.passwords.verify(stored, current):
        raise _wrong()
    accounts.attempts.succeeded(email, principal.origin.ip)
    hashed = await accounts.passwords.hash(new)
    async with accounts.database.tenant(principal.home_org) as tx:
        if not await tx.value(QUERIES.set_password, principal.id, stored, hashed):
            raise _wrong()
        ended = await tx.value(QUERIES.end_sessions, principal.id, principal.credential)
        await _audit(tx, principal, "password.changed", principal.credential, {"other_sessions": [ended, 0]})


def principal_of(signed_in: SignedIn, origin: Origin) -> Principal:
    """Who has just signed in, for the audit log."""
    return Principal(
        kind="person",
        org=signed_in.organization,
        home_org=signed_in.organization,
        id=signed_in.person,
        credential=signed_in.id,
        label=f"person:{signed_in.person.hex}",
        permissions=frozenset(signed_in.permissions),
        origin=origin,
    )


def _chosen(rows: list[Row], slug: str | None) -> UUID:
    """The organization to sign in to: the one named, or the only one."""
    orgs: dict[str, UUID] = {row["slug"]: row["org_id"] for row in rows if row["org_id"] is not None}
    if slug is None and len(orgs) > 1:
        message = f"must be one of {', '.join(orgs)}"
        raise OrganizationRequired(f"organization {message}.", problems=[FieldProblem("organization", message)])
    org = next(iter(orgs.values()), None) if slug is None else orgs.get(slug)
    if org is None:
        raise SignInRefused
    return org


def _signed_in(row: Row) -> SignedIn:
    return SignedIn(
        id=row["id"],
        expires_at=row["expires_at"],
        person=row["person_id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        permissions=sorted(permissions.of_role(row["permissions"], operator=row["operator"])),
        organization=row["org_id"],
        organization_slug=row["slug"],
        organization_name=row["organization_name"],
    )


def _wrong() -> PasswordWrong:
    message = "is not your password"
    return PasswordWrong(f"current_password {message}.", problems=[FieldProblem("current_password", message)])


async def _audit(
    tx: Transaction, principal: Principal, action: str, session: UUID, changes: audit.Changes | None = None
) -> None:
    target = ids.encode("ses", session)
    await audit.record(tx, principal, action, target_kind="session", target_id=target, changes=changes)
