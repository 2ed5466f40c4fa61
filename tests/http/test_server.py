"""The whole door, in process and through a real server."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request

from tests.http.driving import build, call, exchange, problem_of, serving, status_of
from worksphere_hub.errors import Conflict
from worksphere_hub.http.answers import send_answer
from worksphere_hub.http.headers import request_id
from worksphere_hub.http.openapi import RawRoute
from worksphere_hub.http.reading import read_body


async def publish(scope, receive, send):
    body = await read_body(receive, 100)
    await send_answer(scope, send, 202, [(b"content-length", b"%d" % len(body))], body)


async def refuses(scope, receive, send):
    raise Conflict("Not twice.")


async def breaks(scope, receive, send):
    raise RuntimeError("secret cause")


async def breaks_off(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("half way")


def app(**changes):
    router = APIRouter()

    @router.get("/v1/events")
    async def list_events(request: Request) -> str:
        return request.state.greeting

    raw = {
        ("POST", "/v1/events"): RawRoute(publish, {"operationId": "publish_event", "responses": {}}),
        ("POST", "/refuses"): refuses,
        ("POST", "/breaks"): breaks,
        ("POST", "/breaks-off"): breaks_off,
    }
    return build([router], raw, **changes)


async def test_a_bare_handler_answers_before_the_framework():
    answer = await call(app(), "POST", "/v1/events", body=b"payload")
    assert (answer.status, answer.body) == (202, b"payload")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == answer.state["request_id"]


async def test_the_same_path_with_another_method_is_the_frameworks():
    assert (await call(app(), "GET", "/v1/events", state={"greeting": "hello"})).json() == "hello"
    answer = await call(app(), "DELETE", "/v1/events")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_a_bare_handlers_stated_failure_is_a_problem(lines):
    answer = await call(app(), "POST", "/refuses")
    assert (answer.status, answer.json()["detail"]) == (409, "Not twice.")
    assert lines() == []


async def test_a_bare_handlers_crash_is_answered_and_told_once(lines):
    answer = await call(app(), "POST", "/breaks")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert b"secret cause" not in answer.body
    (line,) = lines()
    assert (line["event"], line["route"], line["error_type"]) == ("request.failed", "/breaks", "RuntimeError")
    assert line["request_id"] == answer.headers["x-request-id"]


async def test_a_bare_handlers_crash_half_way_breaks_the_answer_off(lines):
    async with serving(app(lifespan=greeting)) as port:
        answer = await exchange(port, b"POST /breaks-off HTTP/1.1\r\nhost: hub\r\ncontent-length: 0\r\n\r\n")
    assert status_of(answer) == 200
    assert answer.endswith(b"half")
    assert [line["event"] for line in lines() if line["event"] == "request.failed"] == ["request.failed"]


steps: list[str] = []


@asynccontextmanager
async def greeting(_app):
    steps.append("opened")
    yield {"greeting": "from the lifespan"}
    steps.append("closed")


async def test_the_lifespan_opens_what_routes_find_in_their_state():
    steps.clear()
    async with serving(app(lifespan=greeting)) as port:
        answer = await exchange(port, b"GET /v1/events HTTP/1.1\r\nhost: hub\r\n\r\n")
        assert answer.endswith(b'"from the lifespan"')
        assert steps == ["opened"]
    assert steps == ["opened", "closed"]


async def test_the_server_does_not_introduce_itself():
    async with serving(app(lifespan=greeting)) as port:
        answer = await exchange(port, b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n")
    assert b"\r\nserver:" not in answer.lower()
    assert b"\r\ndate:" in answer.lower()


async def test_forwarded_https_is_believed_from_a_trusted_proxy_only():
    head = b"GET /healthz HTTP/1.1\r\nhost: hub\r\nx-forwarded-proto: https\r\n\r\n"
    async with serving(app(lifespan=greeting)) as port:
        assert b"strict-transport-security" in await exchange(port, head)


async def test_an_upgrade_to_a_web_socket_is_not_taken():
    head = (
        b"GET /healthz HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with serving(app(lifespan=greeting)) as port:
        assert status_of(await exchange(port, head)) in {200, 400}


async def test_fifty_requests_at_once_have_fifty_ids():
    async def echo_id(scope, receive, send):
        await send_answer(scope, send, 200, [(b"content-length", b"32")], request_id(scope).encode())

    async with serving(build(raw_routes={("GET", "/id"): echo_id})) as port:
        head = b"GET /id HTTP/1.1\r\nhost: hub\r\n\r\n"
        answers = await asyncio.gather(*(exchange(port, head) for _ in range(50)))
    assert len({answer[-32:] for answer in answers}) == 50


async def test_a_bare_handler_may_refuse_a_large_body_itself():
    async with serving(app(lifespan=greeting)) as port:
        head = b"POST /v1/events HTTP/1.1\r\nhost: hub\r\ncontent-length: 101\r\n\r\n"
        answer = await exchange(port, head + b"x" * 101)
    assert (status_of(answer), problem_of(answer)["code"]) == (413, "body_too_large")
