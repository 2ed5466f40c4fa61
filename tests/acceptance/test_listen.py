"""`listen` brings an organization's deliveries to a local port, and takes its endpoint away when it ends."""

import asyncio
import os
import secrets
import signal
import sys

import pytest
from standardwebhooks import Webhook

from tests.acceptance.test_main_job import until
from tests.security.hostile import HostileReceiver


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


async def lines_of(stream, wanted):
    """Read lines until one holds what is wanted; answers that one."""
    async with asyncio.timeout(30):
        while line := (await stream.readline()).decode():
            if wanted in line:
                return line
    raise AssertionError(f"it ended without saying {wanted}")


async def test_deliveries_arrive_at_a_local_port_and_can_be_sent_again(hub, receiver):
    event_type = f"listen.{secrets.token_hex(4)}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worksphere_hub",
        "listen",
        "--forward-to",
        receiver.url("/ok"),
        "--type",
        event_type,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**hub.environment, "PYTHONUNBUFFERED": "1", "HUB_URL": hub.base_url, "HUB_API_KEY": hub.key},
    )
    try:
        secret = (await lines_of(process.stderr, "signing secret")).split()[-1]
        await lines_of(process.stderr, "forwarding")
        _, accepted = await hub.request("POST", "/v1/events", {"type": event_type, "data": {"n": 1}})
        (request,) = await receiver.wait_for(1)
        assert Webhook(secret).verify(request.body, request.headers)["data"] == {"n": 1}
        assert accepted["id"] in await lines_of(process.stdout, event_type)

        async def endpoints():
            _, answer = await hub.request("GET", "/v1/webhook-endpoints")
            return [each["id"] for each in answer["data"] if each["event_types"] == [event_type]]

        (endpoint,) = await endpoints()
        _, attempts = await hub.request("GET", f"/v1/webhook-endpoints/{endpoint}/attempts")
        assert [(each["outcome"], each["status"]) for each in attempts["data"]] == [("delivered", 200)]
        os.kill(process.pid, signal.SIGINT)
        assert await process.wait() == 0
        await until(endpoints, [])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
