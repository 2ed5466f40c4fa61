"""Call a provider through a connection: with its credential, within its budget, and again where that does no harm."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.connections import hosts, paginate
from worksphere_hub.connections import proxy_rules as rules
from worksphere_hub.connections.broker import Broker, Ready
from worksphere_hub.connections.budget import Budgets
from worksphere_hub.connections.call_log import Call
from worksphere_hub.connections.errors import BudgetSpent, InvalidConnection, NoApi, NotSent, ProviderUnavailable
from worksphere_hub.connections.placement import Outgoing, place, placed_headers, placed_parameters
from worksphere_hub.connections.provider import chance
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.sdk.manifest.api import Api, RateRule
from worksphere_hub.sdk.manifest.auth import Custom
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill
from worksphere_hub.security.egress import EgressClient, EgressFailed, Stream

# Of an answer that may be a refusal so much is read before it is passed on.
_LOOK = 65_536
_LONGEST_PAGE = 8 * 1_048_576
# Trying again changes nothing about these.
_FINAL = frozenset({"url_refused", "address_refused", "tls", "request"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants called. A `body` that is an iterator is sent once and no more.

    `url`, a whole one, takes the place of path and query; it has to be on the integration's hosts. `idempotent` says
    whether doing it twice is doing it once; None leaves it to the method.
    """

    org: UUID
    connection: UUID
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes | AsyncIterator[bytes] | None = field(repr=False)
    slot: str = "main"
    pages: bool = False
    url: str | None = field(default=None, repr=False)
    idempotent: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the head, what of the body was read already, and the rest as it comes."""

    status: int
    headers: list[tuple[str, str]]
    begun: bytes = field(repr=False)
    rest: AsyncIterator[bytes] = field(repr=False)


@dataclass(slots=True)
class _Trip:
    """One call on its way, through all its tries."""

    wanted: Wanted
    call: Call
    deadline: float
    ready: Ready
    tries: int = 0
    renewed: bool = False

    @property
    def api(self) -> Api:
        api = self.ready.subject.definition.manifest.api
        if api is None:
            raise NoApi
        return api

    @property
    def repeatable(self) -> bool:
        """Whether the body is still there for another try."""
        return self.wanted.body is None or isinstance(self.wanted.body, bytes)

    def refuses(self, status: int) -> bool:
        """Whether a status says that the credential is not taken."""
        return status in {401, *self.api.retry.renew_statuses}

    def may_repeat(self, request: Outgoing) -> bool:
        """Whether it may be made again though nobody knows what became of it."""
        if self.wanted.idempotent is not None:
            return self.wanted.idempotent
        return rules.may_repeat(request.method, request.headers, self.api)


class Proxy:
    """Makes calls."""

    def __init__(self, broker: Broker, egress: EgressClient, budgets: Budgets, settings: ConnectionSettings) -> None:
        self._broker = broker
        self._egress = egress
        self._budgets = budgets
        self._settings = settings

    @asynccontextmanager
    async def call(self, wanted: Wanted, call: Call) -> AsyncGenerator[Answer]:
        """Make a call and hand out its answer while it comes; what is noted of it is put on `call`.

        Raises what `Broker.ready` does, and HostNotAllowed, NoApi, BudgetSpent, ProviderUnavailable.
        """
        deadline = clock.monotonic() + self._settings.call_deadline
        trip = _Trip(wanted, call, deadline, await self._broker.ready(wanted.org, wanted.connection, wanted.slot))
        while True:
            async with AsyncExitStack() as stack:
                outcome = await self._try(trip, stack)
                if isinstance(outcome, Answer):
                    yield outcome
                    return
            # The connection is free again before anybody waits.
            if outcome:
                await self._sleep(trip, outcome)

    async def _try(self, trip: _Trip, stack: AsyncExitStack) -> Answer | float:
        """One try; the seconds to wait where there is to be another."""
        request = _request(trip)
        spent = rules.matching(trip.api.rates, request.method, urlsplit(request.url).path or "/")
        await self._wait_for_budget(trip, spent)
        trip.tries += 1
        trip.call.attempts = trip.tries
        trip.call.host, trip.call.path = host_and_path(request.url)
        try:
            stream = await stack.enter_async_context(
                self._egress.stream(
                    request.method,
                    request.url,
                    headers=request.headers,
                    body=request.body if trip.repeatable else trip.wanted.body,
                    total_timeout=max(trip.deadline - clock.monotonic(), 0.001),
                )
            )
            return await self._judge(trip, request, stream, spent)
        except EgressFailed as failure:
            return self._after_failure(trip, request, failure)

    async def _judge(self, trip: _Trip, request: Outgoing, stream: Stream, spent: list[RateRule]) -> Answer | float:
        api, headers = trip.api, {name.lower(): value for name, value in stream.headers}
        begun = b""
        if stream.status >= 400 or (api.retry.rate_limited is not None and _is_json(headers)):
            begun = await stream.read(_LOOK)
        heard = rules.Heard(stream.status, headers, begun)
        limited = rules.is_rate_limited(api.retry, heard)
        asked = rules.asked_wait(api.retry, heard, clock.epoch()) if limited or stream.status >= 400 else None
        if spent and (limited or any(rule.remaining_header for rule in spent)):
            await self._budgets.hear(trip.ready.subject, spent, heard, asked if limited else None)
        if await self._is_renewed(trip, stream.status):
            return 0.0
        wait = self._wait_before_repeating(trip, request, heard, limited=limited, asked=asked)
        if wait is not None:
            return wait
        if trip.refuses(stream.status):
            await self._broker.refused(trip.wanted.org, trip.wanted.connection)
        if limited and asked and not spent:
            await self._budgets.block(trip.ready.subject, asked)
        trip.call.status = stream.status
        return await self._answer(trip, stream, begun)

    async def _is_renewed(self, trip: _Trip, status: int) -> bool:
        """After a 401: the credential is renewed, once, and if there is another one by that, the call is made again."""
        if trip.renewed or not trip.repeatable or not trip.refuses(status):
            return False
        trip.renewed = True
        before = trip.ready.version
        if before == 0:
            return False
        try:
            trip.ready = await self._broker.ready(
                trip.wanted.org, trip.wanted.connection, trip.wanted.slot, refused=before
            )
        except ProviderUnavailable:
            # It cannot be had now: what the API said stands.
            return False
        return trip.ready.version != before

    def _wait_before_repeating(
        self, trip: _Trip, request: Outgoing, heard: rules.Heard, *, limited: bool, asked: float | None
    ) -> float | None:
        """Seconds until another try; None where there is none."""
        retry = trip.api.retry
        if not trip.repeatable or trip.tries >= retry.attempts or not (limited or heard.status in retry.statuses):
            return None
        # What was refused for its rate was not done. Of anything else nobody knows.
        if not limited and not trip.may_repeat(request):
            return None
        wait = rules.backoff(trip.tries, chance()) if asked is None else max(asked, 0.01)
        return wait if self._has_time(trip, wait) else None

    def _after_failure(self, trip: _Trip, request: Outgoing, failure: EgressFailed) -> float:
        """Seconds until another try; raises where there is none."""
        safe = failure.unsent or trip.may_repeat(request)
        again = safe and failure.cause not in _FINAL and trip.repeatable and trip.tries < trip.api.retry.attempts
        wait = rules.backoff(trip.tries, chance())
        if again and self._has_time(trip, wait):
            return wait
        trip.call.error_code = failure.cause
        if failure.unsent:
            raise NotSent(f"{failure.detail} It was not sent.") from None
        raise ProviderUnavailable(f"{failure.detail} Whether the provider did it is not known.") from None

    async def _wait_for_budget(self, trip: _Trip, spent: list[RateRule]) -> None:
        while True:
            connection = trip.ready.subject.connection
            wait = await self._budgets.take(trip.ready.subject, spent)
            if connection.blocked_until is not None:
                wait = max(wait, (connection.blocked_until - clock.now()).total_seconds())
            if wait <= 0:
                return
            if not self._has_time(trip, wait):
                trip.call.error_code = "rate_budget_spent"
                raise BudgetSpent(f"There is room again in {wait:.0f} seconds.", retry_after=wait)
            await self._sleep(trip, wait)

    def _has_time(self, trip: _Trip, wait: float) -> bool:
        return wait <= self._settings.longest_wait and clock.monotonic() + wait < trip.deadline

    async def _sleep(self, trip: _Trip, wait: float) -> None:
        await asyncio.sleep(wait)
        trip.call.waited += wait
        # Meanwhile it may have run out, or been switched off.
        trip.ready = await self._broker.ready(trip.wanted.org, trip.wanted.connection, trip.wanted.slot)

    async def _answer(self, trip: _Trip, stream: Stream, begun: bytes) -> Answer:
        headers = rules.returned(stream.headers)
        headers.append(("hub-attempts", str(trip.tries)))
        headers += [("content-length", value) for name, value in stream.headers if name.lower() == "content-length"][:1]
        if trip.wanted.pages and stream.status < 300:
            begun += await stream.read(_LONGEST_PAGE)
            following = self._next(trip, stream, begun)
            if following is not None:
                headers.append(("hub-next", following))
        return Answer(stream.status, headers, begun, self._limited(stream.chunks(), trip, len(begun)))

    def _next(self, trip: _Trip, stream: Stream, body: bytes) -> str | None:
        pagination = trip.api.pagination
        if pagination is None:
            return None
        base = fill(trip.api.base_url, trip.ready.subject.values(trip.ready.slot))
        headers = {name.lower(): value for name, value in stream.headers}
        return paginate.next_page(pagination, base, (trip.wanted.path, trip.wanted.query), headers, body)

    async def _limited(self, chunks: AsyncIterator[bytes], trip: _Trip, size: int) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            size += len(chunk)
            if size > self._settings.download_limit:
                trip.call.error_code = "answer_too_large"
                raise ProviderUnavailable(f"The answer has more than {self._settings.download_limit} bytes.")
            yield chunk


def _request(trip: _Trip) -> Outgoing:
    """The request of a try, built anew: the credential may have changed since the last one."""
    wanted, subject, api = trip.wanted, trip.ready.subject, trip.api
    values = subject.values(trip.ready.slot)
    try:
        base = fill(api.base_url, values)
        fixed = {name.lower(): fill(text, values) for name, text in api.headers.items()}
    except TemplateFailed as failed:
        raise InvalidConnection(f"There is no value for {failed.name} in the instance's settings.") from None
    placed_names = placed_parameters(subject.method)
    if wanted.url is None:
        url = hosts.join(base, wanted.path, rules.without(wanted.query, placed_names))
    else:
        url = hosts.whole(base, wanted.url, lambda query: rules.without(query, placed_names))
    headers = fixed | rules.forwarded(wanted.headers, placed_headers(subject.method), api)
    body = wanted.body if isinstance(wanted.body, bytes) else None
    if isinstance(subject.method, Custom) and subject.method.signature is not None and not trip.repeatable:
        raise InvalidConnection("A request that is signed is sent whole: send it with fewer bytes.")
    allowed = subject.hosts()
    allowed.require(url)
    placed = place(subject.method, Outgoing(wanted.method, url, headers, body), values, clock.epoch())
    allowed.require(placed.url)
    return placed


def host_and_path(url: str) -> tuple[str, str]:
    """Host and path of a URL, as they may be written down."""
    _, _, rest = url.partition("://")
    host, slash, path = rest.partition("?")[0].partition("/")
    return host, slash + path


def _is_json(headers: dict[str, str]) -> bool:
    return "json" in headers.get("content-type", "")
