"""Slack's stand-in, driven by Slack's own SDK and held against Slack's own description."""

import json

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation import TokenRotator
from slack_sdk.signature import SignatureVerifier

from tests.sandbox.control import pkce
from tests.sandbox.oracle import Oracle

CLIENT, SECRET = "1000000000.2000000000", "slack-sandbox-client-secret"
SCOPES = [
    "channels:read", "groups:read", "channels:history", "groups:history", "channels:join", "channels:manage",
    "users:read", "users:read.email", "chat:write", "files:read", "files:write", "team:read",
]  # fmt: skip
REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
# Fields that Slack sends by now and its description of 2020 does not know, or that it types otherwise there.
NEWER = {
    "enterprise", "is_enterprise_install", "channel_type", "metadata", "reply_users", "is_locked",
    "warning", "parent_user_id", "app_id", "edited", "req_method",
}  # fmt: skip


@pytest.fixture
def tokens(sandbox):
    return sandbox.tokens("slack", scopes=[*SCOPES, "user:chat:write", "user:channels:history"])


@pytest.fixture
def client(sandbox, tokens):
    return WebClient(token=tokens["access_token"], base_url=f"{sandbox.url}/slack/api/")


@pytest.fixture(scope="module")
def oracle():
    return Oracle("slack", NEWER)


def refused(call, *arguments, **options):
    with pytest.raises(SlackApiError) as error:
        call(*arguments, **options)
    return error.value.response["error"]


def test_reads_are_as_slack_describes_them(client, oracle):
    oracle.check("get", "/auth.test", client.auth_test().data)
    channels = client.conversations_list(types="public_channel,private_channel", exclude_archived=True).data
    oracle.check("get", "/conversations.list", channels)
    assert [one["name"] for one in channels["channels"]] == ["general", "sales"]
    general = channels["channels"][0]["id"]
    oracle.check("get", "/conversations.info", client.conversations_info(channel=general).data)
    oracle.check("get", "/conversations.members", client.conversations_members(channel=general).data)
    history = client.conversations_history(channel=general).data
    oracle.check("get", "/conversations.history", history)
    assert [one["text"] for one in history["messages"]][-1] == "Good morning"
    parent = next(one for one in history["messages"] if one.get("reply_count"))
    replies = client.conversations_replies(channel=general, ts=parent["ts"]).data
    oracle.check("get", "/conversations.replies", replies)
    assert [one["text"] for one in replies["messages"]][1:] == ["An actual bug!", "Taped it into the log book"]
    users = client.users_list().data
    oracle.check("get", "/users.list", users)
    assert {one["name"] for one in users["members"]} == {"ada", "grace", "alan", "left", "worksphere_hub"}
    oracle.check("get", "/users.info", client.users_info(user="U0ADA00001").data)
    oracle.check("get", "/users.lookupByEmail", client.users_lookupByEmail(email="ada@acme.example").data)
    oracle.check("get", "/team.info", client.team_info().data)
    oracle.check("get", "/files.list", client.files_list().data)
    oracle.check("get", "/files.info", client.files_info(file="F0REPORT01").data)


def test_writes_change_what_is_read_and_are_as_described(client, oracle):
    posted = client.chat_postMessage(channel="C0SALES001", text="Initech too").data
    oracle.check("post", "/chat.postMessage", posted)
    changed = client.chat_update(channel="C0SALES001", ts=posted["ts"], text="Initech, too").data
    oracle.check("post", "/chat.update", changed)
    link = client.chat_getPermalink(channel="C0SALES001", message_ts=posted["ts"]).data
    oracle.check("get", "/chat.getPermalink", link)
    client.chat_postMessage(channel="C0SALES001", text="in a thread", thread_ts=posted["ts"])
    newest = client.conversations_history(channel="C0SALES001", oldest=posted["ts"], inclusive=True)["messages"]
    assert [(one["text"], one["reply_count"]) for one in newest] == [("Initech, too", 1)]
    oracle.check("post", "/chat.delete", client.chat_delete(channel="C0SALES001", ts=posted["ts"]).data)
    texts = [one["text"] for one in client.conversations_history(channel="C0SALES001")["messages"]]
    assert "Initech, too" not in texts
    joined = client.conversations_join(channel=client.conversations_create(name="new")["channel"]["id"]).data
    oracle.check("post", "/conversations.join", joined)


