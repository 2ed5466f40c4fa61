"""What providers answer, and what it means."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import oauth, slack
from worksphere_hub.connections.token_answer import TokenRefused, granted, lifetime, parse, read_grant

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def body(**given) -> bytes:
    return json.dumps(given).encode()


def refused(method, status: int, answer: bytes) -> TokenRefused:
    with pytest.raises(TokenRefused) as caught:
        read_grant(method, status, answer)
    return caught.value


def test_an_answer_by_the_book():
    grant = read_grant(oauth(), 200, body(access_token="a", refresh_token="r", expires_in=3600, scope="read write"))
    tokens = grant.slots["main"]
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("a", "r", 3600.0)
    assert granted(grant, ["read"]) == ["read", "write"]
    assert "'a'" not in repr(tokens)
    assert "'r'" not in repr(grant)


def test_what_is_not_said():
    grant = read_grant(oauth(), 200, body(access_token="a"))
    tokens = grant.slots["main"]
    assert (tokens.refresh_token, tokens.expires_in, tokens.scopes) == (None, None, None)
    assert granted(grant, ["read"]) == ["read"]
    known = read_grant(oauth(lifetimes={"access_seconds": 60}), 200, body(access_token="a"))
    assert known.slots["main"].expires_in == 60


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (3600, 3600.0),
        ("3600", 3600.0),
        (" 3600.5 ", 3600.5),
        (0, 7.0),
        (-1, 7.0),
        ("", 7.0),
        ("soon", 7.0),
        (None, 7.0),
        (True, 7.0),
        ([], 7.0),
        ("NaN", 7.0),
        ("inf", 7.0),
        (10**12, None),
    ],
)
def test_lifetimes_are_numbers_texts_or_nothing(said, seconds):
    assert lifetime(said, 7.0) == seconds


def test_slack_gives_two_and_refuses_with_200():
    answer = body(
        ok=True, access_token="xoxb", refresh_token="rb", expires_in=43200, scope="chat:write,users:read",
        team={"id": "T1"},
        authed_user={
            "id": "U", "access_token": "xoxp", "refresh_token": "ru", "expires_in": 43200, "scope": "search:read",
        },
    )  # fmt: skip
    grant = read_grant(slack(), 200, answer)
    assert {slot: tokens.access_token for slot, tokens in grant.slots.items()} == {"main": "xoxb", "user": "xoxp"}
    assert grant.captured == {"team": "T1"}
    assert granted(grant, []) == ["chat:write", "users:read", "search:read"]
    assert refused(slack(), 200, body(ok=False, error="invalid_code")).kind == "ours"
    assert refused(slack(), 200, body(ok=False, error="token_revoked")).kind == "dead"
    assert refused(slack(), 200, body(ok=False, error="ratelimited")).kind == "transient"


def test_renewing_one_slot_takes_the_tokens_that_stand_at_the_top():
    grant = read_grant(slack(), 200, body(ok=True, access_token="new", refresh_token="r2"), only="user")
    assert {slot: tokens.access_token for slot, tokens in grant.slots.items()} == {"user": "new"}


def test_an_authorization_of_the_bot_alone_has_one_slot():
    assert set(read_grant(slack(), 200, body(ok=True, access_token="xoxb", authed_user={"id": "U"})).slots) == {"main"}


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (400, body(error="invalid_grant"), "dead", "invalid_grant"),
        (401, body(error="invalid_grant"), "dead", "invalid_grant"),
        (400, body(error="access_denied"), "dead", "access_denied"),
        (401, body(error="invalid_client"), "operator", "invalid_client"),
        (400, body(error="unauthorized_client"), "operator", "unauthorized_client"),
        (401, b"", "operator", "status_401"),
        (400, body(error="invalid_scope"), "ours", "invalid_scope"),
        (400, body(error="something_new"), "ours", "something_new"),
        (400, body(error={"type": "x"}), "ours", "status_400"),
        (404, b"<html>", "ours", "status_404"),
        (429, b"", "transient", "status_429"),
        (429, body(error="invalid_grant"), "transient", "invalid_grant"),
        (500, body(error="invalid_grant"), "transient", "invalid_grant"),
        (503, b"<html>down</html>", "transient", "status_503"),
        (400, body(error="temporarily_unavailable"), "transient", "temporarily_unavailable"),
        (400, body(error="authorization_pending"), "pending", "authorization_pending"),
        (400, body(error="slow_down"), "slow_down", "slow_down"),
        (200, b"<html>login</html>", "ours", "no_token"),
        (200, body(error="invalid_grant"), "dead", "invalid_grant"),
        (200, body(access_token=""), "ours", "no_token"),
        (200, body(access_token=7), "ours", "no_token"),
        (302, b"", "ours", "no_token"),
    ],
)
def test_what_a_refusal_means(status, answer, kind, code):
    found = refused(oauth(), status, answer)
    assert (found.kind, found.code) == (kind, code)


def test_an_error_code_is_no_place_for_secrets_or_markup():
    found = refused(oauth(), 400, body(error="<b>" + "x" * 500))
    assert len(found.code) <= 60
    assert "<" not in found.code


def test_a_form_is_read_too():
    grant = read_grant(oauth(), 200, b"access_token=a%2Bb&scope=read%2Cwrite&token_type=bearer")
    assert grant.slots["main"].access_token == "a+b"
    assert grant.slots["main"].scopes == ["read", "write"]


def test_the_claims_of_an_id_token_can_be_kept():
    claims = base64.urlsafe_b64encode(json.dumps({"tid": "tenant"}).encode()).decode().rstrip("=")
    method = oauth(capture={"tenant": "id_token_claims.tid", "url": "instance_url"})
    grant = read_grant(method, 200, body(access_token="a", id_token=f"x.{claims}.y", instance_url="https://x"))
    assert grant.captured == {"tenant": "tenant", "url": "https://x"}
    assert read_grant(method, 200, body(access_token="a", id_token="x.!!.y")).captured == {}


@given(st.integers(100, 599), JSON | st.none())
def test_nothing_that_arrives_breaks_it(status, value):
    answer = b"" if value is None else json.dumps(value).encode()
    with suppress(TokenRefused):
        assert read_grant(slack(), status, answer).slots


@given(st.binary(max_size=200))
def test_nor_any_bytes(answer):
    parse(answer)
    with suppress(TokenRefused):
        read_grant(oauth(), 200, answer)
