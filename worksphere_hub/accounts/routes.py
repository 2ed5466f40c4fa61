"""The HTTP door of the whole room: its routers, one a noun."""

from worksphere_hub.accounts import key_routes, member_routes, organization_routes, session_routes

ROUTERS = (
    organization_routes.router,
    organization_routes.audit_router,
    member_routes.router,
    key_routes.router,
    session_routes.router,
)
