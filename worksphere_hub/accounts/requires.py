"""What a route needs: a permission, or nothing at all. A test refuses a route that says neither."""

from collections.abc import AsyncGenerator
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.errors import Forbidden
from worksphere_hub.accounts.permissions import NAMES, SELF
from worksphere_hub.accounts.principal import Origin, Principal
from worksphere_hub.http.headers import request_id

_USER_AGENT_CHARACTERS = 400

ForOrganization = Annotated[
    str | None,
    Header(
        alias="Hub-Organization",
        description="The organization to act for (`org_...`), for keys and people of the company that runs the hub.",
    ),
]


class Requires:
    """A dependency that yields the principal, once it has the permission; refusals go on the audit log."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, request: Request, organization: ForOrganization = None) -> AsyncGenerator[Principal]:
        """Authenticate, limit, check; also record what the route itself refuses."""
        authenticator: Authenticator = request.state.authenticator
        found = await authenticator.authenticate(request.headers.get("authorization"), organization)
        principal = found.coming_from(origin(request))
        request.state.principal = principal
        try:
            principal.require(self.permission)
            yield principal
        except Forbidden as refused:
            # The route's own transaction is rolled back by now; the refusal has one of its own.
            doing = f"{request.method} {request.scope['route'].path}"
            await authenticator.record_refusal(principal, refused, doing)
            raise


def requires(permission: str) -> Requires:
    """Make the dependency of a route: `principal: Annotated[Principal, Depends(requires("endpoints:write"))]`."""
    if permission not in NAMES and permission != SELF:
        raise ValueError(f"there is no permission {permission}: add it to accounts/permissions.py")
    return Requires(permission)


async def public() -> None:
    """Mark a route that everybody may call."""


PUBLIC = Depends(public)


def declared(route: APIRoute) -> list[str]:
    """What a route says it needs: its permissions, or `public`; empty when nobody has thought about it."""
    return sorted(_declared(route.dependant))


def origin(request: Request) -> Origin:
    """Where a request comes from, made fit to be stored."""
    agent = request.headers.get("user-agent")
    printable = "".join(character for character in agent or "" if character.isprintable())
    return Origin(address(request), printable[:_USER_AGENT_CHARACTERS] or None, request_id(request.scope))


def address(request: Request) -> str | None:
    """The network address of the client, as far as the trusted proxies tell it."""
    if request.client is None:
        return None
    try:
        # A zone (fe80::1%eth0) means something on this machine only, and PostgreSQL does not take it.
        return str(ip_address(request.client.host.partition("%")[0]))
    except ValueError:
        return None


def _declared(dependant: Dependant) -> set[str]:
    found: set[str] = set()
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requires):
            found.add(dependency.call.permission)
        elif dependency.call is public:
            found.add("public")
        found |= _declared(dependency)
    return found
