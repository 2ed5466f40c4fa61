"""The guarded client: what the hub sends out goes through here, and only to addresses that were checked.

A host is resolved once, every answer is judged, and the connection goes to a judged address whatever
the name means later. Redirects are not followed, proxies of the environment not used, bodies cut and never
decompressed, and one deadline covers everything from the name to the last byte.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from worksphere_hub import __version__, clock
from worksphere_hub.security.addresses import IPAddress
from worksphere_hub.security.client_identity import ClientIdentity
from worksphere_hub.security.destinations import Destination, EgressPolicy, EgressRefused, Reason, read_host, read_url
from worksphere_hub.security.lookups import Lookups, Resolved, Resolver, SystemResolver
from worksphere_hub.security.pins import Pin, Pins
from worksphere_hub.security.redact import Secret
from worksphere_hub.security.reroutes import Reroutes
from worksphere_hub.security.transport import Cause, EgressFailed, Reply, Request, Stream, Wiring, exchange, open_stream

__all__ = [
    "Cause",
    "EgressClient",
    "EgressFailed",
    "EgressPolicy",
    "EgressRefused",
    "Reason",
    "Reply",
    "Resolver",
    "Stream",
]

_MOST_PINS = 2_000
_MOST_ROUTES = 20_000
_MOST_ADDRESSES = 3
# The HTTP client's own deadline closes the connection and names the cause: it gets to speak first.
_GRACE = 0.25

_REFUSED: dict[Reason, Cause] = {"address": "address_refused", "unresolvable": "dns"}
_UNREACHED: frozenset[Cause] = frozenset({"connect", "timeout_connect"})


@dataclass(slots=True)
class _Route:
    """A URL that was read, resolved and admitted, good until `expires` on the monotonic clock.

    Requests to a stand-in bear some `headers` besides.
    """

    destination: Destination
    headers: Mapping[str, str]
    addresses: tuple[IPAddress, ...]
    pin: Pin
    expires: float
    identity: ClientIdentity | None


class EgressClient:
    """Send requests to destinations that the policy admits."""

    def __init__(  # noqa: PLR0913 - each is one limit that an operator or a test may set
        self,
        policy: EgressPolicy,
        *,
        connect_timeout: float = 5.0,
        total_timeout: float = 15.0,
        body_limit: int = 65_536,
        per_destination: int = 100,
        resolve_ttl: float = 30.0,
        user_agent: str = f"WorkSphere-Hub/{__version__}",
        resolver: Resolver | None = None,
        extra_roots: bytes | None = None,
        proxy: Secret | None = None,
        reroutes: Reroutes | None = None,
    ) -> None:
        """Times in seconds, `body_limit` in bytes; `per_destination` requests at once to one host and port.

        `extra_roots` is a PEM bundle of authorities that are trusted besides the system's, `proxy` the URL of one
        that everything goes out through (see `Wiring`); `reroutes` are the operator's stand-ins.
        """
        self._policy = policy
        self._reroutes = reroutes or Reroutes()
        self._total_timeout = total_timeout
        self._body_limit = body_limit
        self._system = SystemResolver()
        self._lookups = Lookups(resolver or self._system, ttl=resolve_ttl, time_limit=connect_timeout)
        self._pins = Pins(Wiring(connect_timeout, per_destination, user_agent, extra_roots, proxy), size=_MOST_PINS)
        self._routes: dict[tuple[str, ClientIdentity | None], _Route] = {}
        self._proxied = proxy is not None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self, url: str) -> None:
        """Say, before a URL is stored, whether it would be sent to now. Raises EgressRefused."""
        await self._admit(url)

    async def reach(self, host: str, port: int) -> tuple[IPAddress, ...]:
        """The addresses that a connection which does not speak HTTP may go to. Raises EgressRefused."""
        if self._proxied:
            raise EgressRefused("proxy", "Everything leaves through the operator's proxy, which takes HTTP alone.")
        name, literal = read_host(host)
        resolved = await self._lookups.find(name, literal)
        if not resolved.addresses:
            raise EgressRefused("unresolvable", "The host name does not resolve.")
        self._policy.admit_direct(port, resolved.addresses)
        return resolved.addresses[:_MOST_ADDRESSES]

    def browser_url(self, url: str) -> str:
        """Where a browser finds what a URL names: there, unless the operator has put a stand-in in its place."""
        found = self._reroutes.find(url)
        return url if found is None else found.url

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        total_timeout: float | None = None,
        identity: ClientIdentity | None = None,
    ) -> Reply:
        """Send a request and return whatever status came back. Raises EgressFailed.

        With an `identity` it goes over connections of its own, on which that certificate is shown if asked for.
        A deadline that passes while the body is read fails too, with the status that had arrived. When the
        caller is cancelled the request itself runs on, until the deadline at most.
        """
        request = Request(method, headers, body, clock.monotonic())
        total = self._total_timeout if total_timeout is None else total_timeout
        try:
            async with asyncio.timeout(total + _GRACE):
                return await self._send(url, request, request.started + total, identity)
        except TimeoutError:
            failure = EgressFailed("timeout")
        except EgressRefused as refusal:
            failure = EgressFailed(_REFUSED.get(refusal.reason, "url_refused"))
        except EgressFailed as caught:
            failure = caught
        failure.seconds = clock.monotonic() - request.started
        raise failure from None

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes] | None,
        total_timeout: float,
    ) -> AsyncGenerator[Stream]:
        """Send a request and hand out its answer while its body still comes; nothing of it is cut. Raises EgressFailed.

        Guarded like `send`. The deadline holds for the whole of it; whoever reads sees to how much he takes.
        """
        request = Request(method, headers, body, clock.monotonic())
        async with AsyncExitStack() as stack:
            try:
                yield await self._stream(stack, url, request, request.started + total_timeout)
            except EgressRefused as refusal:
                raise EgressFailed(_REFUSED.get(refusal.reason, "url_refused")) from None

    async def _stream(self, stack: AsyncExitStack, url: str, request: Request, deadline: float) -> Stream:
        route = self._routes.get((url, None))
        if route is None or route.expires <= request.started or route.pin.client is None:
            route = await self._prepare(url, None)
        pin = route.pin
        others = [address for address in route.addresses if address != pin.address][: _MOST_ADDRESSES - 1]
        while True:
            attempt = AsyncExitStack()
            try:
                found = await self._opened(attempt, pin, route, request, deadline)
            except EgressFailed as failure:
                await attempt.aclose()
                if failure.cause not in _UNREACHED or not others:
                    raise
                # Nothing has been sent so far, and these addresses were checked too.
                self._pins.retire(pin)
                pin = route.pin = await self._pins.get(route.destination, others.pop(0), None)
            else:
                stack.push_async_callback(attempt.aclose)
                return found

    async def _opened(
        self, stack: AsyncExitStack, pin: Pin, route: _Route, request: Request, deadline: float
    ) -> Stream:
        client = pin.client
        if client is None or self._closed:
            raise EgressFailed("closed")
        await _take_slot(pin, deadline)
        stack.callback(pin.slots.release)
        pin.last_used = clock.monotonic()
        if pin.last_used >= deadline:
            raise EgressFailed("timeout")
        limit = timedelta(seconds=deadline - pin.last_used)
        return await stack.enter_async_context(
            open_stream(client, route.destination.url, _bearing(request, route), limit=limit)
        )

    async def close(self) -> None:
        """Close every connection; later sends fail as closed."""
        self._closed = True
        self._routes.clear()
        await self._lookups.close()
        await self._pins.close()
        self._system.close()

    async def _send(self, url: str, request: Request, deadline: float, identity: ClientIdentity | None) -> Reply:
        route = self._routes.get((url, identity))
        if route is None or route.expires <= request.started or route.pin.client is None:
            route = await self._prepare(url, identity)
        pin = route.pin
        try:
            return await self._through(pin, route, request, deadline)
        except EgressFailed as failure:
            others = [address for address in route.addresses if address != pin.address]
            if failure.cause not in _UNREACHED or not others:
                raise
            return await self._try(others[: _MOST_ADDRESSES - 1], pin, route, request, deadline)

    async def _try(
        self, others: Sequence[IPAddress], unreached: Pin, route: _Route, request: Request, deadline: float
    ) -> Reply:
        """Go on with the host's other addresses, which were checked too; nothing has been sent so far."""
        for last, address in enumerate(others, 1 - len(others)):
            self._pins.retire(unreached)
            unreached = route.pin = await self._pins.get(route.destination, address, route.identity)
            try:
                return await self._through(unreached, route, request, deadline)
            except EgressFailed as failure:
                if failure.cause not in _UNREACHED or last == 0:
                    raise
        raise AssertionError("there was no other address to try")

    async def _through(self, pin: Pin, route: _Route, request: Request, deadline: float) -> Reply:
        client = pin.client
        if client is None or self._closed:
            raise EgressFailed("closed")
        await _take_slot(pin, deadline)
        try:
            pin.last_used = clock.monotonic()
            if pin.last_used >= deadline:
                raise EgressFailed("timeout")
            limit = timedelta(seconds=deadline - pin.last_used)
            return await exchange(
                client, route.destination.url, _bearing(request, route), limit=limit, body_limit=self._body_limit
            )
        finally:
            pin.slots.release()

    async def _prepare(self, url: str, identity: ClientIdentity | None) -> _Route:
        if self._closed:
            raise EgressFailed("closed")
        destination, headers, (addresses, expires) = await self._admit(url)
        # An address that works is kept while the name still lists it: its connections are open.
        address = next((ip for ip in addresses if self._pins.has(destination, ip, identity)), addresses[0])
        pin = await self._pins.get(destination, address, identity)
        route = _Route(destination, headers, addresses, pin, expires, identity)
        self._routes[(url, identity)] = route
        if len(self._routes) > _MOST_ROUTES:
            del self._routes[next(iter(self._routes))]
        return route

    async def _admit(self, url: str) -> tuple[Destination, Mapping[str, str], Resolved]:
        instead = self._reroutes.find(url)
        policy = self._policy if instead is None else self._reroutes.policy
        destination = read_url(url if instead is None else instead.url)
        if not policy.allowed_networks:
            policy.check_route(destination)
        resolved = await self._lookups.find(destination.host, destination.literal)
        if not resolved.addresses:
            raise EgressRefused("unresolvable", "The URL's host name does not resolve.")
        policy.admit(destination, resolved.addresses)
        return destination, {} if instead is None else instead.headers, resolved


def _bearing(request: Request, route: _Route) -> Request:
    return request._replace(headers={**request.headers, **route.headers}) if route.headers else request


async def _take_slot(pin: Pin, deadline: float) -> None:
    if not pin.slots.locked():
        await pin.slots.acquire()
        return
    try:
        async with asyncio.timeout(deadline - clock.monotonic()):
            await pin.slots.acquire()
    except TimeoutError:
        raise EgressFailed("busy") from None
