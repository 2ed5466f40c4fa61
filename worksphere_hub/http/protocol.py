"""Bound what a connection may cost before there is a request: endless headers, dribbled bytes, unread bodies.

The server hands a request over only once its headers are complete, so no middleware can do this.
"""

import asyncio
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from worksphere_hub import ids
from worksphere_hub.errors import HubError
from worksphere_hub.http.corked import CorkedTransport
from worksphere_hub.http.errors import HeadersTooLarge, MalformedHttp, RequestTooSlow
from worksphere_hub.http.headers import SECURITY_HEADERS
from worksphere_hub.http.limits import Limits, check_headers
from worksphere_hub.http.problems import problem_bytes

# A refused body still flows: reading it away lets a client that sends first and reads later see the answer.
_DISCARDED_BYTES = 8 * 1_048_576


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 connection with limits on a request's head, arrival time and unwanted body."""

    limits: ClassVar[Limits] = Limits()

    _in_head = False  # between a request's first byte and the end of its headers
    _in_body = False  # from there until the request is complete
    _owes = True  # a request that has not arrived whole: from the start, a fresh connection owes us its first
    _head_bytes = 0
    _discarded = 0
    _refusal: HubError | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Give the first request its time."""
        super().connection_made(CorkedTransport(transport, self.loop))
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; whatever is then still incomplete is counted and timed."""
        continued = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and continued:
            # Whole chunks of an unfinished head: the parser never reports a header that never ends.
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(HeadersTooLarge())
                return
        # Stray line breaks between requests begin none, yet they stop the server's own idle clock.
        if self._owes or (self._idle() and self.timeout_keep_alive_task is None):
            self._start_clock()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        # Who is really there, whatever a proxy then says about the client: see `peers`.
        self.scope.setdefault("state", {})["peer"] = self.client[0] if self.client else None
        self._in_head = self._owes = True
        self._head_bytes = self._discarded = 0

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large before a handler starts on it."""
        try:
            check_headers(self.headers, self.limits)
        except HeadersTooLarge as refused:
            self._refusal = refused
            raise  # stops the parser, which then asks for the answer below
        self._in_head = False
        self._in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take the body while somebody wants it, and a little longer."""
        super().on_body(body)
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > _DISCARDED_BYTES:
                self.transport.close()

    def on_message_complete(self) -> None:
        """The request has arrived."""
        self._in_body = self._owes = False
        self._stop_clock()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser stopped at with a problem."""
        self._refuse(self._refusal or MalformedHttp(msg))

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.arrival_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self._in_body:
            self.transport.close()  # a handler that waits for the body learns that the client is gone
        else:
            self._refuse(RequestTooSlow())

    def _idle(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _refuse(self, error: HubError) -> None:
        if self.pipeline or not (self._in_body or self._idle()):
            # An earlier request of this connection is being answered, and these bytes would land in that
            # answer: let it end, and the connection with it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if not (self._in_body and self.cycle.response_started):
            self._write_problem(error)
        self.transport.close()

    def _write_problem(self, error: HubError) -> None:
        identity = ids.new_hex()
        status, headers, body = problem_bytes(error, identity)
        closing = [(b"x-request-id", identity.encode()), (b"connection", b"close")]
        lines = [name + b": " + value for name, value in (*headers, *SECURITY_HEADERS, *closing)]
        self.transport.write(STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n" + body)


def bounded_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Make the connection class with these limits, for the server's configuration."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
