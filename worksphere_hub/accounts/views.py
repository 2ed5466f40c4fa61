"""From what is stored to what people are shown."""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Member,
    Organization,
    Role,
    Session,
    Shown,
    SignedIn,
)
from worksphere_hub.accounts.schemas import (
    AuditEntryOut,
    InvitationCreated,
    InvitationOut,
    KeyCreated,
    KeyOut,
    MemberOut,
    OrganizationCreated,
    OrganizationOut,
    OrganizationShort,
    PersonOut,
    RoleOut,
    SessionOut,
    SignedInCreated,
    SignedInOut,
)


def organization_out(organization: Organization) -> OrganizationOut:
    """An organization."""
    return OrganizationOut(
        id=ids.encode("org", organization.id),
        slug=organization.slug,
        name=organization.name,
        operator=organization.operator,
        created_at=organization.created_at,
        suspended_at=organization.suspended_at,
    )


def organization_created(organization: Organization, invited: Shown[Invitation] | None) -> OrganizationCreated:
    """A new organization with the invitation of its owner."""
    invitation = None if invited is None else invitation_created(invited)
    return OrganizationCreated(**organization_out(organization).model_dump(), owner_invitation=invitation)


def invitation_out(invitation: Invitation) -> InvitationOut:
    """An invitation, without its code."""
    return InvitationOut(
        id=ids.encode("inv", invitation.id),
        email=invitation.email,
        role=invitation.role,
        invited_by=_person(invitation.invited_by),
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )


def invitation_created(shown: Shown[Invitation]) -> InvitationCreated:
    """An invitation with its code."""
    return InvitationCreated(**invitation_out(shown.thing).model_dump(), code=shown.secret.reveal())


def member_out(member: Member) -> MemberOut:
    """A member."""
    return MemberOut(
        id=ids.encode("per", member.person),
        email=member.email,
        name=member.name,
        role=member.role,
        created_at=member.created_at,
    )


def role_out(role: Role) -> RoleOut:
    """A role."""
    return RoleOut(
        name=role.name, permissions=sorted(role.permissions), built_in=role.built_in, created_at=role.created_at
    )


def key_out(key: ApiKey) -> KeyOut:
    """An API key, without its secret."""
    return KeyOut(
        id=ids.encode("key", key.id),
        name=key.name,
        key_id=key.key_id,
        last4=key.last4,
        scopes=list(key.scopes),
        created_by=_person(key.created_by),
        rate_limit=key.rate_limit,
        created_at=key.created_at,
        expires_at=key.expires_at,
        expires_soon=key.expires_soon,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )


def key_created(shown: Shown[ApiKey]) -> KeyCreated:
    """An API key with the key itself."""
    return KeyCreated(**key_out(shown.thing).model_dump(), key=shown.secret.reveal())


def signed_in_out(session: SignedIn) -> SignedInOut:
    """Who is signed in, where, and as what."""
    return SignedInOut(
        id=ids.encode("ses", session.id),
        expires_at=session.expires_at,
        person=PersonOut(id=ids.encode("per", session.person), email=session.email, name=session.name),
        organization=OrganizationShort(
            id=ids.encode("org", session.organization),
            slug=session.organization_slug,
            name=session.organization_name,
        ),
        role=session.role,
        permissions=list(session.permissions),
    )


def signed_in_created(shown: Shown[SignedIn]) -> SignedInCreated:
    """A new session with its token."""
    return SignedInCreated(**signed_in_out(shown.thing).model_dump(), token=shown.secret.reveal())


def session_out(session: Session, current: UUID) -> SessionOut:
    """One of one's own sessions; `current` is the one that asks."""
    return SessionOut(
        id=ids.encode("ses", session.id),
        current=session.id == current,
        ip=session.ip,
        user_agent=session.user_agent,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
    )


def audit_entry_out(entry: AuditEntry) -> AuditEntryOut:
    """An entry of the audit log."""
    return AuditEntryOut.model_validate(
        {
            "id": ids.encode("aud", entry.id),
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "acting_organization_id": None if entry.acting_org is None else ids.encode("org", entry.acting_org),
            "action": entry.action,
            "target_kind": entry.target_kind,
            "target_id": entry.target_id,
            "result": entry.result,
            "changes": entry.changes,
            "ip": entry.ip,
            "user_agent": entry.user_agent,
            "request_id": entry.request_id,
            "created_at": entry.created_at,
        }
    )


def _person(person: UUID | None) -> str | None:
    return None if person is None else ids.encode("per", person)
