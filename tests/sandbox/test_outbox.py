"""Webhooks on their way out: lost, doubled, sent again, given up."""

import json

import pytest

CHANNEL = {"provider": "slack", "event": "message", "channel": "C0SALES001", "user": "U0ADA00001"}


@pytest.fixture
def told(sandbox, receiver):
    """A receiver that Slack tells of the workspace."""
    receiver.answer = lambda request: (200, "text/plain", json.loads(request.body).get("challenge", "").encode())
    sandbox.tokens("slack", scopes=["channels:read"])
    sandbox.call("PUT", "/receivers", provider="slack", url=receiver.url)
    receiver.everything()
    return receiver


def say(sandbox, text):
    sent = sandbox.call("POST", "/webhooks", **CHANNEL, text=text)["data"]
    sandbox.settle()
    return sent


def test_they_come_in_order(sandbox, told):
    for number in range(5):
        sandbox.call("POST", "/webhooks", **CHANNEL, text=str(number))
    sandbox.settle()
    assert [json.loads(one.body)["event"]["text"] for one in told.everything()] == ["0", "1", "2", "3", "4"]


def test_they_are_lost_doubled_and_sent_again(sandbox, told):
    sandbox.call("PATCH", "/settings", webhooks="lose")
    say(sandbox, "lost")
    sandbox.call("PATCH", "/settings", webhooks="twice")
    say(sandbox, "twice")
    sandbox.call("PATCH", "/settings", webhooks="deliver")
    (sent,) = say(sandbox, "again")
    sandbox.call("POST", f"/webhooks/{sent['id']}/resend")
    sandbox.settle()
    bodies = [json.loads(one.body) for one in told.everything()]
    assert [body["event"]["text"] for body in bodies] == ["twice", "twice", "again", "again"]
    assert bodies[0]["event_id"] == bodies[1]["event_id"] != bodies[2]["event_id"] == bodies[3]["event_id"]
    assert [one["state"] for one in sandbox.call("GET", "/webhooks")["data"]].count("lost") == 1
    assert sandbox.http.post("/_sandbox/webhooks/none/resend").status_code == 404


def test_a_receiver_that_stays_away_is_given_up(sandbox, told):
    told.answer = lambda _request: None
    say(sandbox, "anybody?")
    for _ in range(3):
        sandbox.advance(300)
        sandbox.settle()
    (delivery,) = sandbox.call("GET", "/webhooks")["data"]
    assert delivery["state"] == "failed"
    assert [one["reason"] for one in delivery["attempts"]] == ["connection_failed"] * 4
    retries = [one.headers.get("x-slack-retry-reason") for one in told.everything()]
    assert retries == [None, "connection_failed", "connection_failed", "connection_failed"]


def test_a_redirect_is_an_answer_and_not_followed(sandbox, told):
    told.answer = lambda _request: (302, "text/plain", b"")
    say(sandbox, "elsewhere?")
    (delivery,) = sandbox.call("GET", "/webhooks")["data"]
    assert [one["status"] for one in delivery["attempts"]] == [302, 302]
