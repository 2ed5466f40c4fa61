"""HEAD is GET without the body; OPTIONS tells what there is."""

import asyncio

import pytest
from fastapi import APIRouter
from starlette.responses import StreamingResponse

from tests.http.driving import build, call, exchange, serving, status_of

endings: list[str] = []


async def raw_read(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"raw"})


async def raw_pieces(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"a", b"b"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"c"})


async def raw_write(scope, receive, send):
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def app():
    router = APIRouter(prefix="/v1")

    @router.get("/things/{name}")
    async def read_thing(name: str) -> str:
        return name

    @router.delete("/things/{name}", status_code=204)
    async def delete_thing(name: str) -> None: ...

    @router.post("/things")
    async def create_thing() -> int:
        return 1

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def forever():
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.01)
            finally:
                endings.append("closed")

        return StreamingResponse(forever())

    return build(
        [router],
        {
            ("GET", "/pieces"): raw_pieces,
            ("GET", "/raw"): raw_read,
            ("POST", "/v1/things"): raw_write,
            ("POST", "/in"): raw_write,
        },
    )


async def test_head_has_the_headers_of_get_and_no_body(app):
    get, head = await call(app, "GET", "/v1/things/a"), await call(app, "HEAD", "/v1/things/a")
    assert (head.status, head.body, get.body) == (200, b"", b'"a"')
    volatile = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in get.headers.items() if k not in volatile
    }


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/things", 405), ("/nowhere", 404), ("/raw", 200), ("/pieces", 200), ("/in", 405)]
)
async def test_head_follows_get(app, path, status):
    answer = await call(app, "HEAD", path)
    assert (answer.status, answer.body) == (status, b"")


async def test_head_of_an_endless_stream_ends(app):
    async with serving(app) as port:
        head = b"HEAD /v1/stream HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n"
        assert status_of(await exchange(port, head)) == 200
    assert endings == ["closed"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/things/a", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/things", "OPTIONS, POST"),
        ("/raw", "GET, HEAD, OPTIONS"),
        ("/in", "OPTIONS, POST"),
        ("*", "OPTIONS"),
    ],
)
async def test_options_lists_what_a_path_answers(app, path, methods):
    answer = await call(app, "OPTIONS", path, headers={"origin": "https://elsewhere.example"})
    assert (answer.status, answer.headers["allow"], answer.body) == (204, methods, b"")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_options_of_nothing_is_404(app):
    assert (await call(app, "OPTIONS", "/nowhere")).json()["code"] == "no_such_route"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/in", "OPTIONS, POST"), ("TRACE", "/v1/things/a", "DELETE, GET, HEAD, OPTIONS")],
)
async def test_405_counts_bare_handlers_too(app, method, path, allow):
    answer = await call(app, method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
