"""The disk fills up under load: nothing is accepted that is not stored, and when there is room again, it goes on."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.chaos import stored
from tests.chaos.load import publishing
from tests.chaos.machine import Machine, machine
from tests.chaos.receiver import receiving
from tests.chaos.stage import Report, Stage, owner_url, set_up

_MEGABYTES = 400
# What is left free when the ballast is laid in, so that the load itself takes the last of it.
_LEFT = (1, 12)
_REFUSED = 30
_QUIET_SECONDS = 1.0
_PANIC_SECONDS = 3.0


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Fill the disk `rounds` times and clear it again."""
    dice = random.Random(seed)
    refused, slowest = 0, 0.0
    async with receiving() as receiver, machine(folder, megabytes=_MEGABYTES, HUB_WEBHOOKS_LEASE="2") as host:
        assert host.hub
        stage = await set_up(host.hub, lambda: owner_url(host.inside(host.home)), receiver, fill=20_000)
        async with publishing(stage.load):
            for number in range(rounds):
                await stage.load.accept_more(20)
                before = stage.load.answers_503
                await _fill(host, stage, dice.randint(*_LEFT))
                if number % 2:
                    await _force_new_log(stage)
                refused += stage.load.answers_503 - before
                await host.command("rm", str(host.home / "ballast"))
                slowest = max(slowest, await stage.load.accept_more(20))
        verdict = await stage.verdict()
        return stage.report(
            "disk full", seed, rounds, verdict,
            figures={"answered 503 with Retry-After": str(refused), "slowest return (s)": f"{slowest:.1f}"},
        )  # fmt: skip


async def _force_new_log(stage: Stage) -> None:
    """Let the server need a new file for its write-ahead log, without which it cannot live: it panics, and starts, and
    panics, for as long as there is no room."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        async with stored.owner(stage.url, within=1.0) as connection:
            while True:
                await connection.execute("select pg_switch_wal()")
                await connection.execute("select pg_logical_emit_message(false, 'ballast', repeat('x', 100000))")
    await asyncio.sleep(_PANIC_SECONDS)


async def _fill(host: Machine, stage: Stage, left: int) -> None:
    """Take the room on the disk but for `left` MiB, and return once publishers have been refused for a while."""
    blocks, size = (await host.command("stat", "-f", "-c", "%a %S", str(host.home))).split()
    free = int(blocks) * int(size) // 1024**2
    await host.command("fallocate", "-l", f"{max(free - left, 1)}M", str(host.home / "ballast"))
    refused = stage.load.answers_503 + _REFUSED
    async with asyncio.timeout(60):
        while stage.load.answers_503 < refused:
            await asyncio.sleep(0.02)
    await asyncio.sleep(_QUIET_SECONDS)
