"""A worker is stopped beyond its leases and goes on later: its deliveries are another's by then, and stay so.

The first worker has sent and waits for answers when it is stopped. The receiver refuses those requests, so that what
the worker has to say when it goes on ("failed, try again later") contradicts what has become of them meanwhile.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos import processes, stored
from tests.chaos.load import publishing
from tests.chaos.receiver import receiving
from tests.chaos.stage import Report, Stage, hub_on_its_own, owner_url, set_up

_LEASE = 1.0
_PATH = "/north/1"
_EVENTS = 20
_ENDED = "select (event_id, endpoint_id)::text as key, state, ended_at from hub.webhook_deliveries"
_FENCED = "select count(*) from hub.webhook_event_logs where fenced"
_ARE_LEASED = "select count(*) from hub.webhook_deliveries where open and leased and due_at > now()"


async def run(folder: Path, rounds: int, seed: int) -> Report:
    """Stop and continue a worker `rounds` times with deliveries in its hand."""
    fenced = regressions = in_flight = 0
    async with (
        receiving() as receiver,
        # What the receiver refuses would open the endpoint's circuit, and the next round would wait for that.
        hub_on_its_own(
            folder,
            HUB_WEBHOOKS_LEASE=str(_LEASE),
            HUB_WEBHOOKS_SCHEDULE="600",
            HUB_WEBHOOKS_BREAKER_FAILURES="100000",
        ) as hub,
    ):
        stage = await set_up(hub, lambda: owner_url(folder / "home"), receiver)
        for number in range(rounds):
            held, late, changed = await _round(stage, number)
            in_flight += held
            fenced += late
            regressions += changed
        verdict = await stage.verdict(in_flight=in_flight)
        if regressions:
            verdict.faults["regressed"] = [f"{regressions} deliveries changed when the worker went on"]
        return stage.report(
            "SIGSTOP beyond the lease", seed, rounds, verdict,
            in_flight=in_flight, figures={"late results fenced": str(fenced)},
        )  # fmt: skip


async def _round(stage: Stage, number: int) -> tuple[int, int, int]:
    """Answers how many deliveries the worker held, how many late results were fenced, how many deliveries changed."""
    receiver, worker = stage.receiver, stage.hub.children()["worker"]
    gate = receiver.gates[_PATH] = asyncio.Event()
    already = receiver.count(_PATH)
    await asyncio.gather(*(stage.load.publish("north", f"held-{number}-{one}") for one in range(_EVENTS)))
    async with asyncio.timeout(30):
        while receiver.count(_PATH) < already + _EVENTS or await stored.leased(stage.url) > _EVENTS:
            await asyncio.sleep(0.01)
    processes.tell([worker], signal.SIGSTOP)
    try:
        async with stored.owner(stage.url) as connection:
            held = await stored.leased(stage.url)
            receiver.refusing[_PATH] = 500
            gate.set()
            async with asyncio.timeout(30):
                while receiver.waiting:
                    await asyncio.sleep(0.001)
            del receiver.gates[_PATH], receiver.refusing[_PATH]
            async with asyncio.timeout(30):
                while await connection.fetchval(_ARE_LEASED):
                    await asyncio.sleep(0.05)
            async with _second_worker(worker):
                await stored.rest(stage.url)
                before = {row["key"]: tuple(row) for row in await connection.fetch(_ENDED) if row["ended_at"]}
                fenced = await connection.fetchval(_FENCED)
                processes.tell([worker], signal.SIGCONT)
                async with asyncio.timeout(30):
                    while (late := await connection.fetchval(_FENCED) - fenced) < held:
                        await asyncio.sleep(0.02)
                # It works again, beside the other one.
                async with publishing(stage.load):
                    await stage.load.accept_more(50)
                after = {row["key"]: tuple(row) for row in await connection.fetch(_ENDED)}
    finally:
        processes.tell([worker], signal.SIGCONT)
    return held, late, sum(after.get(key) != row for key, row in before.items())


@asynccontextmanager
async def _second_worker(first: int) -> AsyncGenerator[None]:
    """Another worker with the settings of the first."""
    given = Path(f"/proc/{first}/environ").read_bytes().decode().rstrip("\0").split("\0")  # noqa: ASYNC240 - in memory
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worksphere_hub", "work",
        env=dict(line.split("=", 1) for line in given), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
