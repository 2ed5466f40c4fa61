"""The clock of API and worker jumps, forth and back, while deliveries are in hand and others wait for their retry.

Due times and leases are the database's, whose clock is left alone: nothing may be tried early, taken from a worker that
has it, or lost. Only the wall clock jumps, as it does when somebody sets it; the monotonic one goes on.
"""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from tests.acceptance.running import RunningHub, hub_environment
from tests.chaos import stored
from tests.chaos.load import publishing
from tests.chaos.receiver import receiving
from tests.chaos.stage import DatabaseApart, Report, database_apart, set_up
from worksphere_hub.db.embedded import die_with_parent, free_port

JUMPS = ("+1h", "-1h", "+2d", "-2d", "+0")
_LIBRARY = "faketime/libfaketimeMT.so.1"
_SLOW, _REFUSING = "/north/1", "/south/2"
# Long enough for the library to look at its file again, which it does once a second.
_JUMP_SECONDS = 1.3
_RETRY_NOW = "update hub.webhook_deliveries set due_at = now() where open and state = 'pending' and not leased"


def library() -> Path | None:
    """libfaketime, where Debian's package of that name puts it."""
    return next(iter(Path("/usr/lib").glob(f"*/{_LIBRARY}")), None)


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Let the clock jump `rounds` times."""
    dice = random.Random(seed)
    clock = folder / "clock"
    clock.write_text("+0")
    async with (
        receiving() as receiver,
        database_apart(folder) as database,
        _hub_with_clock(folder, database, clock) as hub,
    ):
        stage = await set_up(hub, lambda: database.owner_url, receiver)
        receiver.refusing[_REFUSING] = 500
        async with publishing(stage.load):
            for number in range(rounds):
                await stage.load.accept_more(10)
                gate = receiver.gates[_SLOW] = asyncio.Event()
                await asyncio.sleep(dice.uniform(0.0, 0.2))
                clock.write_text(JUMPS[number % len(JUMPS)])
                await asyncio.sleep(_JUMP_SECONDS)
                del receiver.gates[_SLOW]
                gate.set()
                await stage.load.accept_more(10)
        async with asyncio.timeout(30):
            while await stored.leased(stage.url):
                await asyncio.sleep(0.02)
        refused = Counter(arrival.event for arrival in receiver.arrivals if arrival.path == _REFUSING)
        early = [event for event, count in refused.items() if count > 1]
        del receiver.refusing[_REFUSING]
        async with stored.owner(stage.url) as connection:
            await connection.execute(_RETRY_NOW)
        verdict = await stage.verdict(in_flight=0)
        if early:
            verdict.faults["early"] = early
        return stage.report(
            "clock jumps", seed, rounds, verdict,
            figures={
                "largest jump seen by a receiver (h)": f"{receiver.largest_skew / 3600:.1f}",
                "retries before their time": f"{len(early)} of {len(refused)}",
            },
        )  # fmt: skip


@asynccontextmanager
async def _hub_with_clock(folder: Path, database: DatabaseApart, clock: Path) -> AsyncGenerator[RunningHub]:
    """An API and a worker whose wall clock follows a file. Not by `up`: the library breaks Python's `time.sleep`."""
    environment = hub_environment(
        folder / "home", free_port(), HUB_WEBHOOKS_LEASE="6", HUB_WEBHOOKS_SCHEDULE="1800,1800",
        HUB_OWNER_URL=database.owner_url, HUB_DATABASE_URL=database.url(database.port),
    )  # fmt: skip
    led_astray = environment | {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    started: list[asyncio.subprocess.Process] = []
    with (folder / "hub.log").open("wb") as log:
        try:
            for name in ("migrate", "serve", "work"):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "worksphere_hub", name, stdout=log, stderr=log,
                    env=environment if name == "migrate" else led_astray,
                    preexec_fn=partial(die_with_parent, signal.SIGTERM),
                )  # fmt: skip
                started.append(process)
                if name == "migrate":
                    assert await process.wait() == 0
            hub = RunningHub(started[1], environment, int(environment["HUB_PORT"]))
            await _answering(hub, folder)
            yield hub
        finally:
            for process in started[1:]:
                process.terminate()
            await asyncio.gather(*(process.wait() for process in started))


async def _answering(hub: RunningHub, folder: Path) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                status, _ = await hub.request("GET", "/readyz")
                if status == 200 and list((folder / "home" / "run").glob("*.bell")):
                    return
            assert hub.process.returncode is None, (folder / "hub.log").read_text()
            await asyncio.sleep(0.05)