def test_a_page_leads_to_the_next_one(sandbox, client):
    for number in range(7):
        client.chat_postMessage(channel="C0SALES001", text=f"number {number}")
    pages = [page.data for page in client.conversations_history(channel="C0SALES001", limit=3)]
    assert [len(page["messages"]) for page in pages] == [3, 3, 2]
    assert [page["has_more"] for page in pages] == [True, True, False]
    stamps = [one["ts"] for page in pages for one in page["messages"]]
    assert stamps == sorted(stamps, reverse=True)
    assert sum(len(page["members"]) for page in client.users_list(limit=2)) == 5
    assert refused(client.users_list, cursor="nonsense") == "invalid_cursor"


def test_a_file_goes_up_in_two_steps(client):
    sent = client.files_upload_v2(filename="note.txt", content="a note", channel="C0GENERAL1", initial_comment="here")
    assert sent["file"]["id"] in {file["id"] for file in client.files_list(channel="C0GENERAL1")["files"]}
    newest = client.conversations_history(channel="C0GENERAL1", limit=1)["messages"][0]
    assert (newest["text"], newest["files"][0]["size"]) == ("here", 6)
    client.files_delete(file=sent["file"]["id"])
    assert refused(client.files_info, file=sent["file"]["id"]) == "file_not_found"


def test_refusals_are_slacks(sandbox, client, tokens):
    assert refused(client.conversations_history, channel="C0SECRET01") == "channel_not_found"
    assert refused(client.conversations_history, channel="CNONE") == "channel_not_found"
    assert refused(client.conversations_history, channel="C0OLD00001") == "not_in_channel"
    assert refused(client.chat_postMessage, channel="C0OLD00001", text="x") == "is_archived"
    assert refused(client.api_call, "chat.postMessage", json={"channel": "C0GENERAL1"}) == "no_text"
    foreign = client.conversations_history(channel="C0GENERAL1")["messages"][0]["ts"]
    assert refused(client.chat_update, channel="C0GENERAL1", ts=foreign, text="x") == "cant_update_message"
    assert refused(client.chat_delete, channel="C0GENERAL1", ts="1.000001") == "message_not_found"
    assert refused(client.api_call, "none.such") == "unknown_method"
    address = client.base_url
    assert refused(WebClient(base_url=address).auth_test) == "not_authed"
    assert refused(WebClient("xoxb-none", base_url=address).auth_test) == "invalid_auth"
    poor = WebClient(sandbox.tokens("slack", scopes=["users:read"])["access_token"], base_url=address)
    with pytest.raises(SlackApiError) as error:
        poor.chat_postMessage(channel="C0GENERAL1", text="x")
    assert error.value.response["error"] == "missing_scope"
    assert error.value.response["needed"] == "chat:write"
    assert "email" not in poor.users_info(user="U0ADA00001")["user"]["profile"]
    sandbox.advance(43_201)
    assert refused(client.auth_test) == "token_expired"


def test_an_app_sold_elsewhere_reads_history_once_a_minute(sandbox, client):
    wanted = {"client_id": CLIENT, "settings": {"distribution": "commercial"}}
    sandbox.call("POST", "/apps", provider="slack", **wanted)
    sandbox.stop_clock()
    assert client.conversations_history(channel="C0GENERAL1", limit=100)
    with pytest.raises(SlackApiError) as error:
        client.conversations_history(channel="C0GENERAL1")
    assert (error.value.response.status_code, error.value.response.headers["retry-after"]) == (429, "60")
    sandbox.advance(60)
    assert client.conversations_history(channel="C0GENERAL1")


