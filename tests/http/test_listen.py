"""The server runs until it is told to stop, and what stands around it gets its turn then."""

import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from tests.http.driving import build, exchange, status_of
from worksphere_hub.http.limits import Limits
from worksphere_hub.http.listen import listen

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Running:
    """A `listen` in a task, with a bare route that waits."""

    def __init__(self, *, signals: bool):
        self.steps: list[str] = []
        self.port = free_port()
        self.arrived, self.release = asyncio.Event(), asyncio.Event()

        @asynccontextmanager
        async def lifespan(_app):
            self.steps.append("opened")
            yield {}
            self.steps.append("closed")

        async def slow(scope, receive, send):
            self.arrived.set()
            await self.release.wait()
            self.steps.append("answered")
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        app = build(raw_routes={("GET", "/slow"): slow}, lifespan=lifespan)
        self.task = asyncio.create_task(listen(app, host="127.0.0.1", port=self.port, limits=Limits(), signals=signals))

    async def up(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    assert status_of(await exchange(self.port, HEALTH)) == 200
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    return

    async def until_closed(self) -> None:
        async with asyncio.timeout(20):
            with suppress(ConnectionError):  # refused, or reset while the listener closes
                while True:
                    await exchange(self.port, HEALTH)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_after_the_running_requests(number):
    running = Running(signals=True)
    await running.up()
    answering = asyncio.create_task(exchange(running.port, b"GET /slow HTTP/1.1\r\nhost: hub\r\n\r\n"))
    await asyncio.wait_for(running.arrived.wait(), 20)
    os.kill(os.getpid(), number)
    await running.until_closed()
    assert running.steps == ["opened"]
    running.release.set()
    assert status_of(await answering) == 204
    await asyncio.wait_for(running.task, 20)
    assert running.steps == ["opened", "answered", "closed"]


async def test_being_cancelled_stops_it_too():
    running = Running(signals=False)
    await running.up()
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running.task, 20)
    assert running.steps == ["opened", "closed"]
    await running.until_closed()


async def test_a_port_that_is_taken_is_an_exit():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            await listen(build(), host="127.0.0.1", port=port, limits=Limits())
