"""The control API: what was asked, what time it is, who is let in, and what it refuses."""

import pytest

from worksphere_hub.sandbox.request_log import mask_headers, mask_query


def test_the_overview_says_what_a_client_needs(sandbox):
    providers = sandbox.call("GET", "")["providers"]
    assert set(providers) == {"slack", "google", "salesforce", "microsoft", "zoom"}
    for name, one in providers.items():
        assert {"authorize_url", "token_url", "api_url", "apps", "accounts"} <= one.keys()
        assert one["authorize_url"].startswith(f"{sandbox.url}/{name}/")
        assert one["apps"][0]["redirect_uris"]
        assert one["accounts"]
    page = sandbox.http.get("/")
    assert all(name in page.text for name in providers)


def test_requests_are_logged_without_credentials(sandbox):
    secret = sandbox.tokens("zoom")["access_token"]
    headers = {"authorization": f"Bearer {secret}", "cookie": "session=secret", "x-plain": "shown"}
    sandbox.http.get(
        f"{sandbox.urls['zoom']}/v2/users/me?access_token={secret}&page_size=3&next_page_token=abc", headers=headers
    )
    sandbox.http.get(f"{sandbox.urls['slack']}/api/auth.test")
    (entry,) = sandbox.requests(provider="zoom", path="/v2/users/*")
    assert (entry["method"], entry["path"], entry["status"], entry["fault"]) == ("GET", "/v2/users/me", 200, None)
    assert entry["headers"]["authorization"] == "Bearer ***"
    assert entry["headers"]["x-plain"] == "shown"
    assert "page_size=3" in entry["query"]
    assert "next_page_token=abc" in entry["query"]
    assert secret not in str(entry)
    assert "session" not in str(entry["headers"]["cookie"])
    assert len(sandbox.requests()) == 2
    assert sandbox.requests(after=entry["id"])[0]["provider"] == "slack"
    sandbox.http.delete("/_sandbox/requests")
    assert sandbox.requests() == []


def test_what_is_masked():
    assert mask_headers([("authorization", "Basic eHg="), ("x-goog-channel-token", "x")]) == {
        "authorization": "Basic ***", "x-goog-channel-token": "***",
    }  # fmt: skip
    assert mask_query("code=a&client_secret=b&pageToken=c&state=d") == "code=***&client_secret=***&pageToken=c&state=d"


def test_time_goes_forward_only(sandbox):
    before = sandbox.call("GET", "/clock")["now"]
    assert sandbox.advance(3600)["now"] > before
    back = sandbox.http.post("/_sandbox/clock", json={"advance": -1})
    assert back.status_code == 422


def test_lifetimes_can_be_set(sandbox):
    sandbox.call("PATCH", "/settings", lifetimes={"zoom": {"access": 60}})
    assert sandbox.tokens("zoom")["expires_in"] == 60


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tokens", {"provider": "none"}),
        ("POST", "/tokens", {"provider": "zoom", "account": "nobody"}),
        ("POST", "/tokens", {"provider": "zoom", "client_id": "none"}),
        ("POST", "/tokens/end", {"provider": "zoom", "how": "?"}),
        ("PUT", "/receivers", {"provider": "zoom", "url": "http://example.org/x"}),
        ("PUT", "/receivers", {"provider": "google", "url": "https://example.org/x"}),
        ("PUT", "/receivers", {"provider": "microsoft", "url": "https://example.org/x"}),
        ("POST", "/webhooks", {"provider": "slack", "event": "x"}),
        ("POST", "/webhooks", {"provider": "zoom", "event": "x", "client_id": "none"}),
        ("POST", "/webhooks", {"provider": "google", "event": "change"}),
        ("POST", "/webhooks", {"provider": "microsoft", "event": "missed"}),
        ("POST", "/webhooks", {"provider": "salesforce", "event": "Account"}),
        ("PATCH", "/settings", {"webhooks": "sometimes"}),
    ],
)
def test_what_cannot_be_done_is_said(sandbox, method, path, body):
    answer = sandbox.http.request(method, f"/_sandbox{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


def test_what_is_nowhere_and_what_cannot_be_read(sandbox):
    assert sandbox.http.get("/nowhere").status_code == 404
    assert sandbox.http.post("/_sandbox/faults", content=b"{").status_code == 422
    for provider, path in (("zoom", "/v2/none"), ("google", "/none"), ("salesforce", "/none")):
        assert sandbox.http.get(f"{sandbox.urls[provider]}{path}").status_code == 404
    token = sandbox.tokens("salesforce")["access_token"]
    address = f"{sandbox.urls['salesforce']}/services/data/v59.0/sobjects/Account"
    broken = sandbox.http.post(address, content=b"{", headers={"authorization": f"Bearer {token}"})
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
