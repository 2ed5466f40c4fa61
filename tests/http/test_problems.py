"""Problem answers have one shape, whatever is put into them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.errors import Conflict, FieldProblem, HubError, InvalidInput, Unavailable
from worksphere_hub.http.errors import RateLimited
from worksphere_hub.http.problems import Problem, problem_bytes


class Unauthenticated(HubError):
    """Nobody knows who asks."""

    code = "unauthenticated"
    status = 401


def test_a_failure_becomes_its_document():
    error = InvalidInput("url: too long.", problems=[FieldProblem("url", "too long")])
    status, headers, body = problem_bytes(error, "req-12345678")
    assert status == 422
    assert dict(headers) == {
        b"content-type": b"application/problem+json",
        b"content-length": str(len(body)).encode(),
    }
    assert json.loads(body) == {
        "type": "urn:worksphere-hub:problem:invalid_input",
        "title": "The request's content cannot be accepted as it is.",
        "status": 422,
        "detail": "url: too long.",
        "code": "invalid_input",
        "request_id": "req-12345678",
        "errors": [{"field": "url", "message": "too long"}],
    }


def test_without_a_detail_the_title_speaks():
    document = json.loads(problem_bytes(Conflict(), "r")[2])
    assert document["detail"] == document["title"] == "This conflicts with something that exists already."


def test_a_wait_is_rounded_up_to_whole_seconds():
    for wait, told in ((0.01, b"1"), (1, b"1"), (1.2, b"2"), (-3, b"0")):
        assert dict(problem_bytes(RateLimited(retry_after=wait), "r")[1])[b"retry-after"] == told
    assert b"retry-after" not in dict(problem_bytes(Unavailable(), "r")[1])


def test_401_names_the_scheme():
    assert dict(problem_bytes(Unauthenticated(), "r")[1])[b"www-authenticate"] == b"Bearer"


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_any_text_gives_a_valid_document(detail, field, message):
    error = InvalidInput(detail, problems=[FieldProblem(field, message)])
    _, headers, body = problem_bytes(error, "r")
    assert int(dict(headers)[b"content-length"]) == len(body)
    Problem.model_validate_json(body)
