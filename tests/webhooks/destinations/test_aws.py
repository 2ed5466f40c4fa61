"""SQS, SNS, EventBridge and Kinesis: what is sent arrives, and what is refused is not taken for sent."""

import base64
import hashlib
import json

import pytest

from tests.webhooks.destinations.amazon import KEYS, REGION, arn_of, client, queue, received
from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, judged, letter, post
from worksphere_hub.webhooks.destinations.aws import EventBridge, Kinesis, Sns, Sqs
from worksphere_hub.webhooks.destinations.destination import Judgement


def test_a_queue_gets_the_message_with_what_proves_it(aws, name):
    destination = Sqs(queue_url=queue(aws, name), region=REGION)
    answer = post(destination.request(letter(), KEYS, NOW))
    assert judged(destination, answer) == Judgement(200)
    (message,) = received(aws, destination.queue_url)
    assert message["Body"].encode() == BODY
    assert {key: value["StringValue"] for key, value in message["MessageAttributes"].items()} == HEADERS


def test_a_fifo_queue_keeps_lanes_and_drops_repetitions(aws, name):
    address = queue(aws, f"{name}.fifo", FifoQueue="true")
    destination = Sqs(queue_url=address, region=REGION)
    one, other = letter("customer 7"), letter()
    for each in (one, one, other):
        assert judged(destination, post(destination.request(each, KEYS, NOW))).problem is None
    found = [message["Attributes"] for message in received(aws, address)]
    assert [each["MessageDeduplicationId"] for each in found] == [one.id, other.id]
    # A blank may not be in a group's name: in its place is a digest.
    assert found[0]["MessageGroupId"] == hashlib.sha256(b"customer 7").hexdigest()
    assert found[1]["MessageGroupId"] == other.id


def test_a_topic_passes_it_on(aws, name):
    address = queue(aws, name)
    sns = client(aws, "sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, address))
    destination = Sns(topic_arn=topic, endpoint_url=aws)
    assert judged(destination, post(destination.request(letter(), KEYS, NOW))) == Judgement(200)
    (message,) = received(aws, address)
    passed = json.loads(message["Body"])
    assert passed["Message"].encode() == BODY
    assert {key: value["Value"] for key, value in passed["MessageAttributes"].items()} == HEADERS


def test_a_bus_has_rules_about_its_type_and_its_data(aws, name):
    address = queue(aws, name)
    events = client(aws, "events")
    events.create_event_bus(Name=name)
    pattern = {"source": ["acme.shop"], "detail-type": ["order.paid"], "detail": {"data": {"total": ["12.50 €"]}}}
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": arn_of(aws, address)}])
    destination = EventBridge(region=REGION, source="acme.shop", event_bus=name, endpoint_url=aws)
    sent = letter()
    assert judged(destination, post(destination.request(sent, KEYS, NOW))) == Judgement(200)
    post(destination.request(letter(body=b'{"type":"order.lost","data":{}}'), KEYS, NOW))
    (message,) = received(aws, address)
    passed = json.loads(message["Body"])
    assert (passed["detail"], passed["resources"]) == (json.loads(BODY), [sent.id])


def test_a_stream_gets_the_message_under_its_key(aws, name):
    kinesis = client(aws, "kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    destination = Kinesis(region=REGION, stream=name, endpoint_url=aws)
    one, other = letter("customer-7"), letter()
    for each in (one, other):
        assert judged(destination, post(destination.request(each, KEYS, NOW))) == Judgement(200)
    shard = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [(record["Data"], record["PartitionKey"]) for record in records] == [(BODY, "customer-7"), (BODY, other.id)]


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        (lambda url: Sqs(queue_url=f"{url}/123456789012/none", region=REGION), "QueueDoesNotExist"),
        (lambda url: Sns(topic_arn=f"arn:aws:sns:{REGION}:123456789012:none", endpoint_url=url), "NotFound"),
        (lambda url: Kinesis(region=REGION, stream="none", endpoint_url=url), "ResourceNotFoundException"),
    ],
)
def test_what_is_not_there_is_said_by_its_code(aws, destination, code):
    made = destination(aws)
    judgement = judged(made, post(made.request(letter(), KEYS, NOW)))
    assert judgement.status >= 400
    assert code in judgement.problem


SQS = Sqs(queue_url="https://sqs.eu-west-1.amazonaws.com/1/q", region=REGION)
BUS = EventBridge(region=REGION, source="acme")


@pytest.mark.parametrize(
    ("destination", "status", "body", "judgement"),
    [
        (SQS, 400, {"__type": "com.amazonaws.sqs#ThrottlingException"}, Judgement(429, "ThrottlingException")),
        (SQS, 400, {"__type": "RequestThrottled"}, Judgement(429, "RequestThrottled")),
        (SQS, 403, {"__type": "AccessDeniedException", "message": "secret"}, Judgement(403, "AccessDeniedException")),
        (SQS, 503, None, Judgement(503)),
        (SQS, 500, {"__type": 7}, Judgement(500)),
        (BUS, 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}, Judgement(200)),
        (BUS, 200, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]},
         Judgement(400, "InternalFailure")),
        (BUS, 200, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]},
         Judgement(429, "ThrottlingException")),
        (BUS, 200, {"FailedEntryCount": 1}, Judgement(400, "an entry failed")),
        (BUS, 413, {"__type": "ValidationException"}, Judgement(413, "ValidationException")),
    ],
)  # fmt: skip
def test_what_an_answer_means(destination, status, body, judgement):
    assert destination.judge(status, b"<html>" if body is None else json.dumps(body).encode()) == judgement


def test_an_answer_in_xml_is_read_too():
    topic = Sns(topic_arn="arn:aws:sns:eu-west-1:123456789012:t")
    body = (
        b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>m</Message></Error></ErrorResponse>"
    )
    assert topic.judge(400, body) == Judgement(429, "Throttling")


def test_hosts_are_amazons_or_ones_own():
    assert SQS.address == "https://sqs.eu-west-1.amazonaws.com/"
    assert Sns(topic_arn="arn:aws:sns:us-east-2:123456789012:t").address == "https://sns.us-east-2.amazonaws.com/"
    assert Kinesis(region="cn-north-1", stream="s").address == "https://kinesis.cn-north-1.amazonaws.com.cn/"
    assert (
        EventBridge(region=REGION, source="a", endpoint_url="https://vpce.example").address == "https://vpce.example/"
    )


def test_nothing_but_the_session_s_token_and_a_signature_says_whose_keys_they_are():
    made = Kinesis(region=REGION, stream="s").request(letter(), KEYS, NOW)
    assert json.loads(made.body)["Data"] == base64.b64encode(BODY).decode()
    assert KEYS.secret_access_key not in str(made)
