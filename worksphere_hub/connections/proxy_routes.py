"""`ANY /v1/connections/{connection_id}/proxy/{path}`, as a bare ASGI handler: bodies stream through it both ways."""

import logging
from collections.abc import AsyncIterator
from uuid import UUID

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from worksphere_hub import clock, ids
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.errors import Forbidden
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import origin
from worksphere_hub.connections.call_log import Call, CallLog
from worksphere_hub.connections.errors import ConnectionNotFound
from worksphere_hub.connections.proxy import Answer, Proxy, Wanted
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.errors import HubError
from worksphere_hub.http.answers import send_problem
from worksphere_hub.http.errors import BodyTooLarge, ClientGone
from worksphere_hub.http.headers import RawHeaders, request_id, security_headers
from worksphere_hub.http.limits import Limits, check_headers
from worksphere_hub.http.openapi import RawRoute
from worksphere_hub.http.reading import announced_length, discard_body
from worksphere_hub.security.egress import EgressFailed
from worksphere_hub.telemetry.logs import Line, wide

PERMISSION = "connections:call"
PATH = "/v1/connections/{connection_id}/proxy/{path}"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class ProxyDoor:
    """Serves calls through connections."""

    def __init__(self, authenticator: Authenticator, proxy: Proxy, log: CallLog, settings: ConnectionSettings) -> None:
        self._authenticator = authenticator
        self._proxy = proxy
        self._log = log
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = clock.monotonic()
        sending = _Sending(scope, send)
        with wide("connection.called", request_id=request_id(scope), method=scope["method"]) as line:
            call: Call | None = None
            try:
                principal = await self._admit(scope)
                line.add(org=principal.org, principal=principal.label)
                call = Call(principal.org, _connection(scope), scope["method"], principal.label, request_id(scope))
                await self._serve(scope, receive, call, sending)
            except (HubError, EgressFailed) as error:
                await self._refuse(scope, receive, sending, error, line)
                if call is not None:
                    call.error_code = call.error_code or (error.code if isinstance(error, HubError) else error.cause)
            finally:
                if call is not None:
                    call.seconds = clock.monotonic() - started
                    self._tell(call, line)

    def _tell(self, call: Call, line: Line) -> None:
        # What is not this organization's is no use of anybody's.
        if call.error_code != ConnectionNotFound.code:
            self._log.note(call)
        line.add(
            connection_id=call.connection.hex, host=call.host, status=call.status, attempts=call.attempts,
            waited_ms=round(call.waited * 1000),
        )  # fmt: skip

    async def _admit(self, scope: Scope) -> Principal:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        check_headers(scope["headers"], Limits())
        principal = await self._authenticator.authenticate(
            headers.get(b"authorization"), headers.get(b"hub-organization")
        )
        try:
            principal.require(PERMISSION)
        except Forbidden as refused:
            asked = principal.coming_from(origin(Request(scope)))
            await self._authenticator.record_refusal(asked, refused, f"{scope['method']} {PATH}")
            raise
        if announced_length(scope) > self._settings.upload_limit:
            raise BodyTooLarge(self._settings.upload_limit)
        return principal

    async def _serve(self, scope: Scope, receive: Receive, call: Call, sending: "_Sending") -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        own = dict(headers)
        raw: bytes = scope["raw_path"]
        wanted = Wanted(
            call.org,
            call.connection,
            scope["method"],
            raw.partition(b"/proxy/")[2].partition(b"?")[0].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            headers,
            await _Body(receive, call, self._settings).take(),
            own.get("hub-slot", "main"),
            pages="hub-paginate" in own,
        )
        async with self._proxy.call(wanted, call) as answer:
            await sending.begin(answer)
            async for chunk in answer.rest:
                call.response_bytes += len(chunk)
                await sending.more(chunk)
            call.response_bytes += len(answer.begun)
            await sending.end()

    async def _refuse(
        self, scope: Scope, receive: Receive, sending: "_Sending", error: HubError | EgressFailed, line: Line
    ) -> None:
        if sending.begun or not isinstance(error, HubError):
            # The head is out: all that is left is not to end it as if it were whole.
            line.fail("answer_cut")
            raise ConnectionResetError("the provider's answer ended before it was complete") from None
        line.fail(error.code, level=logging.ERROR if error.status == 500 else logging.INFO)
        if isinstance(error, BodyTooLarge):
            await discard_body(scope, receive)
        await send_problem(scope, sending.send, error)


class _Body:
    """A caller's body: whole while it is small, so that it can be sent again, else piece by piece."""

    def __init__(self, receive: Receive, call: Call, settings: ConnectionSettings) -> None:
        self._receive = receive
        self._call = call
        self._settings = settings
        self._more = True

    async def take(self) -> bytes | AsyncIterator[bytes] | None:
        """Nothing, bytes, or an iterator that has the beginning already."""
        begun: list[bytes] = []
        size = 0
        while self._more and size <= self._settings.buffer_limit:
            chunk = await self._chunk()
            size += len(chunk)
            begun.append(chunk)
        if not self._more:
            return b"".join(begun) if size else None
        return self._stream(b"".join(begun))

    async def _stream(self, begun: bytes) -> AsyncIterator[bytes]:
        yield begun
        while self._more:
            chunk = await self._chunk()
            if chunk:
                yield chunk

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        self._call.request_bytes += len(chunk)
        if self._call.request_bytes > self._settings.upload_limit:
            raise BodyTooLarge(self._settings.upload_limit)
        return chunk


class _Sending:
    """An answer on its way to the caller."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self.send = send
        self.begun = False

    async def begin(self, answer: Answer) -> None:
        """Send the head, and what of the body is there."""
        headers: RawHeaders = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        headers += [*security_headers(self._scope), (b"x-request-id", request_id(self._scope).encode())]
        self.begun = True
        await self.send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.begun:
            await self.more(answer.begun)

    async def more(self, chunk: bytes) -> None:
        """Send a piece of the body."""
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """That was all of it."""
        await self.send({"type": "http.response.body", "body": b""})


def proxy_routes(handle: ASGIApp) -> dict[tuple[str, str], RawRoute]:
    """The bare handler under each method, with what the OpenAPI document says of it."""
    text = {"schema": {"type": "string"}}
    parameters = [
        {"name": "connection_id", "in": "path", "required": True, **text},
        {"name": "path", "in": "path", "required": True, "description": "Below the API's base URL.", **text},
        {
            "name": "Hub-Slot",
            "in": "header",
            "description": "The token slot to call with, where there are several.",
            **text,
        },
        {
            "name": "Hub-Paginate",
            "in": "header",
            "description": "Set, the answer's `Hub-Next` holds path and query of the list's next page.",
            **text,
        },
    ]
    return {
        (method, PATH): RawRoute(
            handle,
            {
                "operationId": f"call_provider_{method.lower()}",
                "summary": "Call the provider through a connection",
                "description": "With its credential, to its API only, paced, and tried again where that does no harm.",
                "tags": ["connections"],
                "parameters": parameters,
                "responses": {"default": {"description": "The provider's own answer, or a problem of the hub's."}},
            },
        )
        for method in METHODS
    }


def _connection(scope: Scope) -> UUID:
    return ids.decode("con", scope["path"].split("/")[3], ConnectionNotFound)
