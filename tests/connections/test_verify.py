"""Verification calls: what they ask, and what their answers say."""

import json

import pytest

from worksphere_hub.connections.verify import request_of, verdict
from worksphere_hub.sdk.manifest.api import Api, Verification

API = Api(base_url="https://api.example.com/${settings.region}", headers={"X-Version": "2"})
VALUES = {"settings": {"region": "eu"}}


def test_what_is_asked():
    asked = Verification(path="/me?a=1", query={"b": "x y"}, headers={"X-More": "1"})
    request = request_of(API, asked, VALUES)
    assert (request.method, request.url) == ("GET", "https://api.example.com/eu/me?a=1&b=x%20y")
    assert request.headers == {"x-version": "2", "x-more": "1", "accept": "application/json"}
    posted = request_of(API, Verification(method="POST", path="q", body='{"r": settings.region}'), VALUES)
    assert (json.loads(posted.body or b""), posted.headers["content-type"]) == ({"r": "eu"}, "application/json")


@pytest.mark.parametrize(
    ("status", "body", "code", "refused"),
    [
        (200, b"{}", None, False), (204, b"", None, False), (401, b"", "credential_refused", True),
        (403, b"", "credential_refused", True), (404, b"", "status_404", False), (302, b"", "status_302", False),
        (429, b"", "status_429", False), (500, b"", "status_500", False),
    ],
)  # fmt: skip
def test_statuses(status, body, code, refused):
    found = verdict(Verification(path="/"), status, {}, body)
    assert (found.code, found.refused) == (code, refused)


def test_what_an_answer_tells_of_the_account():
    asked = Verification(
        path="/", works="body.ok", account_key="team.id", account_label="team.name", scopes='headers."x-scopes"'
    )
    body = json.dumps({"ok": True, "team": {"id": 7, "name": "A\nB" + "x" * 999}}).encode()
    found = verdict(asked, 200, {"x-scopes": "a, b"}, body)
    assert (found.account_key, found.scopes) == ("7", ["a", "b"])
    assert found.account_label is not None
    assert found.account_label.startswith("ABx")
    assert len(found.account_label) == 300
    assert verdict(asked, 200, {}, b'{"ok":false}').refused
    assert verdict(asked, 200, {}, b"<html>").refused


def test_a_verification_at_a_whole_address_goes_there():
    elsewhere = Verification(path="https://accounts.example.com/me?a=1", query={"b": "2"})
    request = request_of(Api(base_url="https://api.example.com/v1"), elsewhere, {"settings": {}})
    assert request.url == "https://accounts.example.com/me?a=1&b=2"
