"""`make bench`: what the hub does per second, how long it takes and what it costs, beside the limits of this machine.

Everything runs here: PostgreSQL, an API process, a worker, the receiver and the load generators.

    python -m benchmarks [scenario ...] [--seconds 8] [--rounds 3] [--events N]

`search` needs 50 GB of disk and a quarter of an hour, so it runs only when it is named.
"""

import argparse
import os
import sys

from benchmarks import deliveries, fairness, proxy
from benchmarks.backlog import backlog
from benchmarks.held import held
from benchmarks.search import search

_BACKLOG, _STORED = 1_000_000, 10_000_000
SCENARIOS = ("deliveries", "many-endpoints", "dead-receiver", "flood", "held", "backlog", "search", "proxy")


def measure(name: str, options: argparse.Namespace) -> list[tuple[str, str]]:
    """Run one scenario; answers the rows of its table."""
    if name == "backlog":
        return backlog(options.events or _BACKLOG)
    if name == "search":
        return search(options.events or _STORED, options.seconds, options.rounds)
    scenario = {
        "deliveries": deliveries.run,
        "many-endpoints": fairness.many_endpoints,
        "dead-receiver": fairness.dead_receiver,
        "flood": fairness.flood,
        "held": held,
        "proxy": proxy.run,
    }[name]
    return scenario(options.seconds, options.rounds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--events", type=int, help=f"of the backlog ({_BACKLOG:,}); stored, to be searched ({_STORED:,})"
    )
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; {options.rounds} x {options.seconds:g} s\n")
    print("| what | value |\n|---|---|")
    for name in options.scenarios or SCENARIOS[:-1]:
        for what, value in measure(name, options):
            print(f"| {what} | {value} |", flush=True)


if __name__ == "__main__":
    main()
