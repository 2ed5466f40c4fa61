"""A TCP proxy that does to connections what networks do: late, cut, jammed, sliced, reset."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

FAULTS = ("latency", "reset", "half_open", "slice", "limit_data", "down")
_CHUNK = 65_536


class FaultProxy:
    """Forwards a port of its own to another; `fault` says what is done to the connections, None: nothing.

    `latency` delays every piece by up to 50 ms; `reset` cuts connections with RST at random pieces; `half_open` takes
    what comes and passes nothing on, and what was connected then stays dead; `slice` passes pieces of a few bytes;
    `limit_data` ends a connection in the middle of a piece; `down` refuses connections and cuts those there are.
    """

    def __init__(self, target_port: int, dice: random.Random) -> None:
        self._target_port = target_port
        self._dice = dice
        self._writers: set[asyncio.StreamWriter] = set()
        self._jammed: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: str | None = None
        self.port = 0
        self.harmed = 0

    def set(self, fault: str | None) -> None:
        """Begin with a fault, or end it."""
        self.fault = fault
        if fault == "half_open":
            self._jammed |= self._writers
            self.harmed += len(self._writers)
        if fault == "down":
            for writer in list(self._writers):
                self._cut(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self.fault == "down":
                self._cut(writer)
                return
            if self.fault == "half_open":
                self._jammed.add(writer)
            with suppress(OSError, asyncio.CancelledError):
                away_reader, away = await asyncio.open_connection("127.0.0.1", self._target_port)
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._pump(reader, away, writer))
                        both.create_task(self._pump(away_reader, writer, writer))
                finally:
                    away.close()
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            self._jammed.discard(writer)
            writer.close()

    async def close(self) -> None:
        """End every connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, near: asyncio.StreamWriter
    ) -> None:
        """Pass on what comes; `near` is the side that connected, by which the connection is known."""
        with suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if near in self._jammed:
                    continue
                for part in await self._parts(piece, near):
                    writer.write(part)
                    await writer.drain()
        if near in self._jammed:
            # The other side never learns that this one has gone.
            return
        with suppress(OSError):
            writer.close()

    async def _parts(self, piece: bytes, near: asyncio.StreamWriter) -> list[bytes]:
        """What is passed on of a piece, after what the fault does to it."""
        dice = self._dice
        match self.fault:
            case "latency":
                await asyncio.sleep(dice.uniform(0.0, 0.05))
            case "reset" if dice.random() < 0.2:
                self._cut(near)
                return []
            case "limit_data" if dice.random() < 0.2:
                asyncio.get_running_loop().call_soon(near.close)
                self.harmed += 1
                return [piece[: dice.randrange(len(piece))]]
            case "slice":
                self.harmed += 1
                step = dice.randint(1, 400)
                return [piece[at : at + step] for at in range(0, len(piece), step)]
            case _:
                pass
        return [piece]

    def _cut(self, writer: asyncio.StreamWriter) -> None:
        """End with RST, as a crashed peer or an impatient middlebox does."""
        self.harmed += 1
        found = writer.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@asynccontextmanager
async def proxying(target_port: int, dice: random.Random) -> AsyncGenerator[FaultProxy]:
    """A proxy to a port on loopback."""
    proxy = FaultProxy(target_port, dice)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
