"""Retries against a server that fails by plan: what is sent again, and that it is the same."""

import json
import subprocess
import sys

import pytest

from worksphere_hub.client import (
    AsyncHub,
    Event,
    HubRefused,
    HubUnavailable,
    Missing,
    NotAllowed,
    Patience,
    TooMany,
    Unreachable,
    Unusable,
)

AT_ONCE = Patience(retries=3, first=0.0)


def planned(receiver, steps, **options):
    return AsyncHub(receiver.url(f"/plan/{steps}"), "key", **{"patience": AT_ONCE, **options})


@pytest.mark.parametrize("steps", ["503,ok", "429-after-0,503,ok", "reset,reset,ok", "page,409,504,ok"])
async def test_what_passes_is_sent_again_with_the_same_key_and_body(receiver, steps):
    async with planned(receiver, steps) as hub:
        stored = await hub.publish("a.b", {"n": 1})
    assert stored.id == "evt_1"
    assert len(receiver.requests) == len(steps.split(","))
    assert len({(request.body, request.headers["idempotency-key"]) for request in receiver.requests}) == 1
    assert {request.path.rsplit("ok")[-1] for request in receiver.requests} == {"/v1/events"}


async def test_a_try_that_takes_too_long_is_another_try(receiver):
    async with planned(receiver, "hang,ok", timeout=0.3) as hub:
        await hub.publish("a.b", {})
    assert len(receiver.requests) == 2


async def test_a_batch_is_sent_again_with_the_same_ids_and_without_a_key(receiver):
    async with planned(receiver, "503,ok") as hub:
        assert await hub.publish_batch([Event("a.b", 1), Event("a.b", 2, id="mine")]) == []
    first, again = receiver.requests
    assert first.body == again.body
    assert "idempotency-key" not in first.headers
    made, given = json.loads(first.body)["events"]
    assert made["id"].startswith("msg_")
    assert given["id"] == "mine"


@pytest.mark.parametrize(
    ("step", "kind", "tries"),
    [
        ("422", Unusable, 1),
        ("401", NotAllowed, 1),
        ("404", Missing, 1),
        ("418", HubRefused, 1),
        ("500", HubUnavailable, 1),
        ("503", HubUnavailable, 4),
        ("429", TooMany, 4),
        ("429-after-3600", TooMany, 1),
        ("page", HubUnavailable, 4),
        ("reset", Unreachable, 4),
    ],
)
async def test_what_does_not_pass_is_raised_by_kind(receiver, step, kind, tries):
    async with planned(receiver, step) as hub:
        with pytest.raises(kind) as raised:
            await hub.publish("a.b", {})
    assert type(raised.value) is kind
    assert len(receiver.requests) == tries
    if kind is not Unreachable:
        assert raised.value.code == ("not_a_problem" if step == "page" else f"code_{step[:3]}")


async def test_a_failure_tells_no_key_and_no_query(receiver):
    async with planned(receiver, "reset") as hub:
        with pytest.raises(Unreachable, match=r"^GET /v1/events: [^?]+$"):
            await anext(hub.events(type="secret.type"))
    assert "key" not in repr(hub._calls)


async def test_one_connection_is_used_for_call_after_call(receiver):
    async with planned(receiver, "ok") as hub:
        for number in range(5):
            await hub.publish("a.b", number)
    assert receiver.connections == 1


async def test_an_answer_that_stops_half_way_is_none(receiver):
    for path in ("/hang-in-body", "/close-in-body", "/reset-after-headers", "/garbage"):
        async with AsyncHub(receiver.url(path), "key", timeout=0.3, patience=Patience(retries=0)) as hub:
            with pytest.raises(Unreachable):
                await hub.publish("a.b", {})


async def test_a_redirect_is_not_followed_with_the_key(receiver):
    async with planned(receiver, "elsewhere") as hub:
        with pytest.raises(HubRefused) as refused:
            await hub.publish("a.b", {})
    assert refused.value.status == 307
    assert len(receiver.requests) == 1


async def test_nobody_listens():
    async with AsyncHub("http://127.0.0.1:1", "key", patience=Patience(retries=0)) as hub:
        with pytest.raises(Unreachable):
            await hub.publish("a.b", {})


async def test_data_that_json_cannot_say_is_not_sent(receiver):
    async with planned(receiver, "ok") as hub:
        with pytest.raises(ValueError, match="JSON"):
            await hub.publish("a.b", float("nan"))
        with pytest.raises(TypeError):
            await hub.publish("a.b", object())
    assert receiver.requests == []


def test_importing_the_client_starts_nothing():
    command = "import sys, worksphere_hub.client; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {
        "fastapi",
        "starlette",
        "pydantic",
        "asyncpg",
        "pyreqwest",
        "uvicorn",
        "msgspec",
        "structlog",
        "sqlalchemy",
    }
    assert not loaded & (heavy | {"psycopg", "jlens", "prometheus_client", "typer"})
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("worksphere_hub.")}
    assert rooms == {"client", "clock", "errors", "ids", "security"}