def authorize(sandbox, **query):
    wanted = {"client_id": CLIENT, "scope": "channels:read,chat:write", "redirect_uri": REDIRECT, "state": "s1"}
    return sandbox.consent(f"{sandbox.url}/slack/oauth/v2/authorize", **(wanted | query))


def test_consent_gives_a_token_to_the_bot_and_one_to_the_user(sandbox):
    verifier, challenge = pkce()
    asked = {"user_scope": "users:read", "code_challenge": challenge, "code_challenge_method": "S256"}
    came = authorize(sandbox, account="U0GRACE001", **asked)
    assert came["state"] == "s1"
    slack = WebClient(base_url=f"{sandbox.url}/slack/api/")
    given = {"client_id": CLIENT, "client_secret": SECRET, "code": came["code"], "redirect_uri": REDIRECT}
    wrong = httpx.post(f"{slack.base_url}oauth.v2.access", data={**given, "code_verifier": "wrong"}, trust_env=False)
    assert (wrong.status_code, wrong.json()) == (200, {"ok": False, "error": "invalid_code_verifier"})
    done = slack.api_call("oauth.v2.access", params={**given, "code_verifier": verifier})
    assert (done["token_type"], done["scope"], done["expires_in"]) == ("bot", "channels:read,chat:write", 43_200)
    assert done["authed_user"]["id"] == "U0GRACE001"
    assert done["authed_user"]["scope"] == "users:read"
    bot, person = done["access_token"], done["authed_user"]["access_token"]
    assert slack.auth_test(token=bot)["user_id"] == done["bot_user_id"]
    assert slack.auth_test(token=bot)["bot_id"].startswith("B")
    assert slack.auth_test(token=person)["user_id"] == "U0GRACE001"
    again = slack.api_call
    assert refused(again, "oauth.v2.access", params={**given, "code_verifier": verifier}) == "code_already_used"
    assert refused(slack.auth_test, token=bot) == "token_revoked"


def test_what_the_authorization_page_refuses(sandbox):
    address = f"{sandbox.url}/slack/oauth/v2/authorize"
    for query in ({"client_id": "none"}, {"client_id": CLIENT, "redirect_uri": f"{REDIRECT}/"}):
        page = sandbox.http.get(address, params=query)
        assert (page.status_code, page.headers.get("location")) == (400, None)
    assert authorize(sandbox, decision="deny")["error"] == "access_denied"
    plain = {"client_id": CLIENT, "redirect_uri": REDIRECT, "code_challenge": "x", "code_challenge_method": "plain"}
    assert "error=invalid_request" in sandbox.http.get(address, params=plain).headers["location"]


def test_bot_and_user_tokens_rotate_apart(sandbox, tokens):
    slack = WebClient(base_url=f"{sandbox.url}/slack/api/")
    rotator = TokenRotator(client_id=CLIENT, client_secret=SECRET, client=slack)
    person = tokens["authed_user"]
    held = Installation(
        user_id=person["id"], team_id="T0SANDBOX1", bot_token=tokens["access_token"], bot_id="B1", bot_user_id="U1",
        bot_refresh_token=tokens["refresh_token"], bot_token_expires_in=1, user_token=person["access_token"],
        user_refresh_token=person["refresh_token"], user_token_expires_in=1,
    )  # fmt: skip
    fresh = rotator.perform_token_rotation(installation=held, minutes_before_expiration=10)
    assert fresh is not None
    assert slack.auth_test(token=fresh.bot_token)["bot_id"]
    assert slack.auth_test(token=fresh.user_token)["user_id"] == person["id"]
    spent = {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "refresh_token"}
    old = {**spent, "refresh_token": tokens["refresh_token"]}
    assert refused(slack.oauth_v2_access, **old) == "invalid_refresh_token"
    assert slack.oauth_v2_access(**spent, refresh_token=fresh.bot_refresh_token)["token_type"] == "bot"


