"""Run the web server that carries the application."""

import asyncio
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext

import uvicorn
from starlette.types import ASGIApp

from worksphere_hub.http.limits import Limits
from worksphere_hub.http.protocol import bounded_protocol

_LOCAL_PROXIES = ("127.0.0.1", "::1")


async def listen(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    limits: Limits,
    trusted_proxies: Sequence[str] = _LOCAL_PROXIES,
    signals: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT (`signals`), or until cancelled; running requests are finished first.

    A second signal stops at once. Raises SystemExit when the application does not start or the port is taken.
    """
    config = server_config(app, host=host, port=port, limits=limits, trusted_proxies=trusted_proxies)
    server = _Server(config)
    with _told_by_signals(server) if signals else nullcontext():
        try:
            await server.serve()
        except asyncio.CancelledError:
            if server.started:
                await server.shutdown()
            raise


def server_config(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    limits: Limits,
    trusted_proxies: Sequence[str] = _LOCAL_PROXIES,
    grace_seconds: int = 20,
) -> uvicorn.Config:
    """Configure uvicorn for this application.

    `trusted_proxies` are addresses or networks whose X-Forwarded-* is believed. `grace_seconds` is how long
    running requests may take once the process is asked to stop.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded_protocol(limits),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,  # lines go where telemetry.logs sends them
        access_log=False,  # http.access writes the line of a request
        server_header=False,
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=65,  # longer than a load balancer's usual 60 s, so that it closes first
        timeout_graceful_shutdown=grace_seconds,
    )


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling.

    That raises the signal again once the server has stopped, and so kills the process before whoever called
    `listen` could close what is behind the application.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


@contextmanager
def _told_by_signals(server: uvicorn.Server) -> Generator[None]:
    loop = asyncio.get_running_loop()
    told = (signal.SIGTERM, signal.SIGINT)

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in told:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in told:
            loop.remove_signal_handler(number)
