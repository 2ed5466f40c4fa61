"""A backlog, published while the worker stood still, and then drained."""

import asyncio
import os
import signal
import time

import asyncpg

from benchmarks.stage import Stage, stage

_BATCH = 1_000

# What the API does for each batch, by the owner: the same function, without HTTP.
_PUBLISH = """
select count(*) from hub.accept_events(
    (select array_agg($1::uuid) from generate_series(1, $2::int)),
    (select array_agg(hub.uuidv7()) from generate_series(1, $2::int)),
    (select array_agg(null::text) from generate_series(1, $2::int)),
    (select array_agg('bench.0'::text) from generate_series(1, $2::int)),
    (select array_agg(convert_to(
        '{"type":"bench.0","timestamp":"2026-01-01T00:00:00Z","data":"' || repeat('x', 900) || '"}', 'UTF8'
    )) from generate_series(1, $2::int)),
    (select array_agg(now()) from generate_series(1, $2::int)),
    (select array_agg(now()) from generate_series(1, $2::int)),
    (select array_agg(null::uuid) from generate_series(1, $2::int)),
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'
)
"""


def backlog(events: int) -> list[tuple[str, str]]:
    """Drain so many events; answers the rows of a table."""
    with stage() as made:
        made.organization("bench")
        made.endpoint("bench", "bench")
        worker = made.processes["worker"]
        os.kill(worker, signal.SIGSTOP)
        try:
            asyncio.run(_publish(made, events))
        finally:
            os.kill(worker, signal.SIGCONT)
        start = time.monotonic()
        found = made.until_arrived(events, within=3_600)
        seconds = time.monotonic() - start
        marks = [0.0, *found["marks"]]
        memory = made.memory()
    rows = [(f"a backlog of {events:,} drained in", f"{seconds:,.0f} s: {events / seconds:,.0f} events/s")]
    if len(marks) > 2:
        first, last = marks[1] - marks[0], marks[-1] - marks[-2]
        rows.append(("the last 100,000 against the first (aim: at most 2)", f"{last / first:.2f} times as long"))
    rows.append(("memory of the worker", f"{memory['worker']:,.0f} MB"))
    return rows


async def _publish(made: Stage, events: int) -> None:
    connection = await asyncpg.connect(made.owner_url)
    try:
        org = await connection.fetchval("select id from hub.organizations where slug = 'bench'")
        for begin in range(0, events, _BATCH):
            await connection.execute("set synchronous_commit = off")
            await connection.fetchval(_PUBLISH, org, min(_BATCH, events - begin))
    finally:
        await connection.close()
