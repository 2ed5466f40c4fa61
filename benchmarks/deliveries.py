"""One endpoint: events accepted and delivered per second, beside the limits of this machine, and what each costs.

Two limits are measured in the same run: the bare HTTP client posting to the same receiver, and the bare batched insert.
"""

import asyncio
import os
import statistics
import time
from typing import Any

import asyncpg

from benchmarks.limits import bare_insert, bare_posts
from benchmarks.stage import Load, Stage, load, percentiles, stage

_STANDING = """
select pg_current_wal_insert_lsn() - '0/0' as wal,
    (select xact_commit + xact_rollback from pg_stat_database where datname = current_database()) as transactions
"""


def full_speed(made: Stage, wanted: Load) -> dict[str, Any]:
    """As fast as the answers come: accepted a second, and delivered a second until the last has arrived."""
    made.reset()
    before, standing = made.spent(), asyncio.run(_standing(made))
    start = time.monotonic()
    accepted = load(made, wanted)
    made.until_arrived(accepted["answered"], within=wanted.seconds * 6)
    elapsed = time.monotonic() - start
    count = accepted["answered"]
    spent, after = made.spent(), asyncio.run(_standing(made))
    return {
        "accepted": count / accepted["seconds"],
        "delivered": count / elapsed,
        "refused": accepted["refused"],
        "cpu_us": {name: (spent[name] - before[name]) / count * 1e6 for name in spent},
        "wal": float(after["wal"] - standing["wal"]) / count,
        "transactions": (after["transactions"] - standing["transactions"]) / count,
    }


def at_rate(made: Stage, wanted: Load) -> dict[str, float]:
    """At a rate: from the request being sent to the arrival at the receiver, in ms."""
    made.reset()
    accepted = load(made, wanted)
    found = made.until_arrived(accepted["answered"])
    return {"rate": accepted["answered"] / accepted["seconds"], **percentiles(found)}


def run(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """Measure; answers the rows of a table."""
    with stage() as made:
        made.organization("bench")
        made.endpoint("bench", "bench")
        posts, inserts, full = [], [], []
        for _ in range(rounds):
            posts.append(asyncio.run(bare_posts(made.receiver_port, seconds / 2)))
            inserts.append(bare_insert(seconds / 2))
            full.append(full_speed(made, Load(("bench",), seconds)))
        delivered = middle([each["delivered"] for each in full])
        halves = [at_rate(made, Load(("bench",), seconds, delivered / 2)) for _ in range(rounds)]
        memory = made.memory()
    limit = min(middle(posts), middle(inserts))
    rows = [
        ("limit: bare HTTP client to the same receiver", f"{middle(posts):,.0f} posts/s"),
        ("limit: bare batched insert", f"{middle(inserts):,.0f} rows/s"),
        ("accepted", f"{middle([each['accepted'] for each in full]):,.0f} events/s"),
        ("delivered, until the last arrived", f"{delivered:,.0f} events/s"),
        ("that is, of the lower limit", f"{delivered / limit:.0%}"),
        ("refused", str(sum(each["refused"] for each in full))),
        ("load for latency", f"{middle([each['rate'] for each in halves]):,.0f} events/s"),
        *(
            (f"sent to arrived, {name}", f"{middle([each[name] for each in halves]):.1f} ms")
            for name in ("p50", "p95", "p99")
        ),
        ("PostgreSQL transactions", f"{middle([each['transactions'] for each in full]):.3f} a message"),
        ("WAL", f"{middle([each['wal'] for each in full]):,.0f} bytes a message"),
    ]
    total = 0.0
    for name in ("api", "worker", "postgres", "receiver"):
        cost = middle([each["cpu_us"][name] for each in full])
        total += cost
        rows.append((f"CPU of {name}", f"{cost / 1000:.3f} s per 1,000 deliveries"))
    allowed = (os.cpu_count() or 1) * 1e6 / total
    rows.append(("so the CPU alone would allow (without the load generator's own)", f"{allowed:,.0f} events/s"))
    rows += [(f"memory of {name}", f"{size:,.0f} MB") for name, size in memory.items() if name != "receiver"]
    return rows


def middle(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


async def _standing(made: Stage) -> Any:
    connection = await asyncpg.connect(made.owner_url)
    try:
        return await connection.fetchrow(_STANDING)
    finally:
        await connection.close()
