"""Turn host names into addresses: off the event loop, once for all who ask, in time, kept for a while."""

import asyncio
import math
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from worksphere_hub import clock
from worksphere_hub.security.addresses import IPAddress

_MOST_HOSTS = 10_000
_THREADS = 16
_MOST_WAITING = 512
# A name that failed is not asked again at once: names that never answer would hold every thread.
_FAILURE_SECONDS = 2.0


class Resolver(Protocol):
    """Find the addresses of a host."""

    async def __call__(self, host: str) -> Sequence[str]:
        """Every address of an ASCII host name, in order of preference. Raises OSError when there is none."""
        ...


class Resolved(NamedTuple):
    """What a host resolved to, best first, or nothing; `expires` is on the monotonic clock."""

    addresses: tuple[IPAddress, ...]
    expires: float


class SystemResolver:
    """Ask the operating system, in threads of its own: a name server that hangs holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._waiting = 0

    async def __call__(self, host: str) -> Sequence[str]:
        """Every address of `host`. Raises OSError."""
        if self._waiting >= _MOST_WAITING:
            raise OSError("too many names are being resolved")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the threads end without waiting for those that hang."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[str]:
    # As bytes: a str goes through Python's own IDNA codec, which knows other rules than the HTTP client.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Lookups:
    """Resolve each host once in `ttl` seconds; a lookup goes on when those who asked have left."""

    def __init__(self, resolver: Resolver, *, ttl: float, time_limit: float) -> None:
        self._resolver = resolver
        self._ttl = ttl
        self._time_limit = time_limit
        self._resolved: dict[str, Resolved] = {}
        self._running: dict[str, asyncio.Task[Resolved]] = {}

    async def find(self, host: str, literal: IPAddress | None = None) -> Resolved:
        """The addresses behind a host, none when it does not resolve in time; a literal is its own answer."""
        if literal is not None:
            return Resolved((literal,), math.inf)
        known = self._resolved.get(host)
        if known is not None and known.expires > clock.monotonic():
            return known
        task = self._running.get(host)
        if task is None:
            task = self._running[host] = asyncio.create_task(self._resolve(host))
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._time_limit)
        except TimeoutError:
            return Resolved((), clock.monotonic())

    async def close(self) -> None:
        """Stop the lookups that still run."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _resolve(self, host: str) -> Resolved:
        try:
            texts = await self._resolver(host)
            # A scoped address (fe80::1%eth0) is judged, and refused, without its scope.
            addresses = tuple(ip_address(text.partition("%")[0]) for text in texts)
        except (OSError, ValueError):
            addresses = ()
        finally:
            del self._running[host]
        lifetime = self._ttl if addresses else min(self._ttl, _FAILURE_SECONDS)
        found = self._resolved[host] = Resolved(addresses, clock.monotonic() + lifetime)
        while len(self._resolved) > _MOST_HOSTS:
            del self._resolved[next(iter(self._resolved))]
        return found
