"""For every route of this room a request that is fine, and what it takes to have one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi.routing import APIRoute

from tests.accounts.office import PASSWORD, Office, public
from worksphere_hub.accounts import permissions, routes
from worksphere_hub.accounts.invitations import INVITATION_PREFIX
from worksphere_hub.accounts.requires import declared
from worksphere_hub.security import tokens

Request = tuple[str, Any]


@dataclass(frozen=True)
class Actor:
    """Who makes the sample request; no person when it is a key."""

    org: UUID
    person: UUID | None = None
    session: UUID | None = None


Sample = Callable[[Office, Actor], Awaitable[Request]]


def all_routes() -> dict[tuple[str, str], APIRoute]:
    """Every route of the room by method and path."""
    found = {}
    for router in routes.ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods:
                found[method, route.path] = route
    return found


def needed(method: str, path: str) -> str:
    """The one permission that a route declares, or `public`."""
    (permission,) = declared(all_routes()[method, path])
    return permission


def is_mutation(method: str) -> bool:
    return method != "GET"


async def other_organization(office: Office) -> str:
    return public("org", await office.organization())


async def new_invitation(office: Office, org: UUID, email: str | None = None) -> tuple[UUID, str]:
    """An invitation's id and code."""
    token = tokens.mint_token(INVITATION_PREFIX)
    email = email or f"invited-{office._number()}@example.com"
    made = await office.admin.fetchval(
        "insert into hub.invitations (org_id, email, role, digest, expires_at)"
        " values ($1, $2, 'analyst', $3, now() + interval '1 day') returning id",
        org, email, token.digest,
    )  # fmt: skip
    return made, token.text.reveal()


async def new_session(office: Office, org: UUID, person: UUID) -> UUID:
    await office.session(org, person)
    return await office.admin.fetchval(
        "select id from hub.sessions where org_id = $1 and person_id = $2 order by id desc limit 1", org, person
    )


async def create_organization(office: Office, actor: Actor) -> Request:
    return "/v1/organizations", {"slug": f"new-{office._number()}", "name": "New", "owner_email": "o@example.com"}


async def list_organizations(office: Office, actor: Actor) -> Request:
    return "/v1/organizations?limit=2", None


async def own_organization(office: Office, actor: Actor) -> Request:
    return f"/v1/organizations/{public('org', actor.org)}", None


async def rename_organization(office: Office, actor: Actor) -> Request:
    return f"/v1/organizations/{public('org', actor.org)}", {"name": f"Name {office._number()}"}


async def suspend(office: Office, actor: Actor) -> Request:
    return f"/v1/organizations/{await other_organization(office)}/suspend", None


async def resume(office: Office, actor: Actor) -> Request:
    org = await office.organization()
    await office.admin.execute("update hub.organizations set suspended_at = now() where id = $1", org)
    return f"/v1/organizations/{public('org', org)}/resume", None


async def list_audit(office: Office, actor: Actor) -> Request:
    return "/v1/audit", None


async def list_members(office: Office, actor: Actor) -> Request:
    return "/v1/members", None


async def a_member(office: Office, actor: Actor) -> Request:
    return f"/v1/members/{public('per', await office.person(actor.org, 'analyst'))}", None


async def change_member(office: Office, actor: Actor) -> Request:
    path, _ = await a_member(office, actor)
    return path, {"role": "auditor"}


async def create_invitation(office: Office, actor: Actor) -> Request:
    return "/v1/invitations", {"email": f"new-{office._number()}@example.com", "role": "analyst"}


async def list_invitations(office: Office, actor: Actor) -> Request:
    return "/v1/invitations", None


async def an_invitation(office: Office, actor: Actor) -> Request:
    made, _ = await new_invitation(office, actor.org)
    return f"/v1/invitations/{public('inv', made)}", None


async def accept_invitation(office: Office, actor: Actor) -> Request:
    _, code = await new_invitation(office, actor.org)
    return "/v1/invitations/accept", {"code": code, "name": "New Person", "password": PASSWORD}


