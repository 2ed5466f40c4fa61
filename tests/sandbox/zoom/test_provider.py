"""Zoom's stand-in, held against Zoom's own description; Zoom has no SDK of its own for these calls."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from tests.sandbox.control import pkce
from tests.sandbox.oracle import Oracle

USER_APP = ("zoom-sandbox-user-app", "zoom-sandbox-client-secret")
SERVER_APP = ("zoom-sandbox-server-app", "zoom-sandbox-server-secret")
ADA, GRACE = "zAdaAdaAdaAdaAdaAdaAd1", "zGraceGraceGraceGrace1"
REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
TOKEN = "zoom-sandbox-secret-token"
# Numbers in Zoom's present documents, strings in its description of 2020.
RETYPED = {"recording_count", "total_size", "id", "type"}


@pytest.fixture
def api(sandbox):
    """The API with a server-to-server token."""
    token = sandbox.tokens("zoom", client_id=SERVER_APP[0])["access_token"]
    with caller(sandbox, token) as client:
        yield client


@pytest.fixture
def ada(sandbox):
    """The API as one user."""
    with caller(sandbox, sandbox.tokens("zoom", account="ada@acme.example")["access_token"]) as client:
        yield client


def caller(sandbox, token):
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{sandbox.url}/zoom/v2", headers=headers, trust_env=False)


def token_of(sandbox, app, **fields):
    return httpx.post(f"{sandbox.url}/zoom/oauth/token", data=fields, auth=app, trust_env=False)


def test_answers_are_as_zoom_describes_them(api, ada):
    oracle, old = Oracle("zoom"), Oracle("zoom", RETYPED)
    oracle.check("get", "/users", api.get("/users").json())
    oracle.check("get", "/users/{userId}", ada.get("/users/me").json())
    oracle.check("get", "/users/{userId}/meetings", api.get(f"/users/{ADA}/meetings").json())
    wanted = {"topic": "Demo", "type": 2, "start_time": "2027-01-02T10:00:00Z", "duration": 20}
    made = ada.post("/users/me/meetings", json=wanted)
    oracle.check("post", "/users/{userId}/meetings", made.json(), "201")
    oracle.check("get", "/meetings/{meetingId}", ada.get(f"/meetings/{made.json()['id']}").json())
    since = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
    recorded = api.get(f"/users/{ADA}/recordings", params={"from": since}).json()
    old.check("get", "/users/{userId}/recordings", recorded)
    old.check(
        "get",
        "/meetings/{meetingId}/recordings",
        api.get(f"/meetings/{recorded['meetings'][0]['id']}/recordings").json(),
    )
    uuid = quote(quote(recorded["meetings"][0]["uuid"], safe=""), safe="")
    oracle.check("get", "/past_meetings/{meetingUUID}", api.get(f"/past_meetings/{uuid}").json())
    came = api.get(f"/past_meetings/{uuid}/participants").json()
    oracle.check("get", "/past_meetings/{meetingUUID}/participants", came)
    assert [one["name"] for one in came["participants"]] == ["Ada Lovelace", "Grace Hopper", "A guest"]
    new = api.post("/users", json={"action": "create", "user_info": {"email": "new@acme.example", "type": 1}})
    oracle.check("post", "/users", new.json(), "201")


def test_a_meeting_is_made_changed_and_gone(ada):
    made = ada.post("/users/me/meetings", json={"topic": "Demo", "start_time": "2027-01-02T10:00:00Z"}).json()
    assert (
        ada.patch(f"/meetings/{made['id']}", json={"topic": "Demo 2", "settings": {"waiting_room": False}}).status_code
        == 204
    )
    found = ada.get(f"/meetings/{made['id']}").json()
    assert (found["topic"], found["settings"]["waiting_room"], found["start_time"]) == (
        "Demo 2",
        False,
        made["start_time"],
    )
    listed = ada.get("/users/me/meetings").json()["meetings"]
    assert [one["topic"] for one in listed] == ["Weekly", "Board", "Demo 2"]
    assert ada.delete(f"/meetings/{made['id']}").status_code == 204
    gone = ada.get(f"/meetings/{made['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, 3001)
    wrong = ada.post("/users/me/meetings", json={"type": 7})
    assert (wrong.status_code, wrong.json()["code"]) == (400, 300)


def test_a_page_token_wants_the_same_question_and_ends(sandbox, api):
    first = api.get("/users", params={"page_size": 2}).json()
    assert (len(first["users"]), first["total_records"], first["page_count"]) == (2, 3, 2)
    token = first["next_page_token"]
    second = api.get("/users", params={"page_size": 2, "next_page_token": token}).json()
    assert (len(second["users"]), second["next_page_token"]) == (1, "")
    assert api.get("/users", params={"page_size": 3, "next_page_token": token}).json()["code"] == 300
    sandbox.advance(15 * 60)
    assert api.get("/users", params={"page_size": 2, "next_page_token": token}).status_code == 400
    assert api.get("/users", params={"page_size": 301}).status_code == 400


def test_recordings_are_asked_for_by_the_month(sandbox, api):
    today = datetime.now(UTC).date()
    long = {"from": (today - timedelta(days=60)).isoformat(), "to": today.isoformat()}
    assert api.get(f"/users/{ADA}/recordings", params=long).json()["code"] == 300
    windows = [(today - timedelta(days=30), today), (today - timedelta(days=60), today - timedelta(days=31))]
    found = [
        one["topic"]
        for begin, end in windows
        for one in api.get(f"/users/{ADA}/recordings", params={"from": str(begin), "to": str(end)}).json()["meetings"]
    ]
    assert found == ["Kick-off", "Retrospective"]
    sandbox.reset({"zoom": {"recordings_range": "clamp"}})
    with caller(sandbox, sandbox.tokens("zoom", client_id=SERVER_APP[0])["access_token"]) as again:
        clamped = again.get(f"/users/{ADA}/recordings", params=long).json()
    assert [one["topic"] for one in clamped["meetings"]] == ["Kick-off"]


def test_refusals_are_zooms(sandbox, api, ada):
    assert api.get("/users/me").json()["code"] == 124
    assert ada.get("/users/nobody@acme.example").json()["code"] == 1001
    assert ada.get("/none/such").status_code == 404
    assert ada.get("/past_meetings//ajXp112QmuoKj4854875==").json()["code"] == 3001
    with caller(sandbox, sandbox.tokens("zoom", scopes=["user:read:user"])["access_token"]) as poor:
        assert poor.get("/users/me").status_code == 200
        assert poor.get("/users/me/meetings").json()["code"] == 4711
        assert poor.get(f"/users/{GRACE}").json()["code"] == 1001
    sandbox.advance(3600)
    late = ada.get("/users/me")
    assert (late.status_code, late.json()) == (401, {"code": 124, "message": "Access token is expired."})


def test_a_hundred_meetings_a_day_and_a_time_stamp_that_says_when_on(sandbox, ada):
    sandbox.reset({"start": "2026-05-06T23:00:00Z"})
    with caller(sandbox, sandbox.tokens("zoom", account=ADA)["access_token"]) as client:
        answers = []
        for _ in range(101):
            answers.append(client.post("/users/me/meetings", json={"topic": "again"}))
            sandbox.advance(1)
    assert {one.status_code for one in answers[:100]} == {201}
    over = answers[100]
    assert over.status_code == 429
    assert over.headers["x-ratelimit-type"] == "Daily-limit"
    assert over.headers["retry-after"] == "2026-05-07T00:00:00Z"


def test_a_user_signs_in_and_the_refresh_token_changes_each_time(sandbox):
    verifier, challenge = pkce()
    asked = {
        "client_id": USER_APP[0], "response_type": "code", "redirect_uri": REDIRECT, "state": "s",
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    code = sandbox.consent(f"{sandbox.url}/zoom/oauth/authorize", account=GRACE, **asked)["code"]
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    in_body = {**given, "client_id": USER_APP[0], "client_secret": USER_APP[1]}
    assert httpx.post(f"{sandbox.url}/zoom/oauth/token", data=in_body, trust_env=False).status_code == 401
    assert token_of(sandbox, USER_APP, **given, code_verifier="wrong").json()["error"] == "invalid_grant"
    first = token_of(sandbox, USER_APP, **given, code_verifier=verifier).json()
    assert (first["token_type"], first["expires_in"]) == ("bearer", 3600)
    with caller(sandbox, first["access_token"]) as client:
        assert client.get("/users/me").json()["email"] == "grace@acme.example"
    fresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = token_of(sandbox, USER_APP, **fresh).json()
    assert second["refresh_token"] != first["refresh_token"]
    old = token_of(sandbox, USER_APP, **fresh)
    assert (old.status_code, old.json()) == (400, {"reason": "Invalid Token!", "error": "invalid_grant"})
    sandbox.advance(90 * 86_400)
    ended = token_of(sandbox, USER_APP, **{**fresh, "refresh_token": second["refresh_token"]})
    assert ended.json()["error"] == "invalid_grant"


def test_a_code_is_good_for_five_minutes(sandbox):
    asked = {"client_id": USER_APP[0], "response_type": "code", "redirect_uri": REDIRECT}
    code = sandbox.consent(f"{sandbox.url}/zoom/oauth/authorize", **asked)["code"]
    sandbox.advance(301)
    late = token_of(sandbox, USER_APP, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert late.json()["error"] == "invalid_grant"


def test_server_to_server_has_no_refresh_token(sandbox):
    account = sandbox.provider("zoom")["account_id"]
    done = token_of(sandbox, SERVER_APP, grant_type="account_credentials", account_id=account).json()
    assert "refresh_token" not in done
    assert "user:read:admin" in done["scope"].split()
    other = token_of(sandbox, SERVER_APP, grant_type="account_credentials", account_id="other")
    assert other.status_code == 400
    assert httpx.post(
        f"{sandbox.url}/zoom/oauth/revoke", data={"token": done["access_token"]}, auth=SERVER_APP, trust_env=False
    ).json() == {"status": "success"}
    with caller(sandbox, done["access_token"]) as client:
        assert client.get("/users").status_code == 401


def zooms(receiver):
    """A receiver as Zoom wants it: it checks what is signed, on the raw bytes, and answers the validation."""

    def plan(request):
        signed = f"v0:{request.headers['x-zm-request-timestamp']}:".encode() + request.body
        digest = hmac.new(TOKEN.encode(), signed, hashlib.sha256).hexdigest()
        if request.headers["x-zm-signature"] != f"v0={digest}":
            return 401, "text/plain", b""
        body = json.loads(request.body)
        if body["event"] != "endpoint.url_validation":
            return 200, "text/plain", b""
        plain = body["payload"]["plainToken"]
        proof = {"plainToken": plain, "encryptedToken": hmac.new(TOKEN.encode(), plain.encode(), "sha256").hexdigest()}
        return 200, "application/json", json.dumps(proof).encode()

    receiver.answer = plan


def test_changes_come_as_events_and_the_receiver_proves_itself(sandbox, receiver, ada):
    refused = sandbox.http.put("/_sandbox/receivers", json={"provider": "zoom", "url": receiver.url})
    assert refused.status_code == 422
    receiver.everything()
    zooms(receiver)
    sandbox.call("PUT", "/receivers", provider="zoom", url=receiver.url)
    assert json.loads(receiver.next().body)["event"] == "endpoint.url_validation"
    made = ada.post("/users/me/meetings", json={"topic": "Demo"}).json()
    ada.patch(f"/meetings/{made['id']}", json={"topic": "Demo 2"})
    ada.delete(f"/meetings/{made['id']}")
    kept = ada.get("/users/me/meetings").json()["meetings"][0]["id"]
    sandbox.call("POST", "/webhooks", provider="zoom", event="recording.completed", meeting=kept)
    sandbox.settle()
    bodies = [json.loads(request.body) for request in receiver.everything()]
    assert [one["event"] for one in bodies] == [
        "meeting.created", "meeting.updated", "meeting.deleted", "recording.completed",
    ]  # fmt: skip
    assert bodies[1]["payload"]["old_object"]["topic"] == "Demo"
    assert bodies[3]["payload"]["object"]["recording_files"][0]["file_type"] == "MP4"
    assert {one["payload"]["account_id"] for one in bodies} == {"zoomSandboxAccount01"}
    sandbox.advance(72 * 3600)
    sandbox.settle()
    assert json.loads(receiver.next().body)["event"] == "endpoint.url_validation"
    assert {
        one["state"]
        for one in sandbox.call(
            "GET",
            "/webhooks",
        )["data"]
    } == {"delivered"}
