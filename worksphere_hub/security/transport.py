"""One HTTP exchange over a client that reaches one checked address only, and what can go wrong with it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ClientClosedError,
    ConnectError,
    DetailedPyreqwestError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.http import HeaderMap, Url
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from worksphere_hub import clock
from worksphere_hub.security.addresses import IPAddress
from worksphere_hub.security.client_identity import ClientIdentity
from worksphere_hub.security.headers import CONNECTION_HEADERS
from worksphere_hub.security.redact import Secret

HEADER_LIMIT = 32 * 1024
_READ_AHEAD = 64 * 1024

Cause = Literal[
    "url_refused",
    "address_refused",
    "dns",
    "connect",
    "timeout_connect",
    "tls",
    "timeout",
    "reset",
    "protocol",
    "too_large_headers",
    "busy",
    "request",
    "closed",
]

# Fixed texts: what the HTTP library says holds the URL, and a URL may hold a token.
_DETAILS: dict[Cause, str] = {
    "url_refused": "The URL is not one the hub sends to.",
    "address_refused": "The host leads to an address the hub does not connect to.",
    "dns": "The host name does not resolve.",
    "connect": "The connection was refused, or the host cannot be reached.",
    "timeout_connect": "The connection was not made in time.",
    "tls": "The TLS handshake failed.",
    "timeout": "The answer was not complete in time.",
    "reset": "The connection ended before the answer was complete.",
    "protocol": "The answer is not valid HTTP.",
    "too_large_headers": "The answer's headers are too large.",
    "busy": "Too many requests to this destination were already under way.",
    "request": "The request's own method or headers cannot be sent.",
    "closed": "The hub is shutting down.",
}
_TLS_DETAILS = (
    ("certificate expired", "The certificate has expired."),
    ("not valid for name", "The certificate is for another host name."),
    ("not valid yet", "The certificate is not valid yet."),
    ("UnknownIssuer", "The certificate's issuer is not trusted."),
    ("CaUsedAsEndEntity", "The certificate is a self-signed authority; a server needs one that is not."),
)
_CONNECTING = "client error (Connect)"
_ENDINGS = (
    "connection reset",
    "connection closed",
    "end of file",
    "broken pipe",
    "unexpected eof",
    "close_notify",
)


class EgressFailed(Exception):
    """A request that left, or should have, and brought no complete answer.

    `cause` is a stable word; `detail` holds no URL, address or secret; `status` is set once headers arrived.
    """

    def __init__(self, cause: Cause, *, detail: str | None = None, status: int | None = None) -> None:
        self.cause: Cause = cause
        self.detail = detail or _DETAILS[cause]
        self.status = status
        self.seconds = 0.0
        super().__init__(f"{cause}: {self.detail}")

    @property
    def unsent(self) -> bool:
        """Whether it is certain that the receiver saw nothing of the request."""
        return self.cause not in {"timeout", "reset", "protocol", "too_large_headers", "closed"}


@dataclass(slots=True)
class Reply:
    """What came back; times in seconds since `send` was called, `body` cut at the limit when `truncated`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    truncated: bool
    seconds_to_headers: float
    seconds: float


class Request(NamedTuple):
    """What to send; `started` is when it was asked for, on the monotonic clock."""

    method: str
    headers: Mapping[str, str]
    body: bytes | AsyncIterator[bytes] | None
    started: float


@dataclass(frozen=True, slots=True)
class Wiring:
    """How clients are built; `extra_roots` is a PEM bundle trusted besides the system's.

    With a `proxy` (its URL) everything goes out through that. It is asked by name and resolves for itself: what was
    checked here is whether the name may be sent to, and the proxy's own rules have to hold where it looks again.
    """

    connect_timeout: float
    per_destination: int
    user_agent: str
    extra_roots: bytes | None = None
    proxy: Secret | None = None