async def list_roles(office: Office, actor: Actor) -> Request:
    return "/v1/roles", None


async def create_role(office: Office, actor: Actor) -> Request:
    return "/v1/roles", {"name": f"new-{office._number()}", "permissions": ["metrics:read"]}


async def a_role(office: Office, actor: Actor) -> Request:
    return f"/v1/roles/{await office.role(actor.org, 'metrics:read')}", None


async def create_key(office: Office, actor: Actor) -> Request:
    return "/v1/api-keys", {"name": "new", "scopes": ["metrics:read"], "expires_in_days": 3}


async def list_keys(office: Office, actor: Actor) -> Request:
    return "/v1/api-keys", None


async def a_key(office: Office, actor: Actor) -> Request:
    _, key = await office.key(actor.org, "metrics:read", creator=actor.person)
    return f"/v1/api-keys/{public('key', key)}", None


async def sign_in(office: Office, actor: Actor) -> Request:
    person = await office.person(actor.org, "analyst")
    return "/v1/sessions", {"email": await office.email(person), "password": PASSWORD}


async def list_sessions(office: Office, actor: Actor) -> Request:
    return "/v1/sessions", None


async def a_session(office: Office, actor: Actor) -> Request:
    person = actor.person or await office.person(actor.org, "analyst")
    return f"/v1/sessions/{public('ses', await new_session(office, actor.org, person))}", None


async def end_all_sessions(office: Office, actor: Actor) -> Request:
    return "/v1/sessions", None


async def change_password(office: Office, actor: Actor) -> Request:
    return "/v1/password", {"current_password": PASSWORD, "new_password": PASSWORD}


SAMPLES: dict[tuple[str, str], Sample] = {
    ("POST", "/v1/organizations"): create_organization,
    ("GET", "/v1/organizations"): list_organizations,
    ("GET", "/v1/organizations/{organization_id}"): own_organization,
    ("PATCH", "/v1/organizations/{organization_id}"): rename_organization,
    ("POST", "/v1/organizations/{organization_id}/suspend"): suspend,
    ("POST", "/v1/organizations/{organization_id}/resume"): resume,
    ("GET", "/v1/audit"): list_audit,
    ("GET", "/v1/members"): list_members,
    ("GET", "/v1/members/{member_id}"): a_member,
    ("PATCH", "/v1/members/{member_id}"): change_member,
    ("DELETE", "/v1/members/{member_id}"): a_member,
    ("POST", "/v1/invitations"): create_invitation,
    ("GET", "/v1/invitations"): list_invitations,
    ("DELETE", "/v1/invitations/{invitation_id}"): an_invitation,
    ("POST", "/v1/invitations/accept"): accept_invitation,
    ("GET", "/v1/roles"): list_roles,
    ("POST", "/v1/roles"): create_role,
    ("DELETE", "/v1/roles/{role_name}"): a_role,
    ("POST", "/v1/api-keys"): create_key,
    ("GET", "/v1/api-keys"): list_keys,
    ("GET", "/v1/api-keys/{api_key_id}"): a_key,
    ("DELETE", "/v1/api-keys/{api_key_id}"): a_key,
    ("POST", "/v1/sessions"): sign_in,
    ("GET", "/v1/sessions"): list_sessions,
    ("GET", "/v1/sessions/{session_id}"): a_session,
    ("DELETE", "/v1/sessions/{session_id}"): a_session,
    ("DELETE", "/v1/sessions"): end_all_sessions,
    ("PUT", "/v1/password"): change_password,
}

PROTECTED = [name for name in SAMPLES if needed(*name) != "public"]
MUTATIONS = [name for name in SAMPLES if is_mutation(name[0])]
WITH_ID = [name for name in SAMPLES if "{" in name[1] and needed(*name) not in permissions.OPERATOR_ONLY]
