"""Build the application: routers, bare handlers, and everything that stands around them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from worksphere_hub import __version__
from worksphere_hub.errors import HubError
from worksphere_hub.http.access import Access
from worksphere_hub.http.answers import send_problem
from worksphere_hub.http.handlers import install_handlers, internal_error
from worksphere_hub.http.headers import SecurityHeaders, request_id
from worksphere_hub.http.health import Check, create_health_router
from worksphere_hub.http.limits import Limits, RequestLimits
from worksphere_hub.http.openapi import DescribedApi, RawRoute, operation_id
from worksphere_hub.http.route_table import RouteTable, path_pattern
from worksphere_hub.http.strictness import check_names, check_routes
from worksphere_hub.http.verbs import Verbs, without_body
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.telemetry.metrics import Metrics

RawRoutes = Mapping[tuple[str, str], ASGIApp | RawRoute]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]

# What the server raises when a second answer is begun. The first one then stays broken off, as it should.
_ANSWER_UNDER_WAY = RuntimeError


def create_app(
    *,
    routers: Sequence[APIRouter],
    raw_routes: RawRoutes,
    metrics: Metrics,
    readiness: Mapping[str, Check],
    limits: Limits,
    lifespan: Lifespan,
) -> "Server":
    """Build the ASGI application of one process.

    `raw_routes` maps (METHOD, path) to a bare ASGI callable, or to a RawRoute that also describes it. A path may have
    `{name}` for one part of it, and a last `{path}` for all that is left.
    `lifespan` opens what the routes need and yields it; each request finds that in `request.state`.
    Raises LooseRoute or ValueError when the routes contradict the rules or each other.
    """
    api = DescribedApi(
        title="WorkSphere Hub",
        version=__version__,
        description="Signed webhooks, connections, two-way sync and a marketplace.",
        openapi_url="/openapi.json",
        docs_url=None,  # they load scripts from a CDN, which the content security policy forbids
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    for router in (create_health_router(__version__, readiness, metrics), *routers):
        api.include_router(router)
    api.raw_routes = {key: route for key, route in raw_routes.items() if isinstance(route, RawRoute)}
    check_routes(api)
    check_names(api, [str(route.operation["operationId"]) for route in api.raw_routes.values()])
    table = RouteTable(api, raw_routes)
    install_handlers(api, table.allowed)
    inner: ASGIApp = RequestLimits(Verbs(api, table.allowed), limits)
    return Server(api, Access(SecurityHeaders(inner), metrics, table.template), _handlers(raw_routes))


def _handlers(raw_routes: RawRoutes) -> dict[tuple[str, str], ASGIApp]:
    handlers = {key: route.handle if isinstance(route, RawRoute) else route for key, route in raw_routes.items()}
    heads = {("HEAD", path): without_body(app) for (method, path), app in handlers.items() if method == "GET"}
    return heads | handlers


class Server:
    """The whole door: bare handlers by one dictionary look-up, everything else through the framework."""

    def __init__(self, api: DescribedApi, app: ASGIApp, raw: Mapping[tuple[str, str], ASGIApp]) -> None:
        self.api = api
        self._app = app
        self._raw = {key: app for key, app in raw.items() if "{" not in key[1]}
        self._patterns = [(key[0], path_pattern(key[1]), app) for key, app in raw.items() if "{" in key[1]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, connection or lifespan."""
        if scope["type"] != "http":
            await self.api(scope, receive, send)
            return
        handler = self._raw.get((scope["method"], scope["path"])) or self._matching(scope)
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            await handler(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last place that can still answer
            await self._answer_for(error, scope, send)

    def _matching(self, scope: Scope) -> ASGIApp | None:
        for method, pattern, app in self._patterns:
            if method == scope["method"] and pattern.match(scope["path"]):
                return app
        return None

    async def _answer_for(self, error: Exception, scope: Scope, send: Send) -> None:
        identity = request_id(scope)
        refused = error if isinstance(error, HubError) else internal_error(identity)
        if refused.status >= 500:
            with wide("request.failed", request_id=identity, route=scope["path"]) as line:
                line.caught(error)
        with suppress(_ANSWER_UNDER_WAY):
            await send_problem(scope, send, refused)
