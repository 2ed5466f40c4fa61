"""The accounts room's statements, and its rows as what they are."""

from worksphere_hub.accounts.models import ApiKey, AuditEntry, Invitation, Member, Organization, Role, Session
from worksphere_hub.db.pool import Row
from worksphere_hub.db.queries import load_queries

QUERIES = load_queries(__file__)


def organization_of(row: Row) -> Organization:
    """A row of `organizations`."""
    return Organization(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        operator=row["operator"],
        created_at=row["created_at"],
        suspended_at=row["suspended_at"],
    )


def role_of(row: Row) -> Role:
    """A row of `roles`."""
    return Role(
        name=row["name"],
        permissions=row["permissions"],
        built_in=row["built_in"],
        created_at=row["created_at"],
    )


def member_of(row: Row) -> Member:
    """A row of `members`, joined with its person."""
    return Member(
        person=row["person_id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        created_at=row["created_at"],
    )


def invitation_of(row: Row) -> Invitation:
    """A row of `invitations`, without its digest."""
    return Invitation(
        id=row["id"],
        email=row["email"],
        role=row["role"],
        invited_by=row["invited_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def key_of(row: Row) -> ApiKey:
    """A row of `api_keys`, without its digest, and whether it ends soon."""
    return ApiKey(
        id=row["id"],
        key_id=row["key_id"],
        name=row["name"],
        last4=row["last4"],
        scopes=row["scopes"],
        created_by=row["created_by"],
        rate_limit=row["rate_limit"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        expires_soon=row["expires_soon"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


def session_of(row: Row) -> Session:
    """A row of `sessions`, without its digest."""
    return Session(
        id=row["id"],
        ip=_text(row["ip"]),
        user_agent=row["user_agent"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
    )


def audit_entry_of(row: Row) -> AuditEntry:
    """A row of `audit_log`."""
    return AuditEntry(
        id=row["id"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        acting_org=row["acting_org_id"],
        action=row["action"],
        target_kind=row["target_kind"],
        target_id=row["target_id"],
        result=row["result"],
        changes=row["changes"],
        ip=_text(row["ip"]),
        user_agent=row["user_agent"],
        request_id=row["request_id"],
        created_at=row["created_at"],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
