"""Every answer carries the security headers and its id."""

import re

import pytest
from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tests.http.driving import build, call
from worksphere_hub.http.headers import SECURITY_HEADERS, SECURITY_HEADERS_HTTPS, request_id

EXPECTED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@pytest.fixture(scope="module")
def app():
    router = APIRouter()

    @router.get("/fine")
    async def fine() -> int:
        return 1

    @router.get("/page")
    async def page() -> HTMLResponse:
        return HTMLResponse(
            "<p>", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=9"}
        )

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    return build([router])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/fine", {}, 200),
        ("HEAD", "/fine", {}, 200),
        ("OPTIONS", "/fine", {}, 204),
        ("GET", "/nowhere", {}, 404),
        ("POST", "/fine", {}, 405),
        ("GET", "/broken", {}, 500),
        ("GET", "/fine", {"content-length": "9999999"}, 413),
        ("GET", "/fine", {"x": "y" * 40_000}, 431),
        ("GET", "/healthz", {}, 200),
        ("GET", "/openapi.json", {}, 200),
    ],
)
async def test_every_kind_of_answer_has_them(app, method, path, headers, status, scheme):
    answer = await call(app, method, path, headers=headers, scheme=scheme)
    assert answer.status == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    assert "permissions-policy" in answer.headers
    assert ("strict-transport-security" in answer.headers) == (scheme == "https")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_an_answer_may_set_its_own(app):
    answer = await call(app, "GET", "/page")
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["cache-control"] == "max-age=9"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_two_requests_have_two_ids(app):
    assert (await call(app, "GET", "/fine")).headers["x-request-id"] != (await call(app, "GET", "/fine")).headers[
        "x-request-id"
    ]


@pytest.mark.parametrize("offered", ["abcd-EFGH-1234", "a" * 64, "12345678"])
async def test_a_sane_id_is_kept(app, offered):
    answer = await call(app, "GET", "/fine", headers={"x-request-id": offered})
    assert answer.headers["x-request-id"] == answer.state["request_id"] == offered


@pytest.mark.parametrize(
    "offered",
    [
        "",
        "short",
        "a" * 65,
        "has space 1234",
        "newline\n12345678",
        "12345678\n",
        "semi;colon;1234",
        "ümlaut-12345",
        "a_b_c_d_e_f",
    ],
)
async def test_any_other_id_is_replaced(app, offered):
    answer = await call(app, "GET", "/fine", headers={"x-request-id": offered})
    assert answer.headers["x-request-id"] != offered
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_an_id_is_made_once_even_without_state():
    scope = {"type": "http", "headers": []}
    assert request_id(scope) == request_id(scope) == scope["state"]["request_id"]


def test_the_constant_lists_hold_each_name_once():
    for constant in (SECURITY_HEADERS, SECURITY_HEADERS_HTTPS):
        names = [name for name, _ in constant]
        assert len(names) == len(set(names))
        assert all(name == name.lower() for name in names)
