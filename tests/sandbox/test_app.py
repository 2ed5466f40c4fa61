"""Whatever is asked of a provider, it is the provider that answers, and never with a failure of ours."""

import itertools
import json
import re

import pytest

TEAM, CHANNEL = "bbbbbbbb-0000-4000-8000-000000000001", "19:engineeringgeneral@thread.tacv2"
# What parts of paths may be: something that is there, by its name in the path, or something that is not.
THERE = {
    "user": "me", "meeting": "1", "team": TEAM, "channel": CHANNEL, "chat": "19:adagrace@unq.gbl.spaces",
    "tenant": "organizations", "file": "1SandboxFileBudget", "drive": "0ASandboxMarketing", "version": "v59.0",
    "object": "Account", "field": "External_Id__c", "value": "globex", "id": "0015g00000SbxAcme1", "kind": "query",
}  # fmt: skip
BODIES = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'"x"',
    b"null",
    b"\xff\xfe",
    b'{"body": [], "records": {}, "fields": 3, "type": []}',
]
METHODS = ("auth.test", "conversations.history", "files.completeUploadExternal", "chat.postMessage", "files.list")


def requests(provider):
    """Every door, with a place that is there and one that is not."""
    for door in provider.routes():
        for known in (True, False):
            parts = THERE if known else {}
            path = re.sub(r"\{(\w+)(?::path)?\}", lambda part, parts=parts: parts.get(part[1], "n'%"), door.path)
            names = METHODS if "{method}" in door.path and known else ("",)
            for name, method in itertools.product(names, sorted(door.methods - {"HEAD"})):
                yield method, path.removesuffix("n'%") + name if name else path


@pytest.mark.parametrize("provider", ["slack", "google", "salesforce", "microsoft", "zoom"])
def test_no_request_makes_it_fail(sandbox, served, provider, caplog):
    sandbox.call("PATCH", "/settings", limits=False)
    count = 0
    for method, path in requests(served.running.sandbox.providers[provider]):
        token = sandbox.tokens(provider, scopes=scopes(provider))["access_token"]
        for body, kind in itertools.product(BODIES, ("application/json", "multipart/related; boundary=x")):
            headers = {"authorization": f"Bearer {token}", "content-type": kind, "range": "bytes=9-1"}
            answer = sandbox.http.request(method, f"{sandbox.urls[provider]}{path}", content=body, headers=headers)
            assert answer.status_code < 500, (method, path, body, caplog.text)
            count += 1
    assert count > 50


def scopes(provider):
    return {
        "slack": ["channels:read", "channels:history", "chat:write", "files:read", "files:write"],
        "google": ["https://www.googleapis.com/auth/drive"],
    }.get(provider, [])


@pytest.mark.parametrize(
    "text",
    [
        "limit",
        "cursor",
        "oldest",
        "page",
        "$top",
        "$skiptoken",
        "pageSize",
        "q",
        "fields",
        "orderBy",
        "page_size",
        "from",
        "start",
    ],
)
def test_no_parameter_makes_it_fail(sandbox, text):
    reads = {
        "slack": "/api/conversations.history?channel=C0GENERAL1", "google": "/drive/v3/files?x=",
        "salesforce": "/services/data/v59.0/sobjects/Account/updated?end=2026-01-01T00:00:00Z",
        "microsoft": f"/v1.0/teams/{TEAM}/channels/{CHANNEL}/messages/delta?x=", "zoom": "/v2/users/me/recordings?x=",
    }  # fmt: skip
    for provider, path in reads.items():
        token = sandbox.tokens(provider, scopes=scopes(provider))["access_token"]
        for value in ("", "-1", "x", "9" * 30, "'", "((", "2026-13-45", "é€"):
            address = f"{sandbox.urls[provider]}{path}"
            answer = sandbox.http.get(f"{address}&{text}={value}", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code < 500, (provider, text, value, json.dumps(answer.text))
