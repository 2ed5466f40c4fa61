"""The steps of a custom exchange."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import custom
from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.connections.steps import captured_for, read_step, step_request
from worksphere_hub.connections.token_answer import TokenRefused

WAY = custom(
    steps=[
        {
            "name": "login",
            "url": "https://${settings.host}/login",
            "query": {"v": "2"},
            "headers": {"X-App": "hub"},
            "json_body": {"user": "${credential.user}", "password": "${credential.password}"},
            "worked": "success",
            "capture": {"session": "data.token", "expires": "data.ttl"},
        },
        {"name": "exchange", "method": "PUT", "url": "https://x.example.com/", "form": {"s": "${captured.session}"}},
    ],
    expires_in="data.ttl",
    lifetime_seconds=90,
)
LOGIN, EXCHANGE = WAY.steps
VALUES = {"settings": {"host": "login.example.com"}, "credential": {"user": "u", "password": "p&q"}}


def test_a_step_as_json_and_as_a_form():
    request = step_request(LOGIN, VALUES)
    assert (request.method, request.url) == ("POST", "https://login.example.com/login?v=2")
    assert json.loads(request.body or b"") == {"user": "u", "password": "p&q"}
    assert request.headers == {"x-app": "hub", "content-type": "application/json", "accept": "application/json"}
    second = step_request(EXCHANGE, {**VALUES, "captured": {"session": "a b"}})
    assert (second.method, second.body) == ("PUT", b"s=a%20b")
    assert second.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_value_that_is_missing_stops_it():
    with pytest.raises(CredentialUnusable, match=r"captured\.session"):
        step_request(EXCHANGE, VALUES)


def test_what_a_step_gives():
    answer = json.dumps({"success": True, "data": {"token": "t", "ttl": "60"}}).encode()
    assert read_step(LOGIN, 200, answer) == {"session": "t", "expires": "60"}
    assert captured_for(WAY, answer) == 60
    assert captured_for(WAY, b"{}") == 90


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (200, {"success": False}, "dead"),
        (401, {}, "dead"),
        (404, {}, "ours"),
        (429, {}, "transient"),
        (502, {}, "transient"),
        (200, {"success": True, "data": {"token": "t"}}, "ours"),
    ],
)
def test_what_a_refusal_means(status, answer, kind):
    with pytest.raises(TokenRefused) as refused:
        read_step(LOGIN, status, json.dumps(answer).encode())
    assert refused.value.kind == kind


@given(st.integers(100, 599), st.binary(max_size=100))
def test_nothing_that_arrives_breaks_it(status, answer):
    with suppress(TokenRefused):
        read_step(LOGIN, status, answer)
    captured_for(WAY, answer)
