"""A connection as connectors see it: the proxy, in the connector kit's words."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from worksphere_hub import clock
from worksphere_hub.connections.broker import Ready
from worksphere_hub.connections.call_log import Call, CallLog
from worksphere_hub.connections.connectors import evaluate
from worksphere_hub.connections.errors import (
    BudgetSpent,
    ConnectionDisabled,
    NeedsReauthorization,
    NotConnected,
    NotSent,
    ProviderUnavailable,
    RenewalBusy,
)
from worksphere_hub.connections.proxy import Proxy, Wanted
from worksphere_hub.errors import HubError, InvalidInput
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, ConnectorFailed, RateLimited, Transient, Unexpected
from worksphere_hub.security.egress import EgressFailed

_UNAUTHORIZED = (ConnectionDisabled, NeedsReauthorization, NotConnected)


class AccountApi:
    """`sdk.api.Api` through one connection. Not for two tasks that hand it different callers."""

    def __init__(self, proxy: Proxy, log: CallLog, ready: Ready, *, caller: str, request_id: str, limit: int) -> None:
        """`caller` and `request_id` go into the log of calls; an answer has at most `limit` bytes."""
        values = ready.subject.values()
        self._proxy = proxy
        self._log = log
        self._connection = ready.subject.connection
        self._caller = caller
        self._request_id = request_id
        self._limit = limit
        self._settings: Mapping[str, Any] = values["settings"]
        self._captured: Mapping[str, Any] = values["captured"]
        self.calls = 0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The instance's settings."""
        return self._settings

    @property
    def captured(self) -> Mapping[str, Any]:
        """What was kept from the token's answer when this was made."""
        return self._captured

    def evaluate(self, source: str, value: Any) -> Any:
        """Work out an expression that the settings brought. Raises Unexpected."""
        return evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        """Send a request. Raises Transient, RateLimited, AuthFailed, BadSettings, Unexpected."""
        started = clock.monotonic()
        call = Call(self._connection.org, self._connection.id, request.method, self._caller, self._request_id)
        self.calls += 1
        try:
            return await self._send(wanted(call, request), call)
        except (HubError, EgressFailed) as error:
            call.error_code = call.error_code or (error.code if isinstance(error, HubError) else error.cause)
            raise failure_of(error) from error
        finally:
            call.seconds = clock.monotonic() - started
            self._log.note(call)

    async def _send(self, asked: Wanted, call: Call) -> Answer:
        call.request_bytes = len(asked.body) if isinstance(asked.body, bytes) else 0
        async with self._proxy.call(asked, call) as answer:
            pieces = [answer.begun]
            call.response_bytes = len(answer.begun)
            async for chunk in answer.rest:
                call.response_bytes += len(chunk)
                if call.response_bytes > self._limit:
                    call.error_code = "answer_too_large"
                    raise Unexpected(f"The provider's answer has more than {self._limit} bytes.", status=answer.status)
                pieces.append(chunk)
        return Answer(answer.status, _headers(answer.headers), b"".join(pieces))


def wanted(call: Call, request: Request) -> Wanted:
    """PURE: a connector's request as the proxy takes it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.body
    if request.json is not None:
        body = msgspec.json.encode(request.json)
        headers.setdefault("content-type", "application/json")
    elif request.form is not None:
        body = urlencode(request.form).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    query = urlencode(request.query, doseq=True, quote_via=quote)
    is_whole = "://" in request.path.partition("?")[0]
    path, _, own = request.path.partition("?")
    query = "&".join(part for part in (own, query) if part)
    return Wanted(
        call.org,
        call.connection,
        request.method,
        path,
        query,
        list(headers.items()),
        body,
        request.slot,
        url=(f"{path}?{query}" if query else path) if is_whole else None,
        idempotent=request.idempotent,
    )


def failure_of(error: HubError | EgressFailed) -> ConnectorFailed:
    """PURE: a failure of the hub's as connectors know them; it is the new one's cause."""
    if isinstance(error, EgressFailed):
        return Transient("The provider's answer ended before it was complete.")
    if isinstance(error, NotSent):
        return Transient(error.detail, sent=False)
    if isinstance(error, BudgetSpent):
        return RateLimited(error.detail, after=error.retry_after)
    if isinstance(error, _UNAUTHORIZED):
        return AuthFailed(error.detail)
    if isinstance(error, ProviderUnavailable | RenewalBusy):
        return Transient(error.detail, after=error.retry_after)
    # What is left is wrong before anything is sent: a host, a template, a credential that breaks the request.
    return BadSettings(error.detail) if isinstance(error, InvalidInput) else Transient(error.detail, sent=False)


def _headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
