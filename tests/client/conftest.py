"""A real hub to talk to, a receiver, and a hub that misbehaves by plan."""

import json

import pytest

from tests.acceptance.conftest import hub as running
from tests.security.behaviours import Exchange, behaviour
from tests.security.hostile import HostileReceiver
from worksphere_hub.client import AsyncHub

hub = running


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


@pytest.fixture
async def client(hub):
    async with AsyncHub(hub.base_url, hub.key) as opened:
        yield opened


@behaviour("plan")
async def _plan(exchange: Exchange, rest: str) -> bool:
    """/plan/503,reset,ok/... does the n-th of these on the n-th visit, and the last from then on."""
    steps = rest.partition("/")[0].split(",")
    step = steps[min(exchange.receiver.times(exchange.request.path), len(steps)) - 1]
    if step == "reset":
        exchange.reset()
        return False
    if step == "hang":
        return await exchange.wait_for_the_end()
    if step == "page":
        return await exchange.answer(502, b"<html>Bad gateway</html>")
    if step == "elsewhere":
        return await exchange.answer(307, b"", ("location", exchange.receiver.url("/ok/followed")))
    if step == "ok":
        stored = {"id": "evt_1", "accepted_at": "2026-11-23T10:00:00Z", "data": []}
        return await exchange.answer(202, json.dumps(stored).encode())
    status, _, retry_after = step.partition("-after-")
    problem = {"code": "request_in_progress" if status == "409" else f"code_{status}", "detail": "not now"}
    headers = (("retry-after", retry_after),) if retry_after else ()
    return await exchange.answer(int(status), json.dumps(problem).encode(), *headers)
