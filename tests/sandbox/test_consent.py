"""The page on which a person decides: what it shows, what it never does."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
PAGES = {
    "slack": ("/oauth/v2/authorize", "1000000000.2000000000", "channels:read"),
    "google": ("/o/oauth2/v2/auth", "sandbox.apps.googleusercontent.com", "https://www.googleapis.com/auth/drive"),
    "salesforce": ("/services/oauth2/authorize", "3MVGsandbox.worksphere.hub", "api"),
    "microsoft": ("/organizations/oauth2/v2.0/authorize", "11111111-2222-4333-8444-555555555555", "User.Read"),
    "zoom": ("/oauth/authorize", "zoom-sandbox-user-app", "user:read:user"),
}


class Page(HTMLParser):
    """What of a page matters to somebody who cannot see it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fields = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"input", "button"}:
            self.fields.append(dict(attrs))


def asked(sandbox, provider, **query):
    path, client, scope = PAGES[provider]
    wanted = {
        "client_id": client, "redirect_uri": REDIRECT, "response_type": "code", "scope": scope, "state": "s & t",
        "code_challenge": "x" * 43, "code_challenge_method": "S256", **query,
    }  # fmt: skip
    return f"{sandbox.urls[provider]}{path}", wanted


@pytest.mark.parametrize("provider", PAGES)
def test_a_page_can_be_used_by_anybody(sandbox, provider):
    address, query = asked(sandbox, provider)
    answer = sandbox.http.get(address, params=query)
    page = Page(answer.text)
    names = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert names.count("h1") == 1
    assert {"title", "main", "fieldset", "legend", "form"} <= set(names)
    assert names.count("label") == len([one for one in page.fields if one.get("type") == "radio"]) > 1
    assert len([one for one in page.fields if "checked" in one]) == 1
    assert {one.get("value") for one in page.fields if one.get("name") == "decision"} == {"approve", "deny"}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script" not in names


@pytest.mark.parametrize("provider", PAGES)
def test_a_decision_goes_back_with_the_state(sandbox, provider):
    address, query = asked(sandbox, provider)
    for decision, word in (("approve", "code"), ("deny", "error")):
        answer = sandbox.http.post(address, params=query, data={"decision": decision})
        came = parse_qs(urlsplit(answer.headers["location"]).query)
        assert answer.headers["location"].startswith(REDIRECT)
        assert came["state"] == ["s & t"]
        assert word in came
        assert ("code" in came) != ("error" in came)


@pytest.mark.parametrize("provider", PAGES)
def test_nobody_is_sent_where_the_app_does_not_live(sandbox, provider):
    for wrong in ({"redirect_uri": f"{REDIRECT}x"}, {"redirect_uri": "https://evil.example"}, {"client_id": "none"}):
        address, query = asked(sandbox, provider, **wrong)
        for answer in (sandbox.http.get(address, params=query), sandbox.http.post(address, params=query)):
            assert (answer.status_code, answer.headers.get("location")) == (400, None)


@pytest.mark.parametrize("provider", PAGES)
def test_a_challenge_in_the_clear_is_refused(sandbox, provider):
    address, query = asked(sandbox, provider, code_challenge_method="plain")
    assert "error=invalid_request" in sandbox.http.get(address, params=query).headers["location"]


def test_what_an_app_is_called_is_text(sandbox):
    sandbox.call("POST", "/apps", provider="zoom", client_id=PAGES["zoom"][1], name="<script>alert(1)</script>")
    address, query = asked(sandbox, "zoom")
    text = sandbox.http.get(address, params=query).text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_hint_chooses_and_a_scope_that_is_not_the_apps_is_refused(sandbox):
    address, query = asked(sandbox, "google", login_hint="grace@acme.example")
    chosen = [one["value"] for one in Page(sandbox.http.get(address, params=query).text).fields if "checked" in one]
    assert chosen == ["100000000000000000002"]
    address, query = asked(sandbox, "google", scope="https://www.googleapis.com/auth/calendar")
    assert "error=invalid_scope" in sandbox.http.get(address, params=query).headers["location"]
    address, query = asked(sandbox, "zoom")
    nobody = sandbox.http.post(address, params=query, data={"decision": "approve", "account": "none"})
    assert nobody.status_code == 400
