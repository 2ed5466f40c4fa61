"""One line and one count a request."""

import asyncio
import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from tests.http.driving import build, call
from worksphere_hub.errors import Unavailable
from worksphere_hub.http.access import Access
from worksphere_hub.telemetry.metrics import create_metrics


@dataclass
class Key:
    org_id: UUID
    label: str


@pytest.fixture
def metrics():
    return create_metrics()


@pytest.fixture
def app(metrics):
    router = APIRouter(prefix="/v1")

    @router.get("/things/{name}")
    async def read_thing(name: str, request: Request) -> str:
        request.state.line.add(found=True)
        return name

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the cause")

    @router.get("/away")
    async def away() -> None:
        raise Unavailable("The database does not answer.") from OSError("database gone")

    @router.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def some():
            yield b"abc"
            raise RuntimeError("half way")

        return StreamingResponse(some())

    return build([router], metrics=metrics)


def counted(metrics, **labels):
    return metrics.registry.get_sample_value("hub_http_requests_total", labels)


async def test_a_request_is_one_line(app, lines, metrics):
    org = uuid4()
    state = {"principal": Key(org, "key:8fJ2")}
    answer = await call(app, "GET", "/v1/things/pen?token=canary", state=state)
    (line,) = lines()
    assert line.pop("duration_ms") >= 0
    assert line.pop("at")
    assert line == {
        "level": "info",
        "event": "request.served",
        "outcome": "ok",
        "method": "GET",
        "route": "/v1/things/{name}",
        "status": 200,
        "bytes": 5,
        "client": "127.0.0.1",
        "request_id": answer.headers["x-request-id"],
        "org": str(org),
        "principal": "key:8fJ2",
        "found": True,
    }
    assert counted(metrics, route="/v1/things/{name}", method="GET", status="200") == 1
    seconds = {"route": "/v1/things/{name}", "method": "GET"}
    assert metrics.registry.get_sample_value("hub_http_request_seconds_count", seconds) == 1


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /nowhere?x=canary", (404, "no_such_route", "info")),
        ("POST /v1/things/x", (405, "method_not_allowed", "info")),
        ("GET /v1/broken", (500, "internal_error", "error")),
        ("GET /v1/away", (503, "unavailable", "error")),
    ],
)
async def test_a_refusal_is_counted_by_its_code(app, lines, metrics, request_line, expected):
    await call(app, *request_line.split())
    (line,) = lines()
    assert (line["status"], line["outcome"], line["level"]) == expected
    assert "canary" not in json.dumps(line)
    assert metrics.registry.get_sample_value("hub_problems_total", {"code": expected[1]}) == 1


async def test_an_unexpected_failure_is_traced_once(app, lines):
    await call(app, "GET", "/v1/broken")
    (line,) = lines()
    assert (line["error_type"], line["error_detail"]) == ("RuntimeError", "the cause")
    assert any(frame.endswith(" broken") for frame in line["trace"])


async def test_what_caused_a_stated_failure_is_on_the_line(app, lines):
    await call(app, "GET", "/v1/away")
    (line,) = lines()
    assert (line["error_detail"], line["caused_by"]) == ("The database does not answer.", "OSError")


async def test_unknown_paths_share_one_count(app, metrics):
    for number in range(50):
        await call(app, "GET", f"/random/{number}")
    await call(app, "BREW", "/random")
    assert counted(metrics, route="(none)", method="GET", status="404") == 50
    assert counted(metrics, route="(none)", method="(other)", status="404") == 1


async def test_head_is_counted_under_its_route(app, lines, metrics):
    await call(app, "HEAD", "/v1/things/pen")
    assert counted(metrics, route="/v1/things/{name}", method="HEAD", status="200") == 1
    assert lines()[0]["bytes"] == 0


async def test_an_answer_that_breaks_off_is_an_error(app, lines):
    with pytest.raises(AssertionError, match="never finished"):
        await call(app, "GET", "/v1/breaks-off")
    (line,) = lines()
    assert (line["outcome"], line["status"], line["bytes"], line["level"]) == (
        "internal_error",
        200,
        3,
        "error",
    )


async def test_probes_are_quiet_while_they_are_well(app, lines):
    await call(app, "GET", "/healthz")
    assert lines() == []
    await call(app, "GET", "/healthz/")
    assert len(lines()) == 1


async def test_a_cancelled_request_is_told_apart(lines, metrics):
    async def waits(scope, receive, send):
        await asyncio.Event().wait()

    app = Access(waits, metrics, lambda _scope: None)
    running = asyncio.create_task(call(app, "GET", "/slow"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (line,) = lines()
    assert (line["outcome"], line["status"]) == ("cancelled", None)


async def test_what_nothing_else_answered_is_answered_here(lines, metrics):
    async def breaks(scope, receive, send):
        raise KeyError("x")

    answer = await call(Access(breaks, metrics, lambda _scope: None), "GET", "/")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert lines()[0]["error_type"] == "KeyError"
