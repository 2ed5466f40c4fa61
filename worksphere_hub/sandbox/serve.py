"""Run the sandbox: in this process until it is told to stop, or in a thread beside a test."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from worksphere_hub.sandbox.app import Sandbox
from worksphere_hub.sandbox.errors import SandboxRefusal
from worksphere_hub.sandbox.seeds import PROVIDERS, read_seed
from worksphere_hub.sandbox.wire import Json

# Dropping a connection on purpose is reported as an error by the server, which it is not.
_QUIET = logging.CRITICAL


@dataclass(frozen=True, slots=True)
class Binding:
    """Where to listen: `port` 0 takes a free one; `split` adds a port a provider, the next ones (or free ones)."""

    host: str = "127.0.0.1"
    port: int = 4100
    split: bool = False
    certificate: Path | None = None
    key: Path | None = None

    @property
    def scheme(self) -> str:
        """https with a certificate."""
        return "https" if self.certificate else "http"


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is being served. `urls` has each provider's address and, as `sandbox`, the control API's."""

    sandbox: Sandbox
    urls: dict[str, str]

    @property
    def url(self) -> str:
        """The one address with everything below it."""
        return self.urls["sandbox"]


class Service:
    """The servers of one sandbox."""

    def __init__(self, sandbox: Sandbox, binding: Binding) -> None:
        self.sandbox = sandbox
        self._binding = binding
        self._sockets = [_listen(binding.host, port) for port in self._ports()]
        sandbox.addresses.update(self.urls)
        self._servers = [_Server(self._config(app)) for app in self._apps()]

    @property
    def urls(self) -> dict[str, str]:
        """Where it listens: the providers below the one port, or at their own."""
        ports = [one.getsockname()[1] for one in self._sockets]
        found = [f"{self._binding.scheme}://{self._binding.host}:{port}" for port in ports]
        own = dict(zip(PROVIDERS, found[1:], strict=True)) if self._binding.split else {}
        return {"sandbox": found[0], **{name: own.get(name, f"{found[0]}/{name}") for name in PROVIDERS}}

    async def run(self, ready: threading.Event | None = None) -> None:
        """Serve until `stop`."""
        logging.getLogger("uvicorn.error").setLevel(_QUIET)
        pairs = zip(self._servers, self._sockets, strict=True)
        tasks = [asyncio.create_task(server.serve(sockets=[one])) for server, one in pairs]
        try:
            if ready is not None:
                # The sockets listen from here on: what connects before the servers have begun waits its turn.
                ready.set()
            await asyncio.gather(*tasks)
        finally:
            self.close()
            await self.sandbox.close()

    def close(self) -> None:
        """Give the ports back without having served."""
        for one in self._sockets:
            one.close()

    def stop(self) -> None:
        """Stop serving. From the loop's own thread, or before it begins."""
        for server in self._servers:
            server.should_exit = True
            server.force_exit = True

    def _ports(self) -> Sequence[int]:
        first, count = self._binding.port, 1 + len(PROVIDERS) if self._binding.split else 1
        return [first + number if first else 0 for number in range(count)]

    def _apps(self) -> list[ASGIApp]:
        return [self.sandbox, *(self.sandbox.only(name) for name in PROVIDERS if self._binding.split)]

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        certificate, key = self._binding.certificate, self._binding.key
        return uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling: several of them share one process here."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


def serve(seed: Path | None, binding: Binding, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `tell` is given a line for each address. Raises SandboxRefusal."""
    service = Service(Sandbox(read_seed(seed) if seed else None), binding)
    for name, url in service.urls.items():
        tell(f"{name:11}{url}")
    asyncio.run(_until_told(service))


async def _until_told(service: Service) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.stop)
    await service.run()


@contextmanager
def running_sandbox(seed: Json | None = None, binding: Binding | None = None) -> Generator[Running]:
    """A sandbox on free ports of this machine, in a thread of its own, for as long as the block lasts."""
    service = Service(Sandbox(seed), binding or Binding(port=0))
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(service.run(ready)), name="sandbox", daemon=True)
    thread.start()
    try:
        ready.wait()
        yield Running(service.sandbox, service.urls)
    finally:
        loop.call_soon_threadsafe(service.stop)
        thread.join()
        loop.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would not switch Nagle's algorithm off and every answer would take 40 ms.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise SandboxRefusal(f"{host}:{port} cannot be listened on: {error.strerror}. Give another --port.") from error
    found.listen(128)
    return found
