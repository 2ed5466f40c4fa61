"""Everything in one: PostgreSQL if there is none, schema, API and worker, in the foreground until interrupted."""

import asyncio
import http.client
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from worksphere_hub.app.deployment import found, master_keys
from worksphere_hub.app.embedded import Home, HomeInUse, embedded_server, prepare
from worksphere_hub.app.settings import PREFIX, Settings, environment_of
from worksphere_hub.db.embedded import EmbeddedServer, EmbeddedServerFailed, die_with_parent
from worksphere_hub.db.migrate import migrate
from worksphere_hub.errors import HubError

_READY_SECONDS = 60.0
_RESTART_SECONDS = 0.5
# Between two looks at the other processes, and at whether somebody wants the end, while PostgreSQL does not start.
_REVIVE_SECONDS = 5.0

Tell = Callable[[str], None]


class ProcessFailed(HubError):
    """A process of the hub does not stay up."""

    code = "process_failed"


@dataclass(slots=True)
class Child:
    """One process of the hub, and how to start it again."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"


class Supervisor:
    """Keeps the hub's processes running until told to stop."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._children: list[Child] = []
        self._server: EmbeddedServer | None = None
        self._asked_to_stop = False
        # Not an event of `threading`: its lock may be held by the very wait that a signal handler interrupts.
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked_to_stop

    def stop(self, *_: object) -> None:
        """Ask for the end; fit to be a signal handler."""
        self._asked_to_stop = True
        with suppress(BlockingIOError):
            os.write(self._waker, b"!")

    def say(self, sentence: str) -> None:
        """Tell whoever watches."""
        self._tell(sentence)

    def mind(self, server: EmbeddedServer) -> None:
        """Keep the embedded server running too."""
        self._server = server

    def start(self, name: str, settings: Settings, *more: str) -> None:
        """Start one process, such as `serve` or `work`, with these settings."""
        arguments = [sys.executable, "-m", "worksphere_hub", name, *more]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        environment |= environment_of(settings)
        self._children.append(Child(name, arguments, environment, _spawn(arguments, environment)))

    def wait_ready(self, settings: Settings) -> None:
        """Return once the API and the worker answer; raises ProcessFailed when one does not."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self.stopping:
            for child in self._children:
                if child.process.poll() is not None:
                    raise ProcessFailed(
                        f"`{child.name}` ended with status {child.process.returncode}; see its last line."
                    )
            if _answers(settings) and any(settings.run_folder.glob("*.bell")):
                return
            if time.monotonic() > deadline:
                raise ProcessFailed(f"The hub did not become ready within {_READY_SECONDS:.0f} seconds.")
            time.sleep(0.02)

    def watch(self) -> None:
        """Start again whatever dies, until told to stop."""
        while not self._asked_to_stop:
            if select.select([self._woken], [], [], _RESTART_SECONDS)[0]:
                return
            if self._server is not None and not self._server.alive:
                self._tell("PostgreSQL ended; starting it again")
                self._revive(self._server)
            for child in self._children:
                status = child.process.poll()
                if status is not None:
                    self._tell(f"{child.name} ended with status {status}; starting it again")
                    child.process = _spawn(child.arguments, child.environment)

    def _revive(self, server: EmbeddedServer) -> None:
        try:
            server.start(within=_REVIVE_SECONDS)
        except EmbeddedServerFailed as failure:
            # A full disk, say. Ending would not make room; the API answers 503 until there is some.
            self._tell(f"{failure}\nTrying again")

    def end(self) -> None:
        """Stop every process: they finish what they hold, then go."""
        for child in self._children:
            child.process.terminate()
        for child in self._children:
            try:
                child.process.wait(45)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


@contextmanager
def running_hub(settings: Settings, *, tell: Tell) -> Generator[tuple[Supervisor, Settings]]:
    """Run everything; yields the supervisor and the API's settings once all of it answers."""
    supervisor = Supervisor(tell)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, supervisor.stop)
    if settings.database_url is not None:
        asyncio.run(_prepare_external(settings, tell))
        with _processes(supervisor, settings, settings):
            yield supervisor, settings
        return
    home = _hold_home(settings, tell)
    try:
        with embedded_server(home, progress=tell) as server:
            settings = replace(settings, home=home.folder)
            supervisor.mind(server)
            api, worker = asyncio.run(prepare(settings, home, server, progress=tell))
            with _processes(supervisor, api, worker):
                yield supervisor, api
    finally:
        home.release()


@contextmanager
def _processes(supervisor: Supervisor, api: Settings, worker: Settings) -> Generator[None]:
    api.run_folder.mkdir(parents=True, exist_ok=True)
    for left_over in api.run_folder.glob("*.bell"):
        left_over.unlink()
    supervisor.say("Starting an API process and a worker")
    supervisor.start("serve", api)
    supervisor.start("work", worker)
    try:
        supervisor.wait_ready(api)
        yield
    finally:
        supervisor.end()


def _hold_home(settings: Settings, tell: Tell) -> Home:
    """Take the folder, or one inside it when another hub has it: a second copy on another port works beside it."""
    home = Home(settings.home)
    try:
        home.hold()
    except HomeInUse:
        home = Home(settings.home / f"port-{settings.port}")
        home.hold()
        tell(f"Another hub runs in {settings.home}; this one keeps its data in {home.folder}")
    return home


async def _prepare_external(settings: Settings, tell: Tell) -> None:
    if settings.owner_url is None:
        return
    await migrate(settings.owner_url.reveal(), progress=lambda name: tell(f"Migrating: {name}"))
    await found(settings.owner_url.reveal(), master_keys(settings))


def _spawn(arguments: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - ourselves, no shell
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        # A group of its own: Ctrl-C reaches the supervisor alone, which stops the others in order.
        process_group=0,
        preexec_fn=partial(die_with_parent, signal.SIGTERM),  # noqa: PLW1509 - no other thread runs here
    )


def _answers(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104 - a comparison
    connection = http.client.HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
