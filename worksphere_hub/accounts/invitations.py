"""Ask somebody to become a member, and let them accept.

Nobody here can send e-mail: whoever invites gets a code and passes it on. See the invitations' table for why accepting
takes the code and the person's own password, and never sets the password of a person who is known already.
"""

from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit, roles, sessions
from worksphere_hub.accounts.errors import (
    AlreadyInvited,
    AlreadyMember,
    EmailTaken,
    InvitationNotFound,
    SignInRefused,
    TooManyInvitations,
)
from worksphere_hub.accounts.models import Invitation, Shown, SignedIn
from worksphere_hub.accounts.principal import Origin, Principal
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.accounts.store import QUERIES, invitation_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.security import tokens

INVITATION_PREFIX = "hub_inv_"


async def invite(accounts: Accounts, principal: Principal, *, email: str, role: str) -> Shown[Invitation]:
    """Invite somebody to a role that is not above one's own; the code is shown this once."""
    async with accounts.database.tenant(principal.org) as tx:
        await roles.require_grantable(tx, principal, role)
        if await tx.row(QUERIES.find_member_by_email, principal.org, email) is not None:
            raise AlreadyMember(f"{email} is a member. Change the member's role instead.")
        return await insert(tx, accounts.settings, principal, email=email, role=role)


async def insert(
    tx: Transaction, settings: AccountSettings, principal: Principal, *, email: str, role: str
) -> Shown[Invitation]:
    """Write an invitation and its entry of the audit log; whether it may be was decided before."""
    code = tokens.mint_token(INVITATION_PREFIX)
    await tx.run(QUERIES.drop_expired_invitation, principal.org, email)
    taken = AlreadyInvited("Take the invitation back before you make another one.")
    with translated({"invitations_org_id_email_key": taken}):
        row = await tx.row(
            QUERIES.insert_invitation,
            principal.org,
            ids.new(),
            email,
            role,
            code.digest,
            principal.member,
            timedelta(days=settings.invitation_days),
            settings.invitation_limit,
        )
    if row is None:
        raise TooManyInvitations(f"{settings.invitation_limit} invitations are open. Take some back.")
    await _audit(tx, principal, "invitation.created", row["id"], {"email": [None, email], "role": [None, role]})
    return Shown(invitation_of(row), code.text)


async def revoke(database: Database, principal: Principal, invitation: UUID) -> None:
    """Take an invitation back, unless it is to a role above one's own."""
    async with database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.find_open_invitation, principal.org, invitation)
        if row is None:
            raise InvitationNotFound
        principal.require_all(roles.allowed_by(principal, row["permissions"]), f"The role {row['role']}")
        await tx.run(QUERIES.delete_invitation, principal.org, invitation)
        changes = {"email": [row["email"], None], "role": [row["role"], None]}
        await _audit(tx, principal, "invitation.revoked", invitation, changes)


async def accept(accounts: Accounts, code: str, name: str, password: str, origin: Origin) -> Shown[SignedIn]:
    """Become a member and sign in. A new person sets a password, a known one proves to be that person."""
    digest = tokens.token_digest(INVITATION_PREFIX, code)
    rows = [] if digest is None else await accounts.database.call(QUERIES.find_invitation, digest)
    if not rows:
        raise InvitationNotFound
    row = rows[0]
    new_hash = await _checked(accounts, row, password, origin)
    org: UUID = row["org_id"]
    async with accounts.database.tenant(org) as tx:
        # Whoever deletes it has accepted it: of two at once, one.
        if not await tx.run(QUERIES.delete_invitation, org, row["id"]):
            raise InvitationNotFound
        person = row["person_id"]
        if person is None:
            person = await tx.value(QUERIES.create_person, row["email"], name, new_hash)
        if person is None:
            raise EmailTaken("If that was you, accept the invitation with the password you have just set.")
        if not await tx.run(QUERIES.insert_member, org, person, row["role"]):
            raise AlreadyMember("Sign in instead.")
        signed_in = await sessions.begin(tx, accounts.settings, org, person, origin)
        who = sessions.principal_of(signed_in.thing, origin)
        await _audit(tx, who, "invitation.accepted", row["id"], {"role": [None, row["role"]]})
    return signed_in


async def _checked(accounts: Accounts, row: Row, password: str, origin: Origin) -> str | None:
    """Check the password of a known person; answers the hash of a new one's."""
    if row["password_hash"] is None:
        return await accounts.passwords.hash(password)
    accounts.attempts.begin(row["email"], origin.ip, clock.monotonic())
    if not await accounts.passwords.verify(row["password_hash"], password):
        raise SignInRefused("There is an account with this e-mail address: accept with its password.")
    accounts.attempts.succeeded(row["email"], origin.ip)
    return None


async def _audit(tx: Transaction, principal: Principal, action: str, invitation: UUID, changes: audit.Changes) -> None:
    target = ids.encode("inv", invitation)
    await audit.record(tx, principal, action, target_kind="invitation", target_id=target, changes=changes)
