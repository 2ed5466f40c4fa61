"""The hub's processes are killed at random moments under load, one after the other, and `up` starts them again."""

import asyncio
import random
import signal
from pathlib import Path

import asyncpg

from tests.acceptance.running import RunningHub
from tests.chaos import processes, stored
from tests.chaos.load import publishing
from tests.chaos.receiver import receiving
from tests.chaos.stage import Report, Stage, hub_on_its_own, owner_url, set_up

VICTIMS = ("api", "worker", "postgres", "backend")
_ACCEPTED_BETWEEN = 15
# A backend that waits for the stopped worker to read its answer has not committed, and would wait for ever.
_BUSY = (
    "select count(*) from pg_stat_activity where usename = 'hub_worker_login' and state = 'active'"
    " and wait_event is distinct from 'ClientWrite'"
)
_BACKENDS = "select pid from pg_stat_activity where usename like 'hub\\_%\\_login'"


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Kill `rounds` processes, every kind in turn and in random order."""
    dice = random.Random(seed)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(rounds)]
    dice.shuffle(victims)
    in_flight = 0
    slowest = dict.fromkeys(VICTIMS, 0.0)
    async with (
        receiving() as receiver,
        hub_on_its_own(folder, HUB_WEBHOOKS_LEASE="2", HUB_DATABASE_CONNECTIONS="6") as hub,
    ):
        stage = await set_up(hub, lambda: owner_url(folder / "home"), receiver)
        async with publishing(stage.load):
            await stage.load.accept_more(_ACCEPTED_BETWEEN)
            for victim in victims:
                await asyncio.sleep(dice.uniform(0.0, 0.4))
                before = await _all_there(hub)
                stage.load.longest_gap = 0.0
                in_flight += await _kill(stage, victim, dice)
                await _all_there(hub, but_not=before.get(victim, 0))
                # Work must go through between two kills, or this shows only that a dead hub accepts nothing.
                await stage.load.accept_more(_ACCEPTED_BETWEEN)
                slowest[victim] = max(slowest[victim], stage.load.longest_gap)
        verdict = await stage.verdict(in_flight=in_flight)
        longest = ", ".join(f"{victim} {seconds:.1f}" for victim, seconds in slowest.items())
        return stage.report(
            "SIGKILL", seed, rounds, verdict, in_flight=in_flight, figures={"longest pause in accepting (s)": longest}
        )


async def _all_there(hub: RunningHub, *, but_not: int = 0) -> dict[str, int]:
    """The children of `up`, once each of them runs, and the one that was killed runs anew."""
    async with asyncio.timeout(60):
        while len(found := hub.children()) < 3 or but_not in found.values():
            await asyncio.sleep(0.02)
    return found


async def _kill(stage: Stage, victim: str, dice: random.Random) -> int:
    """Kill one process; answers how many deliveries were in the worker's hand when it could not go on."""
    children = await _all_there(stage.hub)
    worker = children["worker"]
    if victim == "api":
        processes.tell([children["api"]], signal.SIGKILL)
        return 0
    if victim == "worker":
        # It is stopped first and the last statement it sent is waited for: what is leased then is what dies with it.
        processes.tell([worker], signal.SIGSTOP)
        held = await _leased_at_rest(stage)
        processes.tell([worker], signal.SIGKILL)
        return held
    if victim == "backend":
        async with stored.owner(stage.url) as connection:
            pids = [row["pid"] for row in await connection.fetch(_BACKENDS)]
        processes.tell([dice.choice(pids)] if pids else [], signal.SIGKILL)
    else:
        processes.tell([children["postgres"]], signal.SIGKILL)
    # The worker stands still until the server is back and has said what was leased when it died.
    processes.tell([worker], signal.SIGSTOP)
    try:
        return await _leased_at_rest(stage)
    finally:
        processes.tell([worker], signal.SIGCONT)


async def _leased_at_rest(stage: Stage) -> int:
    while True:
        try:
            async with stored.owner(stage.url) as connection:
                while await connection.fetchval(_BUSY):
                    await asyncio.sleep(0.005)
            return await stored.leased(stage.url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # This connection may have been among the first victims of a killed backend.
            await asyncio.sleep(0.02)
