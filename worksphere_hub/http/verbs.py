"""HEAD and OPTIONS, which no room declares and every route answers."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worksphere_hub.http.answers import send_answer, send_problem
from worksphere_hub.http.errors import NoSuchRoute


class Verbs:
    """Answer OPTIONS from the table of routes, and HEAD as GET without the body."""

    def __init__(self, app: ASGIApp, allowed: Callable[[str], list[str]]) -> None:
        """`allowed` lists the methods of a path; empty when there is no such path."""
        self._app = app
        self._as_get = without_body(app)
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method = scope["method"] if scope["type"] == "http" else None
        if method == "OPTIONS":
            await self._options(scope, send)
        elif method == "HEAD":
            await self._as_get(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _options(self, scope: Scope, send: Send) -> None:
        path: str = scope["path"]
        methods = ["OPTIONS"] if path == "*" else self._allowed(path)  # `OPTIONS *` asks about the server
        if not methods:
            await send_problem(scope, send, NoSuchRoute())
            return
        # No Access-Control-* header: pages of other origins talk to the hub through their own server.
        await send_answer(scope, send, 204, [(b"allow", ", ".join(methods).encode())], b"")


def without_body(app: ASGIApp) -> ASGIApp:
    """Serve HEAD with the GET of `app`: its status and headers, and an end at once."""

    async def head(scope: Scope, receive: Receive, send: Send) -> None:
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True  # a stream sees the connection end here, as it would when a reader leaves
                await send({"type": "http.response.body", "body": b""})

        # A copy: the server itself reads the method again when it writes the answer.
        inner = {**scope, "method": "GET"}
        try:
            await app(inner, receive, send_head)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]

    return head
