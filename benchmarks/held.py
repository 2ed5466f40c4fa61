"""A transaction that is held open elsewhere, as a backup does: what ended cannot be cleared away meanwhile."""

import asyncio
import threading

import asyncpg

from benchmarks.deliveries import full_speed, middle
from benchmarks.stage import Load, Stage, stage

# The longer it is held, the more lies about: so many times as long as a round without it.
_TIMES = 4


def held(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """Delivered a second, alone; then while a transaction is held open, the last of several rounds in a row."""
    wanted = Load(("bench",), seconds)
    with stage() as made:
        made.organization("bench")
        made.endpoint("bench", "bench")
        alone = middle([full_speed(made, wanted)["delivered"] for _ in range(rounds)])
        stop = threading.Event()
        holding = threading.Thread(target=lambda: asyncio.run(_hold(made, stop)))
        holding.start()
        try:
            beside = [full_speed(made, wanted)["delivered"] for _ in range(_TIMES * rounds)]
        finally:
            stop.set()
            holding.join()
    lasted = _TIMES * rounds * seconds
    return [
        ("delivered, alone", f"{alone:,.0f} events/s"),
        (f"delivered at the end of {lasted:.0f} s with a transaction held open", f"{beside[-1]:,.0f} events/s"),
        ("that is (aim: at least 70%)", f"{beside[-1] / alone:.0%}"),
    ]


async def _hold(made: Stage, stop: threading.Event) -> None:
    connection = await asyncpg.connect(made.owner_url)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.fetchval("select count(*) from hub.organizations")
        await asyncio.to_thread(stop.wait)
    await connection.close()
