"""The headers every answer carries: the security set, and the request id to quote."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worksphere_hub import ids

RawHeaders = list[tuple[bytes, bytes]]

# For bare ASGI handlers, which answer without the middleware below: send these as they are.
SECURITY_HEADERS: RawHeaders = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
]
SECURITY_HEADERS_HTTPS: RawHeaders = [
    *SECURITY_HEADERS,
    (b"strict-transport-security", b"max-age=31536000"),
]

# Long enough to be unique, short enough to log, and nothing in it that a log or a header could trip over.
_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{8,64}\Z")


def security_headers(scope: Scope) -> RawHeaders:
    """Pick the constant list for this request: the same one, and HSTS when it came by https."""
    return SECURITY_HEADERS_HTTPS if scope.get("scheme") == "https" else SECURITY_HEADERS


def request_id(scope: Scope) -> str:
    """Return this request's id, taking a sane incoming `x-request-id` or making one at the first call."""
    state: dict[str, object] = scope.setdefault("state", {})
    known = state.get("request_id")
    if isinstance(known, str):
        return known
    headers: RawHeaders = scope["headers"]
    offered = next((value for name, value in headers if name == b"x-request-id"), b"")
    fresh = offered.decode("ascii") if _SANE_REQUEST_ID.match(offered) else ids.new_hex()
    state["request_id"] = fresh
    return fresh


class SecurityHeaders:
    """Add the security set to every answer, except the names an answer sets itself, and the request id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = (b"x-request-id", request_id(scope).encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"x-request-id"]
                names = {name.lower() for name, _ in own}
                added = [pair for pair in security_headers(scope) if pair[0] not in names]
                message = {**message, "headers": [*own, *added, identity]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
