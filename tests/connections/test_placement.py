"""Credentials in requests: all five kinds."""

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import method, oauth, slack
from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.connections.placement import Outgoing, place, placed_headers, placed_parameters

REQUEST = Outgoing("GET", "https://api.example.com/v1/things?a=1", {"accept": "*/*", "authorization": "Bearer theirs"})


def placed(way, **values) -> Outgoing:
    return place(way, REQUEST, values, 1_700_000_000.0)


def test_oauth2():
    made = placed(oauth(), token={"access_token": "tok"})
    assert made.headers == {"accept": "*/*", "authorization": "Bearer tok"}
    assert made.url == REQUEST.url
    assert "tok" not in repr(made)
    elsewhere = oauth(place=[{"name": "X-Token", "value": "${token.access_token}"}])
    assert placed(elsewhere, token={"access_token": "tok"}).headers["x-token"] == "tok"


def test_api_keys_in_several_parts():
    way = method(
        type="api_key",
        place=[
            {"name": "X-Api-Key", "value": "${credential.key}"},
            {"where": "query", "name": "app", "value": "${credential.app}"},
        ],
    )
    made = placed(way, credential={"key": "k", "app": "a&b=c"})
    assert made.headers["x-api-key"] == "k"
    assert parse_qsl(urlsplit(made.url).query) == [("a", "1"), ("app", "a&b=c")]
    assert (placed_headers(way), placed_parameters(way)) == ({"x-api-key"}, {"app"})


def test_what_the_caller_put_in_a_credentials_place_is_replaced():
    way = method(type="api_key", place=[{"where": "query", "name": "a", "value": "${credential.key}"}])
    assert parse_qsl(urlsplit(placed(way, credential={"key": "k"}).url).query) == [("a", "k")]


@pytest.mark.parametrize(
    ("given", "pair"),
    [
        ({}, "me:pass:word"),
        ({"username": "${credential.username}", "password": "x"}, "me:x"),
        ({"username": "${credential.username}/token", "password": "${credential.password}"}, "me/token:pass:word"),
    ],
)
def test_basic(given, pair):
    made = placed(method(type="basic", **given), credential={"username": "me", "password": "pass:word"})
    assert base64.b64decode(made.headers["authorization"].removeprefix("Basic ")).decode() == pair


def test_bearer():
    assert placed(method(type="bearer"), credential={"token": "t"}).headers["authorization"] == "Bearer t"
    odd = method(type="bearer", place=[{"name": "Authorization", "value": "Token ${credential.token}"}])
    assert placed(odd, credential={"token": "t"}).headers["authorization"] == "Token t"


def test_custom_with_what_was_captured():
    way = method(type="custom", place=[{"name": "Cookie", "value": "session=${captured.session}"}])
    assert placed(way, captured={"session": "s"}).headers["cookie"] == "session=s"


def test_nothing_to_place():
    assert placed(method(type="none")) == REQUEST


@pytest.mark.parametrize(
    "way", [oauth(), slack(), method(type="basic"), method(type="bearer"),
            method(type="api_key", place=[{"name": "x", "value": "${credential.key}"}])],
)  # fmt: skip
def test_half_a_credential_is_never_sent(way):
    with pytest.raises(CredentialUnusable):
        placed(way, credential={}, token={})


@given(st.text(max_size=30))
def test_nobody_writes_headers_by_entering_line_breaks(key):
    way = method(type="api_key", place=[{"name": "x-key", "value": "${credential.key}"}])
    try:
        made = placed(way, credential={"key": key})
    except CredentialUnusable:
        return
    assert made.headers["x-key"] == key
    assert key.isascii()
    assert key.isprintable()


def test_headers_of_the_connection_are_no_place():
    for name in ("Host", "Content-Length", "Transfer-Encoding", "bad name"):
        way = method(type="api_key", place=[{"name": name, "value": "x"}])
        with pytest.raises(CredentialUnusable):
            placed(way)
