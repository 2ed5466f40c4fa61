"""A bare handler's answer is complete."""

from tests.http.driving import call
from worksphere_hub.errors import Conflict
from worksphere_hub.http.answers import send_answer, send_problem
from worksphere_hub.http.headers import SECURITY_HEADERS_HTTPS


async def test_an_answer_has_body_id_and_security_headers():
    async def app(scope, receive, send):
        await send_answer(scope, send, 202, [(b"content-length", b"2"), (b"content-type", b"application/json")], b"{}")

    answer = await call(app, "POST", "/", scheme="https", headers={"x-request-id": "mine-12345"})
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (202, b"{}", "mine-12345")
    assert {name.decode() for name, _ in SECURITY_HEADERS_HTTPS} <= set(answer.headers)


async def test_a_problem_leaves_its_code_for_the_log():
    async def app(scope, receive, send):
        await send_problem(scope, send, Conflict())

    answer = await call(app, "POST", "/")
    assert (answer.status, answer.json()["code"], answer.state["problem_code"]) == (
        409,
        "conflict",
        "conflict",
    )
    assert answer.headers["content-length"] == str(len(answer.body))
