"""What one request may cost: header bytes and body bytes here, JSON depth and rates beside."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worksphere_hub.http.answers import send_problem
from worksphere_hub.http.depth import check_depth
from worksphere_hub.http.errors import BodyTooLarge, HeadersTooLarge, RateLimited
from worksphere_hub.http.headers import RawHeaders
from worksphere_hub.http.rates import RateLimiter, TokenBucket
from worksphere_hub.http.reading import announced_length, discard_body

__all__ = [
    "Limits",
    "RateLimited",
    "RateLimiter",
    "RequestLimits",
    "TokenBucket",
    "check_depth",
    "check_headers",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process; every route has them unless it is a bare handler with its own."""

    body_bytes: int = 1_048_576
    header_count: int = 100
    header_bytes: int = 32_768
    arrival_seconds: float = 30.0  # from a request's first byte to its last


def check_headers(headers: RawHeaders, limits: Limits) -> None:
    """Refuse more headers, or more bytes of them, than the limits allow."""
    if len(headers) > limits.header_count:
        raise HeadersTooLarge(f"At most {limits.header_count} headers. Send fewer.")
    if sum(len(name) + len(value) for name, value in headers) > limits.header_bytes:
        raise HeadersTooLarge(f"At most {limits.header_bytes} bytes of headers. Send shorter ones.")


def _check_announced(scope: Scope, limit: int) -> None:
    if announced_length(scope) > limit:
        raise BodyTooLarge(limit)


class RequestLimits:
    """Refuse what is too large before the application sees it, or at the byte that makes it so."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            check_headers(scope["headers"], self._limits)
            _check_announced(scope, self._limits.body_bytes)
        except (HeadersTooLarge, BodyTooLarge) as refused:
            await discard_body(scope, receive)
            await send_problem(scope, send, refused)
            return
        gate = _BodyGate(scope, receive, send, self._limits.body_bytes)
        try:
            await self._app(scope, gate.receive, gate.send)
        except BodyTooLarge:
            await gate.refuse()


class _BodyGate:
    """Count a body as it arrives, and turn whatever the application answers into 413 once it grew too large.

    The count has to be kept: a chunked body announces nothing. The answer has to be turned: what sits between
    here and the reader may wrap the exception in a failure of its own.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._size = 0
        self._whole = False
        self._started = False
        self._refused = False

    async def receive(self) -> Message:
        """Pass one message on; raises BodyTooLarge, and reads nothing more after that."""
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        message = await self._receive()
        self._whole = not message.get("more_body")
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, unless the body turned out too large before it began."""
        if self._size > self._limit and not self._started:
            await self.refuse()
            return
        self._started = True
        await self._send(message)

    async def refuse(self) -> None:
        """Answer 413, once, unless another answer is under way already."""
        if not self._started and not self._refused:
            self._refused = True
            if not self._whole:  # else nothing more comes, and waiting for it would be for ever
                await discard_body(self._scope, self._receive)
            await send_problem(self._scope, self._send, BodyTooLarge(self._limit))
