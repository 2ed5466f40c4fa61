"""One wide line and one count for every request that is answered here."""

import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worksphere_hub import clock
from worksphere_hub.http.answers import send_problem
from worksphere_hub.http.handlers import internal_error
from worksphere_hub.http.headers import request_id
from worksphere_hub.telemetry.logs import Line, within
from worksphere_hub.telemetry.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class Access:
    """Write `request.served`, count the request, and answer 500 for what nothing else answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics, template: Callable[[Scope], str | None]) -> None:
        """`template` names the route of a served scope; what has none is counted together."""
        self._app = app
        self._metrics = metrics
        self._template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; `scope["state"]["line"]` is its line, for routes that have more to say."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = request_id(scope)
        seen = _Seen(send)
        since = clock.monotonic()
        with within(_parent(scope), "request.served", request_id=identity, method=scope["method"]) as line:
            scope["state"]["line"] = line
            try:
                await self._app(scope, receive, seen.send)
            except Exception as error:  # noqa: BLE001 - the last place that can still answer
                line.caught(error)
                if seen.status is None:
                    await send_problem(scope, seen.send, internal_error(identity))
            finally:
                self._count(scope, seen, clock.monotonic() - since)
                self._tell(scope, seen, line)

    def _count(self, scope: Scope, seen: "_Seen", seconds: float) -> None:
        route = self._template(scope) or "(none)"  # a path is the client's, a template is ours: labels stay few
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        self._metrics.http_requests.labels(route, method, str(seen.status or 0)).inc()
        self._metrics.http_request_seconds.labels(route, method).observe(seconds)
        code = scope["state"].get("problem_code")
        if code is not None:
            self._metrics.problems.labels(code).inc()

    def _tell(self, scope: Scope, seen: "_Seen", line: Line) -> None:
        route = self._template(scope)
        client = scope.get("client")
        line.add(
            route=route or scope["path"],
            status=seen.status,
            bytes=seen.size,
            client=client[0] if client else None,
            **_caller(scope),
        )
        code = scope["state"].get("problem_code")
        if line.failed:
            return
        if code is not None:
            line.fail(code, level=logging.ERROR if (seen.status or 500) >= 500 else logging.INFO)
        elif route in _PROBES and seen.status == 200:
            line.quiet()


class _Seen:
    """Note what of an answer went out."""

    __slots__ = ("_send", "size", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


def _caller(scope: Scope) -> dict[str, object]:
    # Whoever authenticated the request left the principal here; this room knows only these two names of it.
    principal: object = scope["state"].get("principal")
    found = {"org": getattr(principal, "org_id", None), "principal": getattr(principal, "label", None)}
    return {name: value for name, value in found.items() if value is not None}


def _parent(scope: Scope) -> str | None:
    """What the caller says that its request is part of."""
    found = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
    return None if found is None else found.decode("latin-1")
