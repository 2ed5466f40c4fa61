"""The power fails in mid-load; what had reached the disk is booted, and everything accepted must be there."""

import asyncio
import random
from pathlib import Path

from tests.chaos import stored
from tests.chaos.load import publishing
from tests.chaos.machine import Machine, machine
from tests.chaos.receiver import receiving
from tests.chaos.stage import Report, Stage, owner_url, set_up

_ACCEPTED_BETWEEN = 25
# Once its settings are on the disk the hub would refuse to start on them, and rightly so.
_BEFORE_CONTROL_BOOT = ': > "$2"/hub/postgres/data/postgresql.auto.conf;'
# How durability is switched off for a control run.
CONTROLS = {
    "synchronous_commit=off": (
        "alter system set synchronous_commit = off",
        # The longest there is: with the default a control round would lose a fifth of a second's work, or by luck none.
        "alter system set wal_writer_delay = '10s'",
    ),
    "fsync=off": ("alter system set fsync = off",),
}


async def run(folder: Path, rounds: int, seed: int, *, control: str = "synchronous_commit=off") -> Report:
    """Cut the power `rounds` times under load, then once more with durability switched off as `control` says."""
    dice = random.Random(seed)
    slowest = 0.0
    in_flight = 0
    async with receiving() as receiver, machine(folder, megabytes=600, HUB_WEBHOOKS_LEASE="2") as host:
        assert host.hub
        stage = await set_up(host.hub, lambda: owner_url(host.inside(host.home)), receiver)
        async with publishing(stage.load):
            for _ in range(rounds):
                # Enough to have work in every stage of its way when the power goes.
                await stage.load.accept_more(_ACCEPTED_BETWEEN)
                await asyncio.sleep(dice.uniform(0.0, 0.7))
                held, seconds = await _cut(host, stage)
                in_flight += held
                slowest = max(slowest, seconds)
        verdict = await stage.verdict(in_flight=in_flight)
        told = await _control(host, stage, control)
        return stage.report(
            "power loss", seed, rounds, verdict, in_flight=in_flight, control=told,
            figures={"slowest return (s)": f"{slowest:.1f}"},
        )  # fmt: skip


async def _cut(host: Machine, stage: Stage, before: str = "") -> tuple[int, float]:
    """One power cut; answers what was in flight and the seconds until events were accepted again."""
    loop = asyncio.get_running_loop()
    await host.cut_power()
    since = loop.time()
    await host.boot(before=before)
    # The server takes connections well before the worker has started, so this is what the old one left behind.
    held = await stored.leased(stage.url)
    await host.ready()
    await stage.load.accept_more(1)
    return held, loop.time() - since


async def _control(host: Machine, stage: Stage, control: str) -> str:
    """Switch durability off behind the hub's back and cut the power: the same checker must find what was lost."""
    async with stored.owner(stage.url) as connection:
        for statement in CONTROLS[control]:
            await connection.execute(statement)
        await connection.execute("select pg_reload_conf()")
    try:
        async with publishing(stage.load):
            await stage.load.accept_more(4 * _ACCEPTED_BETWEEN)
            await _cut(host, stage, _BEFORE_CONTROL_BOOT)
    except TimeoutError:
        return f"{control}: the database did not start again, caught"
    verdict = await stage.verdict()
    lost = len(verdict.faults.get("lost", []))
    return f"{control}: {lost} lost, caught" if lost else f"{control}: NOT caught"
