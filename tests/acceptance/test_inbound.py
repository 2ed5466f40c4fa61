"""From a provider's request to a receiver, through a whole hub; and with its processes killed on the way."""

import asyncio
import hashlib
import hmac
import json
import os
import random
import signal
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.acceptance.running import RunningHub, running_hub
from tests.chaos.receiver import receiving

SECRET = "It's a Secret to Everybody"
KILLS = 12
TAKEN_BETWEEN = 5


async def create(hub: RunningHub, **more) -> str:
    """A source of GitHub's kind; answers the path of its address."""
    wanted = {
        "name": "GitHub", "verification": {"scheme": "github"}, "secret": SECRET, "rate_limit": 10_000,
        "event_type": "github.event", "event_type_from": {"header": "X-GitHub-Event", "prefix": "github."}, **more,
    }  # fmt: skip
    status, made = await hub.request("POST", "/v1/inbound-sources", wanted)
    assert status == 201, made
    assert made["address"].startswith("http://hub/in/hub_in_")
    return urlsplit(made["address"]).path


async def deliver(hub: RunningHub, path: str, body: bytes, delivery: str) -> int:
    """What GitHub does; answers the status."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{hub.port}\r\ncontent-type: application/json\r\n"
        f"x-github-event: push\r\nx-github-delivery: {delivery}\r\nx-hub-signature-256: sha256={digest}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    try:
        writer.write(head.encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    if not answer:
        raise ConnectionResetError("no answer")
    return int(answer[9:12])


async def insist(hub: RunningHub, path: str, number: int) -> None:
    """Send until it is taken, as providers do."""
    body = json.dumps({"n": number}).encode()
    while True:
        try:
            if await deliver(hub, path, body, f"d-{number}") == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_nothing_taken_is_lost_or_published_twice_when_processes_are_killed(roomy_folder, capsys):
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    async with receiving() as receiver, running_hub(roomy_folder / "home", HUB_INBOUND_LEASE="1") as hub:
        status, endpoint = await hub.request(
            "POST", "/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{receiver.port}/one"}
        )
        assert status == 201, endpoint
        receiver.know("/one", "acme", endpoint["secret"])
        path = await create(hub)
        assert await deliver(hub, path[:-1] + "-", b"{}", "d") == 404

        taken: set[int] = set()
        is_over = asyncio.Event()

        async def load(number: int) -> None:
            while not is_over.is_set():
                await insist(hub, path, number)
                taken.add(number)
                number += 4
                await asyncio.sleep(0.02)

        loads = [asyncio.create_task(load(first)) for first in range(4)]
        killed = 0
        while killed < KILLS:
            # Something must have been taken since the last kill, or this would only show that a dead hub takes nothing.
            enough = len(taken) + TAKEN_BETWEEN
            while len(taken) < enough:
                await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0.0, 0.2))
            pid = hub.children().get(dice.choice(["api", "worker"]))
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        is_over.set()
        await asyncio.gather(*loads)
        database = await asyncpg.connect(await hub.command("organizations", "login", "acme"))
        published = "select count(*) from hub.webhook_events where type = 'github.push'"
        undelivered = "select count(*) from hub.webhook_deliveries where state = 'pending'"
        async with asyncio.timeout(90):
            while await database.fetchval(published) < len(taken) or await database.fetchval(undelivered):
                await asyncio.sleep(0.1)
        rows = await database.fetch("select body from hub.webhook_events where type = 'github.push'")
        await database.close()
        _, page = await hub.request("GET", "/v1/inbound-sources")
        source = page["data"][0]["id"]
        _, waiting = await hub.request("GET", f"/v1/inbound-sources/{source}/messages?state=received")

    numbers = sorted(json.loads(row["body"])["data"]["n"] for row in rows)
    with capsys.disabled():
        print(f"\n  inbound: seed {seed}, {KILLS} kills, {len(numbers)} of {len(taken)} published")
    assert numbers == sorted(taken)
    assert waiting["data"] == []
    assert all(arrival.signed for arrival in receiver.arrivals)
    assert len({arrival.event for arrival in receiver.arrivals}) == len(taken)
