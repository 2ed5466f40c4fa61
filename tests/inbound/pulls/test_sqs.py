"""SQS's answers, and the requests that acknowledge more than ten messages."""

import json

import pytest

from tests.webhooks.destinations.letters import NOW
from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.inbound.pulls.queue import Answered, Fetched, PullRefused
from worksphere_hub.inbound.pulls.sqs import Sqs

QUEUE = Sqs(kind="aws_sqs", queue_url="https://sqs.eu-west-1.amazonaws.com/1/q", region="eu-west-1")
KEYS = AwsKeys("A", "S")


def answered(body, status=200):
    return Answered(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_it_is_asked_for_what_it_may_be_asked_for():
    wanted = json.loads(QUEUE.receive(KEYS, NOW, 60, 100).body)
    assert (wanted["MaxNumberOfMessages"], wanted["WaitTimeSeconds"]) == (10, 20)
    assert QUEUE.address == "https://sqs.eu-west-1.amazonaws.com/"


def test_messages_come_with_their_attributes():
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": "grüße", "MD5OfBody": "x",
               "MessageAttributes": {"a": {"DataType": "String", "StringValue": "1"},
                                     "b": {"DataType": "Binary", "BinaryValue": "YsO2"}}}  # fmt: skip
    assert QUEUE.read(answered({"Messages": [message]})) == [
        Fetched("m", "grüße".encode(), {"a": "1", "b": "bö"}, "r")
    ]  # fmt: skip
    assert QUEUE.read(answered({})) == QUEUE.read(answered({"Messages": None})) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, 400, "QueueDoesNotExist"), (b"<html>", 503, "status_503"),
        (b"<html>", 200, "unexpected"), ({"Messages": [{"MessageId": "m"}]}, 200, "unexpected"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_said(body, status, code):
    with pytest.raises(PullRefused) as refused:
        QUEUE.read(answered(body, status))
    assert refused.value.code == code


def test_more_than_ten_are_acknowledged_by_tens():
    fetched = [Fetched(str(number), b"", {}, f"r{number}") for number in range(23)]
    requests = QUEUE.acknowledge(KEYS, NOW, fetched)
    handles = [entry["ReceiptHandle"] for each in requests for entry in json.loads(each.body)["Entries"]]
    assert (len(requests), handles) == (3, [f"r{number}" for number in range(23)])
    for each in requests:
        names = [entry["Id"] for entry in json.loads(each.body)["Entries"]]
        assert len(set(names)) == len(names) <= 10