def build_client(
    wiring: Wiring, host: str | None, address: IPAddress, identity: ClientIdentity | None = None
) -> Client:
    """Build a client, without redirects, proxies, cookies or decompression, that finds `host` at `address`.

    A host that is itself an address needs no pin and is None. Blocks for some 6 ms.
    """
    builder = (
        ClientBuilder()
        .no_proxy()
        .follow_redirects(enable=False)
        .referer(enable=False)
        .default_cookie_store(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .http1_only()
        .min_tls_version("TLSv1.2")
        .connect_timeout(timedelta(seconds=wiring.connect_timeout))
        .pool_idle_timeout(timedelta(seconds=30))
        .pool_max_idle_per_host(wiring.per_destination)
        .user_agent(wiring.user_agent)
        .default_headers({"accept-encoding": "identity"})
    )
    if host is not None:
        builder = builder.resolve(host, str(address), 0)
    if wiring.extra_roots is not None:
        builder = builder.add_root_certificate_pem(wiring.extra_roots)
    if identity is not None:
        builder = builder.identity_pem(identity.pem)
    if wiring.proxy is not None:
        builder = builder.proxy(ProxyBuilder.all(wiring.proxy.reveal()))
    return builder.build()


async def exchange(client: Client, url: Url, request: Request, *, limit: timedelta, body_limit: int) -> Reply:
    """Send one request and read its answer up to `body_limit` bytes. Raises EgressFailed.

    `limit` is enforced inside the client: cancelling the awaiting task alone would leave its connection open.
    """
    status: int | None = None
    try:
        # Nothing is read ahead, so that the status is known while the body still hangs.
        async with _built(client, url, request, limit, read_ahead=0) as response:
            seconds_to_headers = clock.monotonic() - request.started
            status = response.status
            headers = _read_headers(response.headers, status)
            # Asking for a body that cannot be there would cost another trip to the client's own thread.
            content = None if _is_empty(status, headers) else await response.body_reader.read(body_limit + 1)
    except (PyreqwestError, ValueError) as error:
        raise _failure(error, url, status) from None
    body = b"" if content is None else content.to_bytes()
    return Reply(
        status,
        headers,
        body[:body_limit],
        len(body) > body_limit,
        seconds_to_headers,
        clock.monotonic() - request.started,
    )


class Stream:
    """An answer whose head is there and whose body is read as it comes. Reading raises EgressFailed."""

    __slots__ = ("_response", "_url", "headers", "seconds_to_headers", "status")

    def __init__(self, response: Response, url: Url, seconds_to_headers: float) -> None:
        self._response = response
        self._url = url
        self.status = response.status
        self.headers = _read_headers(response.headers, response.status)
        self.seconds_to_headers = seconds_to_headers

    async def read(self, limit: int) -> bytes:
        """The next bytes of the body, `limit` unless it ends before."""
        if _is_empty(self.status, self.headers):
            return b""
        try:
            content = await self._response.body_reader.read(limit)
        except (PyreqwestError, ValueError) as error:
            raise _failure(error, self._url, self.status) from None
        return b"" if content is None else content.to_bytes()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What is left of the body, piece by piece as it arrives."""
        while not _is_empty(self.status, self.headers):
            try:
                chunk = await self._response.body_reader.read_chunk()
            except (PyreqwestError, ValueError) as error:
                raise _failure(error, self._url, self.status) from None
            if chunk is None:
                return
            yield chunk.to_bytes()


@asynccontextmanager
async def open_stream(client: Client, url: Url, request: Request, *, limit: timedelta) -> AsyncGenerator[Stream]:
    """Send one request, its body piece by piece if it is an iterator, and hand out the answer. Raises EgressFailed.

    `limit` is for everything, the answer's body included; leaving early closes the connection.
    """
    built = _built(client, url, request, limit, read_ahead=_READ_AHEAD)
    try:
        response = await built.__aenter__()
    except (PyreqwestError, ValueError) as error:
        raise _failure(error, url, None) from None
    try:
        yield Stream(response, url, clock.monotonic() - request.started)
    finally:
        await built.__aexit__(None, None, None)


def _built(client: Client, url: Url, request: Request, limit: timedelta, *, read_ahead: int) -> StreamRequest:
    if not CONNECTION_HEADERS.isdisjoint(map(str.lower, request.headers)):
        raise EgressFailed("request")
    builder = client.request(request.method, url).headers(request.headers).timeout(limit)
    if isinstance(request.body, bytes):
        builder = builder.body_bytes(request.body)
    elif request.body is not None:
        builder = builder.body_stream(request.body)
    return builder.streamed_read_buffer_limit(read_ahead).build_streamed()


def _is_empty(status: int, headers: list[tuple[str, str]]) -> bool:
    return status in {204, 304} or ("content-length", "0") in headers


def _read_headers(received: HeaderMap, status: int) -> list[tuple[str, str]]:
    try:
        headers = list(received.items())
    except ValueError:
        # The library gives no access to a value that is not ASCII; the others are worth keeping.
        headers = [(name, value) for name in received for value in _readable(received, name)]
    if sum([len(name) + len(value) for name, value in headers]) > HEADER_LIMIT:
        raise EgressFailed("too_large_headers", status=status)
    return headers


def _readable(received: HeaderMap, name: str) -> list[str]:
    try:
        return received.getall(name)
    except ValueError:
        return ["[not ASCII]"]


def _failure(error: PyreqwestError | ValueError, url: Url, status: int | None) -> EgressFailed:
    if isinstance(error, ValueError) and status is None:
        return EgressFailed("request")
    details = error.details if isinstance(error, DetailedPyreqwestError) else {"causes": None}
    told = [cause["message"] for cause in details["causes"] or ()]
    cause = _cause(error, told, url, status)
    everything = " ".join(told)
    certificate = next((text for sign, text in _TLS_DETAILS if sign in everything), None)
    return EgressFailed(cause, detail=certificate if cause == "tls" else None, status=status)


def _cause(error: Exception, told: list[str], url: Url, status: int | None) -> Cause:
    """Read the cause out of the library's exception and the chain of messages below it."""
    if isinstance(error, ClientClosedError):
        return "closed"
    if isinstance(error, RequestTimeoutError):
        return "timeout_connect" if _CONNECTING in told else "timeout"
    if isinstance(error, ConnectError) and _CONNECTING in told:
        return "tls" if url.scheme == "https" and "tcp connect error" not in told else "connect"
    everything = " ".join(told).lower()
    if "message head is too large" in everything:
        return "too_large_headers"
    if isinstance(error, ConnectError) and status is None:
        return "reset"
    return "reset" if any(ending in everything for ending in _ENDINGS) else "protocol"
