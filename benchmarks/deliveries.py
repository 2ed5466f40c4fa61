"""`make bench`: events accepted and delivered per second, beside the limits of this machine.

Everything runs here: PostgreSQL, an API process, a worker, the receiver and the load generator. Two limits are measured
in the same run: the bare HTTP client posting to the same receiver, and the bare batched insert.

    python -m benchmarks.deliveries [--seconds 10] [--rounds 3]
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.limits import bare_insert, bare_posts
from worksphere_hub.db.embedded import free_port

CONNECTIONS = 128
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Stage:
    """The hub under test and what stands around it."""

    home: Path
    hub_port: int
    receiver_port: int
    key: str = ""
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

    def ask(self, path: str) -> dict:
        """A GET to the receiver."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.receiver_port}{path}", timeout=60) as answer:
            return json.load(answer)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start everything on free ports in a folder of its own, and end it."""
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
        prepare(made)
        yield made
    finally:
        hub.terminate()
        hub.wait()
        receiver.kill()
        receiver.wait()
        shutil.rmtree(folder, ignore_errors=True)


def prepare(made: Stage) -> None:
    """An organization, a key without a limit worth mentioning, and one endpoint."""

    def command(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "worksphere_hub", *arguments],
            env=made.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    command("organizations", "create", "bench", "--name", "Benchmark")
    made.key = command("keys", "create", "bench", "--name", "load", "--rate-limit", "1000000")
    body = json.dumps({"url": f"http://127.0.0.1:{made.receiver_port}/", "event_types": ["*"]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{made.hub_port}/v1/webhook-endpoints",
        data=body,
        headers={"authorization": f"Bearer {made.key}", "content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).close()


def processes_of(supervisor: int) -> dict[str, int]:
    """The API, the worker and the postmaster, by their command lines."""
    found: dict[str, int] = {}
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        name = {"serve": "api", "work": "worker"}.get(command[-2], "postgres")
        found[name] = int(child)
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
    """Direct children: PostgreSQL's backends."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def load(made: Stage, seconds: float, rate: float) -> dict:
    """Run the load generator."""
    arguments = [made.hub_port, "/v1/events", CONNECTIONS, seconds, rate, made.key]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def full_speed(made: Stage, seconds: float) -> dict:
    """As fast as the answers come: accepted a second, and delivered a second until the last has arrived."""
    made.ask("/reset")
    before = {name: cpu_seconds(pid) for name, pid in made.processes.items()}
    start = time.monotonic()
    accepted = load(made, seconds, 0)
    while (count := made.ask("/stats")["count"]) < accepted["answered"]:
        if time.monotonic() - start > seconds * 6:
            raise SystemExit(f"only {count} of {accepted['answered']} events arrived")
        time.sleep(0.05)
    elapsed = time.monotonic() - start
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in made.processes.items()}
    return {
        "accepted": accepted["answered"] / accepted["seconds"],
        "delivered": accepted["answered"] / elapsed,
        "refused": accepted["refused"],
        "cpu_us": {name: value / accepted["answered"] * 1e6 for name, value in spent.items()},
    }


def half_load(made: Stage, seconds: float, rate: float) -> dict:
    """At half of what it can do: from the request being sent to the arrival at the receiver."""
    made.ask("/reset")
    accepted = load(made, seconds, rate)
    while (stats := made.ask("/stats"))["count"] < accepted["answered"]:
        time.sleep(0.05)
    latencies = sorted(stats["latencies_ms"])
    return {
        "rate": accepted["answered"] / accepted["seconds"],
        "p50": latencies[len(latencies) // 2],
        "p95": latencies[int(len(latencies) * 0.95)],
        "p99": latencies[int(len(latencies) * 0.99)],
    }


def middle(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = os.cpu_count()
    print(f"{cores} cores, Python {sys.version.split()[0]}; medians of {options.rounds} x {options.seconds:g} s\n")
    with stage() as made:
        posts, inserts, rounds = [], [], []
        for number in range(options.rounds):
            posts.append(asyncio.run(bare_posts(made.receiver_port, options.seconds / 2)))
            inserts.append(bare_insert(options.seconds / 2))
            rounds.append(full_speed(made, options.seconds))
            last = rounds[-1]
            print(f"  round {number + 1}: {last['accepted']:,.0f} accepted/s, {last['delivered']:,.0f} delivered/s")
        delivered = middle([each["delivered"] for each in rounds])
        halves = [half_load(made, options.seconds, delivered / 2) for _ in range(options.rounds)]
    report(posts, inserts, rounds, halves, cores or 1)


def report(posts: list[float], inserts: list[float], rounds: list[dict], halves: list[dict], cores: int) -> None:
    """Print the table."""
    delivered = middle([each["delivered"] for each in rounds])
    limit = min(middle(posts), middle(inserts))
    print("\n| what | value |\n|---|---|")
    print(f"| limit: bare HTTP client to the same receiver | {middle(posts):,.0f} posts/s |")
    print(f"| limit: bare batched insert | {middle(inserts):,.0f} rows/s |")
    print(f"| accepted | {middle([each['accepted'] for each in rounds]):,.0f} events/s |")
    print(f"| delivered, until the last arrived | {delivered:,.0f} events/s |")
    print(f"| that is, of the lower limit | {delivered / limit:.0%} |")
    print(f"| refused | {sum(each['refused'] for each in rounds)} |")
    print(f"| load for latency | {middle([each['rate'] for each in halves]):,.0f} events/s |")
    for name in ("p50", "p95", "p99"):
        print(f"| sent to arrived, {name} | {middle([each[name] for each in halves]):.1f} ms |")
    total = 0.0
    for name in ("api", "worker", "postgres", "receiver"):
        cost = middle([each["cpu_us"][name] for each in rounds])
        total += cost
        print(f"| CPU of {name} | {cost:.0f} us an event |")
    print(f"| so the CPU alone would allow (without the load generator's own) | {cores * 1e6 / total:,.0f} events/s |")


if __name__ == "__main__":
    main()
