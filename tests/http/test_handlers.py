"""Every failure inside the framework is answered as a problem, with what to do and nothing to hide."""

import logging

import pytest
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, field_validator

from tests.http.driving import build, call, exchange, post_json, problem_of, serving, status_of
from worksphere_hub.errors import Conflict, Unavailable
from worksphere_hub.http.strict_route import StrictRoute

JSON = {"content-type": "application/json"}


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=5)
    inner: list[Inner] = []

    @field_validator("name")
    @classmethod
    def _polite(cls, name: str) -> str:
        if name == "rude":
            raise ValueError("Be polite, or leave it out")
        return name


@pytest.fixture(scope="module")
def app():
    router = APIRouter(route_class=StrictRoute)

    @router.post("/things")
    async def create_thing(thing: Thing) -> Thing:
        return thing

    @router.put("/things")
    async def replace_thing(thing: Thing) -> Thing:
        return thing

    @router.get("/things/{number}")
    async def read_thing(number: int, size: int = 1) -> int:
        return number * size

    @router.get("/conflict")
    async def conflict() -> None:
        raise Conflict("There is one already.")

    @router.get("/away")
    async def away() -> None:
        raise Unavailable(retry_after=3)

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    @router.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", {"x-spout": "yes"})

    @router.get("/odd")
    async def odd() -> None:
        raise HTTPException(499, "unknown to the standard")

    return build([router])


async def test_a_stated_failure_keeps_its_code(app):
    answer = await call(app, "GET", "/conflict")
    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["code"], document["detail"]) == ("conflict", "There is one already.")
    assert document["request_id"] == answer.headers["x-request-id"]


async def test_a_failure_that_will_pass_says_when(app):
    answer = await call(app, "GET", "/away")
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")


async def test_each_field_at_fault_is_named(app):
    answer = await post_json(app, "/things", {"name": "far too long", "inner": [{"size": 1}, {"size": "x"}]})
    assert answer.status == 422
    document = answer.json()
    assert document["code"] == "invalid_input"
    assert [problem["field"] for problem in document["errors"]] == ["name", "inner.1.size"]
    assert "at most 5 characters" in document["errors"][0]["message"]
    assert "inner.1.size" in document["detail"]


async def test_an_unknown_field_is_called_unknown(app):
    answer = await post_json(app, "/things", {"name": "x", "admin": True, "inner": [{"size": 1, "colour": 2}]})
    assert answer.status == 422
    problems = {problem["field"]: problem["message"] for problem in answer.json()["errors"]}
    assert problems == dict.fromkeys(["admin", "inner.0.colour"], "unknown field; remove it or check its spelling")


async def test_what_was_sent_is_not_repeated(app):
    answer = await post_json(app, "/things", {"name": ["canary-4711"], "inner": "canary-4711"})
    assert answer.status == 422
    assert b"canary" not in answer.body


async def test_a_rule_of_ours_speaks_for_itself(app):
    answer = await post_json(app, "/things", {"name": "rude"})
    assert answer.json()["errors"] == [{"field": "name", "message": "be polite, or leave it out"}]


async def test_a_hundred_faults_are_cut_to_fifty(app):
    answer = await post_json(app, "/things", {"name": "x", **{f"f{number}": 1 for number in range(100)}})
    document = answer.json()
    assert len(document["errors"]) == 50
    assert "97 more" in document["detail"]


async def test_query_and_path_are_checked_alike(app):
    answer = await call(app, "GET", "/things/seven?size=big")
    assert [problem["field"] for problem in answer.json()["errors"]] == ["number", "size"]


async def test_a_missing_body_is_named(app):
    answer = await call(app, "POST", "/things")
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "body")


async def test_broken_json_is_located(app):
    answer = await call(app, "POST", "/things", body=b'{"name": "x",\n "inner": [}', headers=JSON)
    assert answer.status == 400
    document = answer.json()
    assert document["code"] == "malformed_json"
    assert document["detail"].startswith("Line 2, column 12:")


async def test_broken_json_is_located_through_a_real_server(app):
    head = b"POST /things HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    async with serving(app) as port:
        answer = await exchange(port, head + b'{"name"\n}')
    assert status_of(answer) == 400
    assert problem_of(answer)["detail"].startswith("Line 2, column 1:")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_another_kind_of_body_is_415(app, kind):
    answer = await call(
        app, "POST", "/things", body=b'{"name": "x"}', headers={"content-type": kind, "content-length": "13"}
    )
    assert (answer.status, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_suffixed_json_type_is_read(app):
    headers = {"content-type": "application/vnd.hub+json; charset=utf-8", "content-length": "13"}
    assert (await call(app, "POST", "/things", body=b'{"name": "x"}', headers=headers)).status == 200


async def test_an_unknown_path_is_no_such_route(app):
    answer = await call(app, "GET", "/nowhere/" + "x" * 1000)
    assert (answer.status, answer.json()["code"]) == (404, "no_such_route")
    assert len(answer.json()["detail"]) < 300


async def test_a_trailing_slash_is_not_redirected(app):
    assert (await call(app, "GET", "/conflict/")).status == 404


async def test_a_wrong_method_lists_the_right_ones(app):
    answer = await call(app, "DELETE", "/things")
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "OPTIONS, POST, PUT"


async def test_an_unexpected_failure_tells_nothing(app, caplog):
    with caplog.at_level(logging.CRITICAL):
        answer = await call(app, "GET", "/broken", headers={"x-request-id": "quote-me-1"})
    assert answer.status == 500
    assert b"hunter2" not in answer.body
    assert (answer.json()["code"], "quote-me-1" in answer.json()["detail"]) == ("internal_error", True)


async def test_the_frameworks_own_refusals_keep_status_and_headers(app):
    answer = await call(app, "GET", "/teapot")
    assert (answer.status, answer.json()["detail"], answer.headers["x-spout"]) == (
        418,
        "short and stout",
        "yes",
    )
    assert (await call(app, "GET", "/odd")).json()["code"] == "refused"


async def test_a_client_that_left_is_counted_as_gone(app):
    answer = await call(app, "POST", "/things", body=[], headers=JSON)
    assert answer.state["problem_code"] == "client_gone"
