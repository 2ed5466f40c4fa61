"""Pub/Sub's subscriptions: requests as Google describes its API, answers as they come."""

import base64
import json

import pytest

from tests.webhooks.destinations.letters import NOW
from tests.webhooks.destinations.test_pubsub import DESCRIPTION, fits, pem, tokens
from worksphere_hub.inbound.pulls.pubsub import PubSub
from worksphere_hub.inbound.pulls.queue import Answered, Fetched, PullRefused

__all__ = ["pem", "tokens"]

QUEUE = PubSub(kind="google_pubsub", subscription="projects/acme/subscriptions/hub")
METHODS = DESCRIPTION["resources"]["projects"]["resources"]["subscriptions"]["methods"]


def test_requests_are_as_google_describes_them(tokens):
    fetched = [Fetched("m", b"", {}, "a-1"), Fetched("n", b"", {}, "a-2")]
    (kept,) = QUEUE.acknowledge(tokens[0], NOW, fetched)
    for verb, made in (("pull", QUEUE.receive(tokens[0], NOW, 10, 100)), ("acknowledge", kept)):
        method = METHODS[verb]
        assert made.method == method["httpMethod"]
        assert made.url == DESCRIPTION["rootUrl"] + method["path"].replace("{+subscription}", QUEUE.subscription)
        fits(json.loads(made.body), method["request"])
    assert json.loads(kept.body) == {"ackIds": ["a-1", "a-2"]}


def test_messages_come_with_their_attributes():
    message = {"messageId": "m", "data": base64.b64encode(b"x").decode(), "attributes": {"a": "1"}, "publishTime": "t"}
    body = {"receivedMessages": [{"ackId": "a", "message": message}, {"ackId": "b", "message": {"messageId": "n"}}]}
    found = QUEUE.read(Answered(200, {}, json.dumps(body).encode()))
    assert found == [Fetched("m", b"x", {"a": "1"}, "a"), Fetched("n", b"", {}, "b")]
    assert QUEUE.read(Answered(200, {}, b"{}")) == []


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(404, b'{"error":{"status":"NOT_FOUND"}}', "NOT_FOUND"), (503, b"", "status_503"), (200, b"<html>", "unexpected"),
     (200, b'{"receivedMessages":[{"ackId":"a"}]}', "unexpected")],
)  # fmt: skip
def test_what_is_no_message_is_said(status, body, code):
    with pytest.raises(PullRefused) as refused:
        QUEUE.read(Answered(status, {}, body))
    assert refused.value.code == code
