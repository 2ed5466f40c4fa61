"""The links break: between the hub and PostgreSQL, and between the worker and its receivers."""

import asyncio
import random
from pathlib import Path

from tests.chaos.load import publishing
from tests.chaos.proxy import FAULTS, proxying
from tests.chaos.receiver import receiving
from tests.chaos.stage import DatabaseApart, Report, database_apart, hub_on_its_own, set_up

_SECONDS = (0.3, 1.2)
_ACCEPTED_BETWEEN = 15
_HUB = {
    "HUB_WEBHOOKS_LEASE": "3",
    "HUB_WEBHOOKS_SCHEDULE": ",".join(["0.3"] * 40),
    "HUB_WEBHOOKS_CONNECT_TIMEOUT": "1",
    "HUB_WEBHOOKS_ATTEMPT_TIMEOUT": "1.5",
    # A receiver that is back is heard of before the round ends, not half a minute after.
    "HUB_WEBHOOKS_BREAKER_PAUSE": "0.5",
    "HUB_WEBHOOKS_BREAKER_LONGEST_PAUSE": "2",
    "HUB_DATABASE_TIMEOUT": "2",
}
# A probe that was claimed on a link which then broke counts as lost after sixty seconds.
_REST = 120.0


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Break a link `rounds` times, every fault on either link in turn, in random order."""
    dice = random.Random(seed)
    async with database_apart(folder) as database:
        return await _break(folder, database, rounds, seed, dice)


async def _break(folder: Path, database: DatabaseApart, rounds: int, seed: int, dice: random.Random) -> Report:
    async with (
        receiving() as receiver,
        proxying(database.port, dice) as to_database,
        proxying(receiver.port, dice) as to_receiver,
        hub_on_its_own(
            folder, **_HUB, HUB_OWNER_URL=database.owner_url, HUB_DATABASE_URL=database.url(to_database.port)
        ) as hub,
    ):  # fmt: skip
        stage = await set_up(
            hub, lambda: database.owner_url, receiver, base=lambda path: f"http://127.0.0.1:{to_receiver.port}{path}"
        )
        breaks = [(fault, link) for fault in FAULTS for link in (to_database, to_receiver)]
        dice.shuffle(breaks)
        slowest = 0.0
        async with publishing(stage.load):
            for number in range(rounds):
                fault, link = breaks[number % len(breaks)]
                await stage.load.accept_more(_ACCEPTED_BETWEEN)
                link.set(fault)
                await asyncio.sleep(dice.uniform(*_SECONDS))
                link.set(None)
                slowest = max(slowest, await stage.load.accept_more(_ACCEPTED_BETWEEN))
        verdict = await stage.verdict(within=_REST)
        return stage.report(
            "broken links", seed, rounds, verdict,
            figures={
                "connections harmed": f"{to_database.harmed + to_receiver.harmed}",
                "slowest return (s)": f"{slowest:.1f}",
            },
        )  # fmt: skip
