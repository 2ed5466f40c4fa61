"""`make chaos`: every campaign for many rounds, and what came of it in docs/reliability-report.md.

    python -m tests.chaos [--scale 1.0] [--seconds 1800] [--seed N] [--only kills] [--out FILE]

`--scale` multiplies the rounds, `--seconds` bounds the whole run: what has not begun by then is left out and said so.
Ends with status 1 when a fault was found or a control run was not caught.
"""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from tests.chaos import broken_links, clock_jumps, disk_full, kills, pauses, power_loss
from tests.chaos.machine import why_not
from tests.chaos.report import Row, page
from tests.chaos.stage import choose_seed
from tests.conftest import open_folder

# Rounds in all, and rounds of one hub: a fresh one begins after that many.
CAMPAIGNS = {
    "power_loss": (power_loss.run, 60, 15),
    "kills": (kills.run, 120, 30),
    "pauses": (pauses.run, 12, 6),
    "clock_jumps": (clock_jumps.run, 20, 10),
    "disk_full": (disk_full.run, 12, 6),
    "broken_links": (broken_links.run, 60, 20),
}


def why_left_out(name: str) -> str | None:
    """What a campaign needs and this machine lacks."""
    if name in {"power_loss", "disk_full"}:
        return why_not()
    if name == "clock_jumps" and clock_jumps.library() is None:
        return "libfaketime is not installed"
    return None


async def run(name: str, scale: float, seed: int, deadline: float) -> Row:
    """One campaign, hub after hub, until its rounds or the time are used up."""
    campaign, rounds, at_once = CAMPAIGNS[name]
    left = max(1, round(rounds * scale))
    controls = list(power_loss.CONTROLS)
    row = Row(name, left_out=why_left_out(name))
    while left and not row.left_out:
        if time.monotonic() > deadline:
            row.left_out = f"{left} rounds left out: the time was up"
            break
        number = min(left, at_once)
        with open_folder() as folder:
            more = {"control": controls[len(row.reports) % len(controls)]} if name == "power_loss" else {}
            report = await campaign(folder, number, seed + len(row.reports), **more)
        print(report.line(), flush=True)
        row.reports.append(report)
        left -= number
    return row


async def main() -> int:
    """Run what was asked for; answers the exit status."""
    me = asyncio.current_task()
    assert me
    for name in (signal.SIGINT, signal.SIGTERM):
        # Whoever ends it early finds nothing of it left running, mounted or lying about.
        asyncio.get_running_loop().add_signal_handler(name, me.cancel)
    parser = argparse.ArgumentParser(description="Break everything that can break, many times, and count.")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", choices=CAMPAIGNS, action="append")
    parser.add_argument("--out", type=Path, default=Path("docs/reliability-report.md"))
    given = parser.parse_args()
    seed = choose_seed() if given.seed is None else given.seed
    deadline = time.monotonic() + given.seconds
    since = time.monotonic()
    rows = [await run(name, given.scale, seed, deadline) for name in given.only or CAMPAIGNS]
    text = page(rows, seed=seed, seconds=time.monotonic() - since)
    given.out.write_text(text.rstrip() + "\n")
    print(text)
    return 0 if all(row.fine for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
