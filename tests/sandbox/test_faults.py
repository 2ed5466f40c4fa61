"""What is made to go wrong goes wrong, as often as it was said and nowhere else."""

import http.client
from urllib.parse import urlsplit

import httpx
import pytest

from worksphere_hub.sandbox.errors import WrongFault
from worksphere_hub.sandbox.faults import KINDS, Faults

# The same question to each provider, and how it says that the limit is used up, that it is broken, that a token ended.
READS = {
    "slack": "/api/users.list",
    "google": "/drive/v3/files",
    "salesforce": "/services/data/v59.0/limits",
    "microsoft": "/v1.0/me",
    "zoom": "/v2/users/me",
}
LIMITED = {
    "slack": (429, "7"),
    "google": (429, None),
    "salesforce": (403, None),
    "microsoft": (429, "7"),
    "zoom": (429, "2026-05-06T09:00:"),
}
SCOPES = {"slack": ["users:read", "chat:write"]}


@pytest.fixture
def ask(sandbox):
    """Ask a provider its question."""
    sandbox.reset({"start": "2026-05-06T09:00:00Z"})
    sandbox.stop_clock()
    tokens = {name: sandbox.tokens(name, scopes=SCOPES.get(name, [])) for name in READS}

    def asked(provider, method="GET", path=None, **options):
        headers = {"authorization": f"Bearer {tokens[provider]['access_token']}"}
        address = f"{sandbox.urls[provider]}{path or READS[provider]}"
        return sandbox.http.request(method, address, headers=headers, **options)

    return asked


def test_each_provider_says_in_its_own_words_that_it_is_too_much(sandbox, ask):
    for provider, (status, after) in LIMITED.items():
        sandbox.fault("rate_limit", provider=provider, retry_after=7)
        answer = ask(provider)
        said = answer.headers.get("retry-after", "")
        assert (answer.status_code, said[: len(after or said)]) == (status, after or ""), provider
        assert ask(provider).status_code == 200, provider


def test_each_provider_says_in_its_own_words_that_it_is_broken(sandbox, ask):
    for provider in READS:
        sandbox.fault("error", provider=provider, status=503)
        answer = ask(provider)
        assert (answer.status_code, isinstance(answer.json(), dict | list)) == (503, True), provider
        assert ask(provider).status_code == 200, provider


def test_each_provider_says_in_its_own_words_that_a_token_ended(sandbox, ask):
    expected = dict.fromkeys(READS, 401) | {"slack": 200}
    for provider, status in expected.items():
        sandbox.fault("expired_token", provider=provider)
        foretold = ask(provider)
        sandbox.call("POST", "/tokens/end", provider=provider, how="expire")
        ended = ask(provider)
        assert foretold.status_code == ended.status_code == status, provider
        assert same(foretold.json(), ended.json()), (foretold.text, ended.text)


def same(one, other):
    """Equal but for the ids of requests."""
    for body in (one, other):
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            body["error"].pop("innerError", None)
    return one == other


def test_a_timeout_after_the_commit_leaves_the_work_done(sandbox, ask):
    sandbox.fault("timeout", provider="slack", path="/api/chat.postMessage")
    sandbox.fault("timeout", provider="slack", path="/api/chat.postMessage", before=True)
    for text in ("done", "not done"):
        with pytest.raises(httpx.ReadTimeout):
            ask("slack", "POST", "/api/chat.postMessage", json={"channel": "C0SALES001", "text": text}, timeout=0.3)
    while len(sandbox.requests(path="/api/chat.postMessage")) < 2:
        """Whoever asked has given up; the sandbox may still be at it."""
    said = [one["text"] for one in sandbox_messages(sandbox)]
    assert "done" in said
    assert "not done" not in said


def sandbox_messages(sandbox):
    token = sandbox.tokens("slack", scopes=["channels:history"])["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    address = f"{sandbox.urls['slack']}/api/conversations.history"
    return sandbox.http.get(address, params={"channel": "C0SALES001"}, headers=headers).json()["messages"]


def test_a_dropped_connection_and_a_truncated_answer(sandbox, ask):
    sandbox.fault("disconnect", provider="zoom")
    with pytest.raises(httpx.RemoteProtocolError):
        ask("zoom")
    sandbox.fault("truncate", provider="zoom")
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed"):
        ask("zoom")
    assert ask("zoom").json()["email"] == "ada@acme.example"


def test_a_slow_answer_comes_in_pieces_and_whole(sandbox, ask):
    sandbox.fault("slow", provider="zoom", seconds=0.01)
    address = urlsplit(sandbox.urls["zoom"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    token = sandbox.tokens("zoom")["access_token"]
    connection.request("GET", f"{address.path}{READS['zoom']}", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    pieces = [answer.read1() for _ in range(200) if not answer.isclosed()]
    connection.close()
    assert len([piece for piece in pieces if piece]) > 1
    assert b"ada@acme.example" in b"".join(pieces)


def test_a_duplicate_is_the_page_before_once_more(sandbox, ask):
    first = ask("slack", params={"limit": 2}).json()
    sandbox.fault("duplicate", provider="slack")
    cursor = first["response_metadata"]["next_cursor"]
    assert ask("slack", params={"limit": 2, "cursor": cursor}).json() == first
    assert ask("slack", params={"limit": 2, "cursor": cursor}).json()["members"] != first["members"]


def test_a_fault_waits_counts_and_is_taken_out(sandbox, ask):
    made = sandbox.fault("error", provider="zoom", path="/v2/users*", method="GET", skip=1, times=2)
    assert [ask("zoom").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert ask("zoom", "POST", "/v2/users/me/meetings", json={"topic": "x"}).status_code == 201
    (shown,) = sandbox.call("GET", "/faults")["data"]
    assert (shown["id"], shown["used"]) == (made["id"], 2)
    sandbox.fault("error", times=None)
    assert {ask(provider).status_code for provider in READS} == {500}
    sandbox.call("DELETE", f"/faults/{made['id']}")
    sandbox.call("DELETE", "/faults")
    assert {ask(provider).status_code for provider in READS} == {200}


def test_a_fault_that_is_described_wrongly_is_refused(sandbox):
    for wrong in ({"kind": "nonsense"}, {"kind": "error", "chance": 0.5}, {"kind": "error", "provider": "none"}):
        answer = sandbox.http.post("/_sandbox/faults", json=wrong)
        assert answer.status_code == 422
        assert answer.json()["error"]
    with pytest.raises(WrongFault, match="kind must be one of"):
        Faults().add({"kind": "none"})
    assert len(KINDS) == 8
