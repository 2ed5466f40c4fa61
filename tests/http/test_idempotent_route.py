"""The same write sent twice happens once and is answered alike."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse

from tests.http.driving import build, call, post_json
from worksphere_hub.errors import Conflict, HubError
from worksphere_hub.http.idempotency import Claimed, InProgress, Mismatch, Stored
from worksphere_hub.http.idempotent_route import IdempotentRoute

ORG, OTHER_ORG = uuid4(), uuid4()


@dataclass
class Answers:
    """An answer store in a dictionary."""

    kept: dict = field(default_factory=dict)
    broken: bool = False

    async def claim(self, org, key, fingerprint):
        known = self.kept.get((org, key))
        if known is None:
            self.kept[org, key] = (fingerprint, None)
            return Claimed()
        if known[0] != fingerprint:
            return Mismatch()
        return known[1] or InProgress()

    async def finish(self, org, key, status, headers, body):
        if self.broken:
            raise ConnectionError("gone")
        fingerprint, nothing = self.kept[org, key]
        assert nothing is None
        self.kept[org, key] = (fingerprint, Stored(status, list(headers), body))

    async def abandon(self, org, key):
        assert self.kept.pop((org, key))[1] is None


@dataclass
class Principal:
    org_id: UUID
    label: str = "key:1"


class Forbidden(HubError):
    """This key may not do that."""

    code = "forbidden"
    status = 403


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


async def authenticated(request: Request) -> Principal:
    # As a room would: the principal is only known once the dependencies have run.
    request.state.principal = principal = request.state.offered
    return principal


async def refused() -> None:
    raise Forbidden


class Hub:
    def __init__(self):
        self.answers = Answers()
        self.done: list[str] = []
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        protected = APIRouter(route_class=IdempotentRoute, dependencies=[Depends(authenticated)])
        protected.post("/things", status_code=201)(self.create_thing)
        protected.get("/things")(self.list_things)
        protected.post("/conflicts")(self.conflicting)
        protected.post("/refusals")(self.refusing)
        protected.post("/forbidden", dependencies=[Depends(refused)])(self.forbidden)
        protected.post("/failures")(self.failing)
        protected.post("/streams")(self.streaming)
        router = APIRouter(prefix="/v1", route_class=IdempotentRoute)
        router.include_router(protected)
        router.post("/open")(self.open_to_all)
        outer = APIRouter(prefix="/api")
        outer.include_router(router)
        self.app = build([outer])

    async def create_thing(self, thing: Thing, response: Response) -> dict[str, str]:
        self.entered.set()
        if self.gate:
            await self.gate.wait()
        self.done.append(thing.name)
        response.headers["location"] = f"/v1/things/{len(self.done)}"
        response.set_cookie("session", "canary")
        return {"secret": f"shown once {len(self.done)}"}

    async def conflicting(self) -> None:
        self.done.append("tried")
        raise Conflict

    async def refusing(self) -> Response:
        self.done.append("tried")
        return Response(b"no", 409)

    async def failing(self) -> Response:
        self.done.append("tried")
        return Response(status_code=502)

    async def streaming(self) -> StreamingResponse:
        self.done.append("streamed")
        return StreamingResponse(iter([b"x"]))

    async def open_to_all(self) -> int:
        self.done.append("open")
        return len(self.done)

    async def forbidden(self) -> None:
        self.done.append("never")

    async def list_things(self) -> int:
        self.done.append("listed")
        return len(self.done)

    async def post(self, path, value=None, *, key="key-1", who=None, **extra):
        state = {"answers": self.answers, "offered": who or Principal(ORG)}
        headers = {"idempotency-key": key} if key is not None else {}
        return await post_json(self.app, f"/api/v1{path}", value or {}, headers=headers, state=state, **extra)


@pytest.fixture
def hub():
    return Hub()


async def test_a_repeated_write_is_answered_from_memory(hub):
    first = await hub.post("/things", {"name": "pen"})
    again = await hub.post("/things", {"name": "pen"})
    assert hub.done == ["pen"]
    assert (first.status, first.json()) == (again.status, again.json()) == (201, {"secret": "shown once 1"})
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "set-cookie" in first.headers
    assert "set-cookie" not in again.headers
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


async def test_without_a_key_every_write_happens(hub):
    for _ in range(2):
        assert (await hub.post("/things", {"name": "pen"}, key=None)).status == 201
    assert hub.done == ["pen", "pen"]
    assert hub.answers.kept == {}


@pytest.mark.parametrize(
    ("path", "value", "who"),
    [
        ("/things", {"name": "other"}, None),
        ("/things?dry=1", {"name": "pen"}, None),
        ("/conflicts", {"name": "pen"}, None),
        ("/things", {"name": "pen"}, Principal(ORG, "key:2")),
    ],
)
async def test_the_key_of_another_request_is_refused(hub, path, value, who):
    await hub.post("/things", {"name": "pen"})
    answer = await hub.post(path, value, who=who)
    assert (answer.status, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert hub.done == ["pen"]


async def test_two_organizations_do_not_share_keys(hub):
    await hub.post("/things", {"name": "pen"})
    answer = await hub.post("/things", {"name": "pen"}, who=Principal(OTHER_ORG))
    assert "idempotency-replayed" not in answer.headers
    assert hub.done == ["pen", "pen"]


async def test_twenty_at_once_happen_once(hub):
    hub.gate = asyncio.Event()
    first = asyncio.create_task(hub.post("/things", {"name": "pen"}))
    await asyncio.wait_for(hub.entered.wait(), 20)
    others = await asyncio.gather(*(hub.post("/things", {"name": "pen"}) for _ in range(19)))
    assert {(answer.status, answer.json()["code"], answer.headers["retry-after"]) for answer in others} == {
        (409, "request_in_progress", "1")
    }
    hub.gate.set()
    assert (await first).status == 201
    assert (await hub.post("/things", {"name": "pen"})).headers["idempotency-replayed"] == "true"
    assert hub.done == ["pen"]


@pytest.mark.parametrize("path", ["/conflicts", "/failures"])
async def test_a_write_that_failed_may_be_tried_again(hub, path):
    for _ in range(2):
        assert (await hub.post(path)).status in {409, 502}
    assert hub.done == ["tried", "tried"]
    assert hub.answers.kept == {}


async def test_a_returned_refusal_is_an_answer_too(hub):
    assert [(await hub.post("/refusals")).body for _ in range(2)] == [b"no", b"no"]
    assert hub.done == ["tried"]


@pytest.mark.parametrize(("path", "value", "status"), [("/things", {"nome": 1}, 422), ("/forbidden", None, 403)])
async def test_a_request_refused_at_the_door_claims_nothing(hub, path, value, status):
    assert (await hub.post(path, value)).status == status
    assert (hub.done, hub.answers.kept) == ([], {})


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "two words", "ümlaut"])
async def test_a_bad_key_is_named(hub, key):
    answer = await hub.post("/things", {"name": "pen"}, key=key)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "idempotency-key")
    assert hub.done == []


async def test_reads_and_open_routes_have_no_use_for_a_key(hub):
    for _ in range(2):
        await hub.post("/open")
        state = {"answers": hub.answers, "offered": Principal(ORG)}
        await call(hub.app, "GET", "/api/v1/things", headers={"idempotency-key": "k"}, state=state)
    assert hub.done == ["open", "listed", "open", "listed"]


async def test_a_stream_is_not_kept(hub):
    assert (await hub.post("/streams")).body == b"x"
    assert hub.answers.kept == {}


async def test_a_store_that_fails_afterwards_does_not_fail_the_answer(hub, lines):
    hub.answers.broken = True
    assert (await hub.post("/things", {"name": "pen"})).status == 201
    assert (await hub.post("/things", {"name": "pen"})).json()["code"] == "request_in_progress"
    assert hub.done == ["pen"]
    assert [line["event"] for line in lines()] == ["answer.unstored", "request.served", "request.served"]


async def test_a_cancelled_write_keeps_its_claim(hub):
    hub.gate = asyncio.Event()
    running = asyncio.create_task(hub.post("/things", {"name": "pen"}))
    await asyncio.wait_for(hub.entered.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    hub.gate.set()
    assert (await hub.post("/things", {"name": "pen"})).json()["code"] == "request_in_progress"


def test_a_blocking_function_is_refused_at_once():
    router = APIRouter(route_class=IdempotentRoute)

    def blocking() -> None: ...

    with pytest.raises(TypeError, match="async def"):
        router.add_api_route("/x", blocking, methods=["POST"])
