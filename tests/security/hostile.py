"""A receiver on loopback that misbehaves on request: the URL's path selects how. It records what it was sent.

async with HostileReceiver() as receiver:
    await send(receiver.url("/status/503?retry-after=7"))
    (request,) = await receiver.wait_for(1)
"""

import asyncio
import ssl
from typing import Self

from tests.security.behaviours import Exchange, Received

__all__ = ["HostileReceiver", "Received"]


class HostileReceiver:
    """Listen on a loopback port and answer each request as its path says."""

    def __init__(self, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.port = 0
        self.requests: list[Received] = []
        self.connections = 0
        self.open_connections = 0
        self.closed: set[str] = set()
        self.tokens: list[str] = []
        self._tls = tls
        self._changed = asyncio.Condition()
        self._counts: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, 0, ssl=self._tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, path: str = "/ok", *, host: str | None = None) -> str:
        """The address of a behaviour; `host` replaces the numeric one."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    async def wait_for(self, count: int, *, path: str | None = None, within: float = 20) -> list[Received]:
        """Wait until `count` requests (to `path`, when given) have arrived whole; return them in order."""

        def arrived() -> list[Received]:
            return [request for request in self.requests if path in (None, request.path)]

        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: len(arrived()) >= count)
        return arrived()

    async def wait_until_idle(self, *, within: float = 20) -> None:
        """Wait until no connection is open any more."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: self.open_connections == 0)

    def forget(self) -> None:
        """Empty the record."""
        self.requests.clear()
        self._counts.clear()

    def times(self, path: str) -> int:
        """Count a visit to `path`, this one included."""
        self._counts[path] = self._counts.get(path, 0) + 1
        return self._counts[path]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        exchange = Exchange(self, self.connections, reader, writer)
        try:
            while await exchange.turn():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass  # the other side left, which is what half of these behaviours are for
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            self.open_connections -= 1
            await self._tell()

    async def record(self, request: Received) -> None:
        """Keep a request and wake those who wait for it."""
        self.requests.append(request)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
