"""What a handler is given of a request, and how it answers."""

import base64
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Message, Scope

Json = dict[str, Any]
Handler = Callable[["Call"], Response | Awaitable[Response]]


class Answered(Exception):
    """The answer is decided already, deep inside: usually the vendor's way of saying no."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(f"answered {response.status_code}")


class Malformed(Exception):
    """The body is not what its content type says."""


class Call:
    """One request to a provider, its body read."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.body = body
        self.method: str = request.method
        self.path: str = request.scope["path"]
        self.query: QueryParams = request.query_params
        self.headers: Headers = request.headers

    @property
    def base(self) -> str:
        """The provider's address as this caller reached it, without a slash at the end."""
        forwarded = self.headers.get("x-forwarded-host")
        if forwarded is not None:
            # Whoever sent it asked for the provider by its own name, and is to find that in the answer.
            return f"{self.headers.get('x-forwarded-proto', 'https')}://{forwarded}"
        public: str | None = self.request.scope.get("sandbox.public")
        host = self.headers.get("host", "localhost")
        origin = public or f"{self.request.scope['scheme']}://{host}"
        return f"{origin}{self.request.scope.get('sandbox.mount', '')}"

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def kind(self) -> str:
        """The content type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """The fields of a form; of a name given twice the last one."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON; None when there is none. Raises Malformed."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Malformed(str(error)) from error

    def object(self) -> Json:
        """The body as a JSON object. Raises Malformed."""
        found = self.json()
        if not isinstance(found, dict):
            raise Malformed("a JSON object is wanted")
        return found  # pyright: ignore[reportUnknownVariableType] - the keys of a JSON object are strings

    def fields(self) -> Json:
        """Query and body as one, as vendors that take either want it; the body wins."""
        body = self.object() if self.kind() == "application/json" and self.body else self.form()
        return {**dict(self.query), **body}

    def bearer(self) -> str | None:
        """The bearer token of the Authorization header."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if scheme.lower() in {"bearer", "oauth"} and value else None

    def basic(self) -> tuple[str, str] | None:
        """User and password of the Authorization header."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return unquote(user), unquote(password)


def route(method: str, path: str, handler: Handler) -> Route:
    """A route to a handler that may answer at once or later."""

    async def endpoint(request: Request) -> Response:
        answer = handler(Call(request, await request.body()))
        return await answer if inspect.isawaitable(answer) else answer

    return Route(path, endpoint, methods=[method])


async def inside(doors: Sequence[Route], scope: Scope, request: tuple[str, str, bytes]) -> Response | None:
    """What a request within another one is answered: method, address, body. None where no door fits."""
    method, url, body = request
    parts = urlsplit(url)
    headers = [pair for pair in scope["headers"] if pair[0] not in {b"content-type", b"content-length"}]
    inner: Scope = {
        **scope, "method": method.upper(), "path": unquote(parts.path), "query_string": parts.query.encode(),
        "headers": [*headers, (b"content-type", b"application/json")],
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    for door in doors:
        match, found = door.matches(inner)
        if match is Match.FULL:
            return await door.endpoint(Request({**inner, **found}, receive))
    return None


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON."""
    return JSONResponse(body, status, dict(headers or {}))


def token_answer(body: Json, status: int = 200) -> Response:
    """JSON with a token in it, which no cache may keep."""
    return JSONResponse(body, status, {"cache-control": "no-store", "pragma": "no-cache"})


def empty(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """No body."""
    return Response(None, status, dict(headers or {}))


def whole(value: Any, default: int) -> int:
    """A whole number from a parameter, or the default when it is none."""
    try:
        return int(str(value))
    except ValueError:
        return default


def truthy(value: Any) -> bool:
    """A boolean in any of the spellings that vendors take in a query."""
    return str(value).lower() in {"1", "true", "yes"}
