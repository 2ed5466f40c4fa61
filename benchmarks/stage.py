"""The hub under test on free ports in a folder of its own, a receiver, and what can be read off both."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worksphere_hub.app.embedded import Home
from worksphere_hub.db.embedded import free_port

CONNECTIONS = 128
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Stage:
    """The hub under test and what stands around it."""

    home: Path
    hub_port: int
    receiver_port: int
    keys: dict[str, str] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The hub's settings."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            "HUB_HOME": str(self.home),
            "HUB_PORT": str(self.hub_port),
            "HUB_EGRESS_ALLOW": "127.0.0.0/8",
            "HUB_LOG_LEVEL": "warning",
        }

    @property
    def owner_url(self) -> str:
        """The database, as its owner."""
        home = Home(self.home)
        return f"postgresql://hub_admin:{home.secrets()['hub_admin']}@127.0.0.1:{home.known_server_port()}/hub"

    def organization(self, slug: str) -> None:
        """An organization with a key without a limit worth mentioning."""
        self._command("organizations", "create", slug, "--name", slug)
        self.keys[slug] = self._command("keys", "create", slug, "--name", "load", "--rate-limit", "1000000")

    def endpoint(self, slug: str, path: str, event_types: Sequence[str] = ("*",), **settings: object) -> str:
        """An endpoint of an organization at a path of the receiver."""
        url = f"http://127.0.0.1:{self.receiver_port}/{path}"
        body = {"url": url, "event_types": list(event_types), **settings}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.hub_port}/v1/webhook-endpoints",
            data=json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.keys[slug]}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def arrived(self, group: str = "") -> dict[str, Any]:
        """What the receiver counted at the paths that begin with `group`."""
        return self._ask(f"/stats/{group}")

    def reset(self) -> None:
        """Count anew."""
        self._ask("/reset")

    def until_arrived(self, count: int, group: str = "", within: float = 600.0) -> dict[str, Any]:
        """Wait until so many have arrived."""
        end = time.monotonic() + within
        while (found := self.arrived(group))["count"] < count:
            if time.monotonic() > end:
                raise SystemExit(f"only {found['count']} of {count} events arrived")
            time.sleep(0.05)
        return found

    def spent(self) -> dict[str, float]:
        """CPU seconds of each process so far."""
        return {name: cpu_seconds(pid) for name, pid in self.processes.items()}

    def memory(self) -> dict[str, float]:
        """The most memory each process has had, in MB; of PostgreSQL the proportional share of all its processes."""
        found: dict[str, float] = {}
        for name, pid in self.processes.items():
            if name == "postgres":
                found[name] = sum(proportional(one) for one in [pid, *children_of(pid)])
            else:
                found[name] = peak(pid)
        return found

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.receiver_port}{path}", timeout=60) as answer:
            return json.load(answer)

    def _command(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "worksphere_hub", *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


@contextmanager
def stage() -> Iterator[Stage]:
    """Start everything, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    made = Stage(folder / "home", free_port(), free_port())
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver", str(made.receiver_port)], stdout=subprocess.PIPE
    )
    hub = subprocess.Popen(
        [sys.executable, "-m", "worksphere_hub", "up"], env=made.environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert receiver.stdout
        assert hub.stderr
        receiver.stdout.readline()
        for line in hub.stderr:
            if "is ready" in line:
                break
        else:
            raise SystemExit("the hub did not start")
        made.processes = {"receiver": receiver.pid, **processes_of(hub.pid)}
        yield made
    finally:
        hub.terminate()
        hub.wait()
        receiver.kill()
        receiver.wait()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Load:
    """What a load generator sends: as whom, of how many event types, how much of it."""

    slugs: tuple[str, ...]
    seconds: float
    rate: float = 0.0
    types: int = 1
    connections: int = CONNECTIONS
    group: str = "bench"


@contextmanager
def loading(made: Stage, wanted: Load) -> Iterator[subprocess.Popen[str]]:
    """Run a load generator beside the block; its answer is on its stdout when it ends."""
    keys = ",".join(made.keys[slug] for slug in wanted.slugs)
    given = [made.hub_port, wanted.connections, wanted.seconds, wanted.rate, wanted.types, wanted.group, keys]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", *map(str, given)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.wait()


def load(made: Stage, wanted: Load) -> dict[str, Any]:
    """Run a load generator to its end."""
    with loading(made, wanted) as process:
        return outcome(process)


def outcome(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What a load generator counted."""
    return json.loads(process.communicate()[0])


def percentiles(found: dict[str, Any]) -> dict[str, float]:
    """p50, p95 and p99 of what the receiver timed, in ms."""
    latencies = sorted(found["latencies_ms"])
    return {
        f"p{share}": latencies[min(int(len(latencies) * share / 100), len(latencies) - 1)] for share in (50, 95, 99)
    }


def processes_of(supervisor: int) -> dict[str, int]:
    """The API, the worker and the postmaster, by their command lines."""
    found: dict[str, int] = {}
    for child in children_of(supervisor):
        command = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        found[{"serve": "api", "work": "worker"}.get(command[-2], "postgres")] = child
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, also those that have ended."""
    total = 0.0
    for process in [pid, *children_of(pid)]:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / TICKS
        if process == pid:
            total += (int(fields[13]) + int(fields[14])) / TICKS
    return total


def children_of(pid: int) -> list[int]:
    """Direct children: PostgreSQL's backends, for one."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def peak(pid: int) -> float:
    """The most resident memory a process has had, in MB."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024


def proportional(pid: int) -> float:
    """The resident memory of a process now, shared pages divided among those who share them, in MB."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def _kilobytes(file: Path, name: str) -> float:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), 0.0)
