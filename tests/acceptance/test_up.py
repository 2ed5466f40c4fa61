"""`up` and `demo` as an operator meets them: started, interrupted, started again, twice at once, as anybody."""

import asyncio
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import asyncpg
import pytest

from tests.acceptance.running import demo
from worksphere_hub.db.embedded import free_port

ROOT = Path(__file__).parents[2]


def fetch(url: str, body: bytes | None = None) -> bytes:
    """A GET, or a POST of JSON; a refusal is an exception."""
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def session_processes(session: int) -> list[str]:
    """Everything that a session has started and that still runs."""
    listed = subprocess.run(["ps", "-e", "-o", "sid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [row[2] for row in rows if row[0] == str(session) and not row[1].startswith("Z")]


async def count_events(demo_file) -> int:
    connection = await asyncpg.connect(demo_file["database_url"])
    try:
        return await connection.fetchval("select count(*) from hub.webhook_events")
    finally:
        await connection.close()


@pytest.mark.timeout(240)
async def test_a_demo_is_started_interrupted_and_started_again(roomy_folder, capsys):
    home, port = roomy_folder / "home", free_port()
    async with demo(home, port) as (first, process, shown):
        assert first["base_url"] == f"http://127.0.0.1:{port}"
        assert set(first) == {
            "base_url", "dashboard_url", "api_key", "operator_key", "email", "password", "sandbox_url", "database_url",
        }  # fmt: skip
        assert "127.0.0.0/8" in shown
        events = await count_events(first)
        assert events > 500
        assert b"WorkSphere Hub" in await asyncio.to_thread(fetch, first["dashboard_url"])
        login = json.dumps({"email": first["email"], "password": first["password"]}).encode()
        assert b"hub_ses_" in await asyncio.to_thread(fetch, f"{first['base_url']}/v1/sessions", login)
        assert len(session_processes(process.pid)) >= 4
        # A second copy beside it, in the same folder, on another port.
        async with demo(home, free_port()) as (second, _, _):
            assert second["base_url"] != first["base_url"]
            assert second["api_key"] != first["api_key"]
        assert await count_events(first) == events
    assert session_processes(process.pid) == []
    assert not (home / "demo.json").exists()

    since = time.monotonic()
    async with demo(home, port) as (again, _, _):
        seconds = time.monotonic() - since
        assert again["api_key"] == first["api_key"]
        assert await count_events(again) == events
    with capsys.disabled():
        print(f"\n  second start of the demo: {seconds:.1f} s")

    async with demo(home, port, "--reset") as (fresh, _, _):
        assert fresh["api_key"] != first["api_key"]


@pytest.mark.timeout(120)
async def test_an_ordinary_user_can_run_it(roomy_folder):
    # Whoever runs the suite as an ordinary user has shown this with every other test. Root becomes one in a namespace.
    prefix = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
    async with demo(roomy_folder / "home", free_port(), prefix=prefix) as (found, _, _):
        assert await count_events(found) > 500


@pytest.mark.timeout(120)
async def test_killed_outright_it_leaves_nothing_running_and_starts_again(roomy_folder):
    home, port = roomy_folder / "home", free_port()
    async with demo(home, port) as (first, process, _):
        events = await count_events(first)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        async with asyncio.timeout(40):
            while session_processes(process.pid):
                await asyncio.sleep(0.1)
    async with demo(home, port) as (again, _, _):
        assert await count_events(again) == events