def test_a_token_of_old_is_exchanged_once(sandbox):
    app = {"client_id": CLIENT}
    sandbox.call("POST", "/apps", provider="slack", **app, settings={"rotation": False})
    legacy = sandbox.tokens("slack", scopes=["channels:read"])
    assert "expires_in" not in legacy
    slack = WebClient(base_url=f"{sandbox.url}/slack/api/")
    given = {"client_id": CLIENT, "client_secret": SECRET, "token": legacy["access_token"]}
    assert refused(slack.oauth_v2_exchange, **given) == "token_rotation_not_enabled"
    sandbox.call("POST", "/apps", provider="slack", **app, settings={"rotation": True})
    assert slack.oauth_v2_exchange(**given)["expires_in"] == 43_200
    assert refused(slack.oauth_v2_exchange, **given) == "token_already_exchanged"


@pytest.fixture
def subscribed(sandbox, receiver, client):
    verifier = SignatureVerifier("slack-sandbox-signing-secret")

    def plan(request):
        if not verifier.is_valid_request(request.body, request.headers):
            return 401, "text/plain", b""
        body = json.loads(request.body)
        return 200, "text/plain", body.get("challenge", "").encode()

    receiver.answer = plan
    sandbox.call("PUT", "/receivers", provider="slack", url=f"{receiver.url}/slack")
    assert json.loads(receiver.next().body)["type"] == "url_verification"
    return receiver


def test_what_is_written_comes_as_an_event(sandbox, client, subscribed):
    posted = client.chat_postMessage(channel="C0GENERAL1", text="hello")
    client.chat_update(channel="C0GENERAL1", ts=posted["ts"], text="hello!")
    client.chat_delete(channel="C0GENERAL1", ts=posted["ts"])
    sandbox.settle()
    bodies = [json.loads(request.body) for request in subscribed.everything()]
    assert [body["event"].get("subtype") for body in bodies] == [None, "message_changed", "message_deleted"]
    assert {(body["type"], body["team_id"], body["api_app_id"]) for body in bodies} == {
        ("event_callback", "T0SANDBOX1", "A0SANDBOX1")
    }
    assert len({body["event_id"] for body in bodies}) == 3
    assert all(one["state"] == "delivered" for one in sandbox.call("GET", "/webhooks")["data"])


def test_an_event_that_fails_comes_again_and_says_so(sandbox, subscribed):
    good = subscribed.answer
    subscribed.answer = lambda _request: (500, "text/plain", b"")
    wanted = {"channel": "C0SALES001", "user": "U0ADA00001", "text": "anyone?"}
    sandbox.call("POST", "/webhooks", provider="slack", event="message", **wanted)
    sandbox.settle()
    first, second = subscribed.everything()
    assert "x-slack-retry-num" not in first.headers
    assert (second.headers["x-slack-retry-num"], second.headers["x-slack-retry-reason"]) == ("1", "http_error")
    assert first.body == second.body
    subscribed.answer = good
    sandbox.advance(61)
    sandbox.settle()
    (third,) = subscribed.everything()
    assert third.headers["x-slack-retry-num"] == "2"
    (delivery,) = sandbox.call("GET", "/webhooks")["data"]
    assert [one["status"] for one in delivery["attempts"]] == [500, 500, 200]


def test_a_revoked_token_is_told(sandbox, client, subscribed):
    assert client.auth_revoke()["revoked"] is True
    assert refused(client.auth_test) == "token_revoked"
    sandbox.settle()
    (told,) = [json.loads(request.body)["event"] for request in subscribed.everything()]
    assert (told["type"], len(told["tokens"]["bot"])) == ("tokens_revoked", 1)


def test_a_receiver_that_does_not_answer_the_challenge_is_not_taken(sandbox, receiver):
    answer = sandbox.http.put("/_sandbox/receivers", json={"provider": "slack", "url": receiver.url})
    assert answer.status_code == 422
    assert "challenge" in answer.json()["error"]
