"""Kill the hub's processes at random moments under load: nothing accepted is lost, every duplicate is marked."""

import asyncio
import os
import random
import signal

import asyncpg
import pytest

from tests.acceptance.ledger import Publisher, receiving
from tests.acceptance.running import running_hub

KILLS = 24
ACCEPTED_BETWEEN = 10
PATHS = ("/one", "/two")


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_when_processes_are_killed(roomy_folder, capsys):
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    async with receiving() as receiver, running_hub(roomy_folder / "home", HUB_WEBHOOKS_LEASE="2") as hub:
        for path in PATHS:
            status, endpoint = await hub.request("POST", "/v1/webhook-endpoints", {"url": receiver.url(path)})
            assert status == 201, endpoint
            receiver.secrets[path] = endpoint["secret"]
        publisher = Publisher(hub)
        load = [asyncio.create_task(publisher.run(f"p{number}", 0.02)) for number in range(8)]
        killed = {"api": 0, "worker": 0}
        while sum(killed.values()) < KILLS:
            # Work must have gone through since the last kill, or this would only show that a dead hub accepts nothing.
            enough = len(publisher.accepted) + ACCEPTED_BETWEEN
            while len(publisher.accepted) < enough:
                await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0.0, 0.4))
            victim = dice.choice(["api", "worker"])
            pid = hub.children().get(victim)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed[victim] += 1
        publisher.stopping = True
        await asyncio.gather(*load)
        url = await hub.command("organizations", "login", "acme")
        database = await asyncpg.connect(url)
        async with asyncio.timeout(60):
            while await database.fetchval("select count(*) from hub.webhook_deliveries where state = 'pending'"):
                await asyncio.sleep(0.1)
        rows = await database.fetch(
            "select e.key, w.url, d.state, bool_or(l.reclaimed) as reclaimed from hub.webhook_deliveries d"
            " join hub.webhook_events e on e.id = d.event_id join hub.webhook_endpoints w on w.id = d.endpoint_id"
            " left join hub.webhook_event_logs l on l.event_id = d.event_id and l.endpoint_id = d.endpoint_id"
            " group by 1, 2, 3"
        )
        await database.close()

    lost = [(path, event) for path in PATHS for event in publisher.accepted if not receiver.arrived[path, event]]
    doubled = {name for name, count in receiver.arrived.items() if count > 1}
    marked = {(path, row["key"]) for row in rows for path in PATHS if row["url"].endswith(path) and row["reclaimed"]}
    with capsys.disabled():
        print(
            f"\n  crash: seed {seed}, {killed['api']} kills of the API and {killed['worker']} of the worker, "
            f"{len(publisher.accepted)} events accepted, {publisher.asked_again} asked again, {len(lost)} lost, "
            f"{len(doubled)} of {len(PATHS) * len(publisher.accepted)} deliveries arrived twice, "
            f"{len(doubled - marked)} of them unmarked"
        )
    assert len(publisher.accepted) >= KILLS * ACCEPTED_BETWEEN
    assert not lost
    assert not doubled - marked
    assert receiver.bad_signatures == 0
    assert {row["state"] for row in rows} == {"delivered"}
    assert len(rows) == len(PATHS) * len(publisher.accepted)
    assert {event for _, event in receiver.arrived} == publisher.accepted
