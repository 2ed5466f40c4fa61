"""What can be decided about an endpoint, over HTTP: set, shown, changed, refused, rotated."""

import secrets

import pytest
from joserfc.jwk import OKPKey
from standardwebhooks import Webhook

from tests.acceptance.test_main_job import until
from tests.security.hostile import HostileReceiver
from worksphere_hub.security.signing import verify
from worksphere_hub.security.signing_ed25519 import parse_public_key


@pytest.fixture
async def receiver():
    async with HostileReceiver() as server:
        yield server


def everything(receiver):
    return {
        "url": receiver.url("/ok"),
        "description": "Billing",
        "event_types": [f"a.{secrets.token_hex(4)}"],
        "channels": ["eu"],
        "filter": "data.amount > 5",
        "transform": "{'amount': data.amount}",
        "method": "PUT",
        "headers": {"x-team": "billing"},
        "compression": "gzip",
        "batch_size": 5,
        "batch_wait_ms": 10,
        "retry_policy": {"kind": "exponential", "first": 2, "factor": 3, "attempts": 4, "deadline": 600},
        "rate_limit": 50,
        "concurrency": 3,
        "on_exhausted": "park",
        "signatures": ["v1", "v1a"],
    }


async def test_what_is_set_is_what_is_shown_and_what_is_left_out_stays(hub, receiver):
    wanted = everything(receiver)
    status, made = await hub.request(
        "POST", "/v1/webhook-endpoints", {**wanted, "auth": {"type": "bearer", "token": "t"}}
    )
    assert status == 201, made
    assert {name: made[name] for name in wanted} == wanted
    assert "auth" not in made
    path = f"/v1/webhook-endpoints/{made['id']}"
    status, changed = await hub.request("PATCH", path, {"filter": None, "rate_limit": None, "auth": False})
    assert status == 200, changed
    _, shown = await hub.request("GET", path)
    assert shown == changed
    assert {name: shown[name] for name in wanted} == {**wanted, "filter": None, "rate_limit": None}
    _, same = await hub.request("PATCH", path, {"description": "Billing"})
    assert same["updated_at"] == changed["updated_at"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"filter": "data.("}, "filter"),
        ({"retry_policy": {"kind": "schedule", "waits": [-1]}}, "retry_policy"),
        ({"headers": {"Authorization": "x"}}, "headers.Authorization"),
        ({"ordering": "key", "batch_size": 2}, "batch_size"),
        ({"on_exhausted": "block"}, "on_exhausted"),
        ({"encryption_key": OKPKey.generate_key("X25519").as_dict(private=True)}, "encryption_key"),
        ({"auth": {"type": "bearer"}}, "auth"),
        ({"auth": {"type": "oauth2", "token_url": "http://10.0.0.1/", "client_id": "a", "client_secret": "b"}}, None),
        ({"kind": "pull"}, "url"),
        ({"url": None}, "url"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"signatures": []}, "signatures"),
    ],
)
async def test_what_does_not_work_is_refused_with_its_field(hub, receiver, given, field):
    status, problem = await hub.request("POST", "/v1/webhook-endpoints", {"url": receiver.url("/ok"), **given})
    assert status == 422, problem
    if field is not None:
        assert field in [each["field"] for each in problem["errors"]]


async def test_keys_rotate_with_an_overlap_and_are_listed_and_published(hub, receiver):
    event_type = f"rotate.{secrets.token_hex(4)}"
    _, made = await hub.request(
        "POST",
        "/v1/webhook-endpoints",
        {"url": receiver.url("/ok"), "event_types": [event_type], "signatures": ["v1", "v1a"]},
    )
    path = f"/v1/webhook-endpoints/{made['id']}"
    status, rotated = await hub.request("POST", f"{path}/rotate-secret", {"overlap_seconds": 3600})
    assert status == 200, rotated
    await hub.request("POST", "/v1/events", {"type": event_type, "data": {}})
    (request,) = await receiver.wait_for(1)
    for secret in (made["secret"], rotated["secret"]):
        Webhook(secret).verify(request.body, request.headers)
    now = int(request.headers["webhook-timestamp"])
    for key in (made["public_key"], rotated["public_key"]):
        verify([], request.headers, request.body, now=now, public_keys=[parse_public_key(key)])
    _, listed = await hub.request("GET", f"{path}/keys")
    assert sorted(key["kind"] for key in listed["data"]) == ["v1", "v1", "v1a", "v1a"]
    _, jwks = await hub.request("GET", f"/.well-known/jwks.json?endpoint_id={made['id']}", None)
    wanted = [parse_public_key(key).jwk() for key in (rotated["public_key"], made["public_key"])]
    assert jwks["keys"] == wanted
    _, everyones = await hub.request("GET", "/.well-known/jwks.json")
    assert all(key in everyones["keys"] for key in wanted)
    status, _ = await hub.request("POST", f"{path}/rotate-secret", {"overlap_seconds": 0})
    assert status == 200

    async def left():
        _, answer = await hub.request("GET", f"{path}/keys")
        return len(answer["data"])

    await until(left, 2)


async def test_why_an_event_was_not_delivered_is_said_for_every_endpoint(hub, receiver):
    event_type = f"why.{secrets.token_hex(4)}"
    made = {}
    for name, settings in {
        "filtered": {"filter": "data.amount > 500"},
        "channel": {"channels": ["elsewhere"]},
        "type": {"event_types": ["another.type"]},
        "fine": {},
    }.items():
        wanted = {"url": receiver.url("/ok"), "event_types": [event_type], **settings}
        _, made[name] = await hub.request("POST", "/v1/webhook-endpoints", wanted)
    _, accepted = await hub.request(
        "POST", "/v1/events", {"type": event_type, "data": {"amount": 1}, "channels": ["here"]}
    )

    async def standing():
        _, answer = await hub.request("GET", f"/v1/events/{accepted['id']}/deliveries")
        found = {verdict["endpoint_id"]: verdict for verdict in answer["data"]}
        mine = {name: found[endpoint["id"]] for name, endpoint in made.items()}
        assert all(verdict["explanation"].endswith(".") for verdict in mine.values())
        return {name: (each["verdict"], each["delivery"] and each["delivery"]["state"]) for name, each in mine.items()}

    await until(
        standing,
        {
            "filtered": ("matched", "filtered"),
            "channel": ("channel", None),
            "type": ("event_type", None),
            "fine": ("matched", "delivered"),
        },
    )
