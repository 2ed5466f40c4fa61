"""What every campaign sets up and hands in: two organizations with two endpoints each, load, and a report."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.running import RunningHub, started_hub
from tests.chaos import processes, stored
from tests.chaos.checker import Verdict, judge
from tests.chaos.load import Load
from tests.chaos.receiver import Receiver
from worksphere_hub.db.embedded import EmbeddedServer, free_port
from worksphere_hub.db.logins import ensure_database, ensure_login
from worksphere_hub.db.migrate import migrate
from worksphere_hub.db.urls import with_login
from worksphere_hub.security.vault import create_master_key_file

ORGS = ("north", "south")
_LOGIN = "hub_chaos_login"


@dataclass
class Report:
    """What a campaign has to show. `figures` are extra columns of its own, by name."""

    fault: str
    seed: int
    rounds: int
    verdict: Verdict
    asked_again: int
    in_flight: int | None = None
    control: str = "none"
    figures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """How many accepted events were lost."""
        return len(self.verdict.faults.get("lost", []))

    def line(self) -> str:
        """The report in one line, for the test run."""
        extra = "".join(f", {name} {value}" for name, value in self.figures.items())
        flight = "" if self.in_flight is None else f" of {self.in_flight} in flight"
        return (
            f"{self.fault}: seed {self.seed}, {self.rounds} rounds, {self.verdict.accepted} accepted, "
            f"{self.asked_again} asked again, {self.lost} lost, {self.verdict.reclaimed} again after a loss{flight}"
            f"{extra}; control: {self.control} ({self.seconds:.0f} s)"
        )


@asynccontextmanager
async def hub_on_its_own(folder: Path, **settings: str) -> AsyncGenerator[RunningHub]:
    """A hub without organizations, of which nothing is left at the end, however the campaign went."""
    below: set[tuple[int, str] | None] = set()
    async with started_hub(folder / "home", **settings) as hub:
        try:
            yield hub
        finally:
            pids = processes.tree(hub.process.pid)
            below = {processes.identity(pid) for pid in pids}
            # What stands still cannot be asked to end.
            processes.tell(pids, signal.SIGCONT)
    processes.tell((found[0] for found in below if found and processes.identity(found[0]) == found), signal.SIGKILL)


@dataclass(frozen=True)
class DatabaseApart:
    """A database that the hub does not start itself."""

    owner_url: str
    port: int

    def url(self, port: int) -> str:
        """The login of the hub's processes, by way of a port."""
        return with_login(f"postgresql://127.0.0.1:{port}/hub", _LOGIN, "hub")


@asynccontextmanager
async def database_apart(folder: Path) -> AsyncGenerator[DatabaseApart]:
    """A server with the schema and a login for API and worker, and a master key in `home`."""
    server = EmbeddedServer(folder / "postgres", password="owner", port=free_port())
    await asyncio.to_thread(server.start)
    try:
        await ensure_database(server.url("postgres"), "hub")
        await migrate(server.url("hub"))
        await ensure_login(server.url("hub"), _LOGIN, "hub", ["hub_app", "hub_worker"])
        (folder / "home").mkdir()
        create_master_key_file(folder / "home" / "master.key")
        yield DatabaseApart(server.url("hub"), server.port)
    finally:
        await asyncio.to_thread(server.stop)


def choose_seed() -> int:
    """A new seed, or that of a run to repeat, from HUB_TEST_SEED."""
    return int(os.environ.get("HUB_TEST_SEED") or random.randrange(2**32))


def owner_url(home: Path) -> str:
    """The login of the schema's owner of a hub with an embedded server, as it is now."""
    password = json.loads((home / "secrets.json").read_text())["hub_admin"]
    port = (home / "postgres.port").read_text()
    return f"postgresql://hub_admin:{password}@127.0.0.1:{port}/hub"


class Stage:
    """A hub under load with its witnesses."""

    def __init__(self, hub: RunningHub, url: stored.Where, receiver: Receiver, load: Load) -> None:
        self.hub = hub
        self.url = url
        self.receiver = receiver
        self.load = load
        self.since = time.monotonic()

    async def verdict(self, *, in_flight: int | None = None, within: float = 60.0) -> Verdict:
        """Wait until the queue is empty and compare everything."""
        await stored.rest(self.url, within=within)
        held = await stored.read_back(self.url)
        return judge(self.receiver.paths(), self.load.told, self.receiver.arrivals, held, in_flight=in_flight)

    def report(self, fault: str, seed: int, rounds: int, verdict: Verdict, **more: object) -> Report:
        """The report of a campaign that ends now."""
        made = Report(fault, seed, rounds, verdict, self.load.asked_again, seconds=time.monotonic() - self.since)
        for name, value in more.items():
            setattr(made, name, value)
        return made


async def set_up(
    hub: RunningHub,
    url: stored.Where,
    receiver: Receiver,
    *,
    fill: int = 0,
    base: Callable[[str], str] | None = None,
) -> Stage:
    """Two organizations, a key and two endpoints each. `base` gives the URL of a path; unset: the receiver's own."""
    keys: dict[str, str] = {}
    for org in ORGS:
        await hub.command("organizations", "create", org)
        keys[org] = await hub.command("keys", "create", org, "--name", "load", "--rate-limit", "100000")
        for number in (1, 2):
            path = f"/{org}/{number}"
            where = base(path) if base else f"http://127.0.0.1:{receiver.port}{path}"
            status, endpoint = await hub.request("POST", "/v1/webhook-endpoints", {"url": where}, key=keys[org])
            assert status == 201, endpoint
            receiver.know(urlsplit(where).path, org, endpoint["secret"])
    hub.key = keys[ORGS[0]]
    return Stage(hub, url, receiver, Load(hub.port, keys, fill))
