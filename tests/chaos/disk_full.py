"""The database's disk fills up under load. Nothing is accepted that is not stored, and when there is room it goes on."""

import asyncio
import random
from pathlib import Path

from tests.chaos.load import publishing
from tests.chaos.machine import Machine, machine
from tests.chaos.receiver import receiving
from tests.chaos.stage import Report, Stage, owner_url, set_up

_MEGABYTES = 400
# What is left free when the ballast is laid in, so that the load itself takes the last of it.
_LEFT = (1, 12)
_REFUSED = 40
_QUIET_SECONDS = 1.0


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Fill the disk `rounds` times and clear it again."""
    dice = random.Random(seed)
    refused, slowest = 0, 0.0
    async with receiving() as receiver, machine(folder, megabytes=_MEGABYTES, HUB_WEBHOOKS_LEASE="2") as host:
        assert host.hub
        stage = await set_up(host.hub, lambda: owner_url(host.inside(host.home)), receiver, fill=20_000)
        async with publishing(stage.load):
            for _ in range(rounds):
                await stage.load.accept_more(20)
                before = stage.load.answers_503
                await _fill(host, stage, dice.randint(*_LEFT))
                refused += stage.load.answers_503 - before
                await host.command("rm", str(host.home / "ballast"))
                slowest = max(slowest, await stage.load.accept_more(20))
        verdict = await stage.verdict()
        return stage.report(
            "disk full", seed, rounds, verdict,
            figures={"answered 503 with Retry-After": str(refused), "slowest return (s)": f"{slowest:.1f}"},
        )  # fmt: skip


async def _fill(host: Machine, stage: Stage, left: int) -> None:
    """Take the room on the disk but for `left` MiB, and return once publishers have been refused for a while."""
    free = int(await host.command("stat", "-f", "-c", "%a", str(host.home))) * 4 // 1024
    await host.command("fallocate", "-l", f"{max(free - left, 1)}M", str(host.home / "ballast"))
    refused = stage.load.answers_503 + _REFUSED
    async with asyncio.timeout(60):
        while stage.load.answers_503 < refused:
            await asyncio.sleep(0.02)
    await asyncio.sleep(_QUIET_SECONDS)
