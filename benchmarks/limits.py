"""The two limits the benchmark is read beside, on the same machine in the same run."""

import asyncio
import shutil
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

import asyncpg
from pyreqwest.client import ClientBuilder

from worksphere_hub.db.embedded import EmbeddedServer, free_port

BODY = b'{"type":"bench.event","data":"' + b"x" * 950 + b'"}'
AT_ONCE = 200
BATCH = 400


async def bare_posts(port: int, seconds: float) -> float:
    """Posts a second of the HTTP client alone, unsigned and unrecorded."""
    url = f"http://127.0.0.1:{port}/"
    done = 0
    end = time.monotonic() + seconds
    async with ClientBuilder().max_connections(AT_ONCE).timeout(timedelta(seconds=15)).no_proxy().build() as client:

        async def post() -> None:
            nonlocal done
            while time.monotonic() < end:
                response = await client.post(url).body_bytes(BODY).build().send()
                assert response.status == 204
                done += 1

        await asyncio.gather(*(post() for _ in range(AT_ONCE)))
    return done / seconds


def bare_insert(seconds: float) -> float:
    """Rows a second of batched inserts of an event into a plain table, committed, on a server of the same settings."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "postgres", password="bench", port=free_port())
    server.start()
    try:
        return asyncio.run(_insert(server.url("postgres"), seconds))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _insert(url: str, seconds: float) -> float:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table event (org_id uuid, id uuid, type text, body bytea, at timestamptz default now(),"
        " primary key (org_id, id))"
    )
    org = uuid.uuid4()
    done = 0
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        await connection.execute(
            "insert into event (org_id, id, type, body) select $1, * from unnest($2::uuid[], $3::text[], $4::bytea[])",
            org,
            [uuid.uuid4() for _ in range(BATCH)],
            ["bench.event"] * BATCH,
            [BODY] * BATCH,
        )
        done += BATCH
    await connection.close()
    return done / seconds
