"""What an endpoint may say of its destination, and what is made of its credentials."""

import pytest

from worksphere_hub.webhooks.destinations.catalogue import KINDS, read_destination
from worksphere_hub.webhooks.errors import InvalidEndpoint

SOUND = [
    {"kind": "aws_sqs", "queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q", "region": "eu-west-1"},
    {"kind": "aws_sns", "topic_arn": "arn:aws:sns:eu-west-1:123456789012:t"},
    {"kind": "aws_eventbridge", "region": "us-gov-east-1", "source": "acme.shop"},
    {"kind": "aws_kinesis", "region": "eu-west-1", "stream": "orders"},
    {"kind": "aws_s3", "region": "eu-west-1", "bucket": "orders", "prefix": "a/"},
    {"kind": "google_pubsub", "topic": "projects/acme/topics/orders"},
    {"kind": "azure_service_bus", "namespace": "acme-bus", "entity": "orders"},
    {"kind": "azure_event_hubs", "namespace": "acme-hubs", "event_hub": "orders"},
    {"kind": "kafka_rest", "url": "https://proxy.example", "topic": "orders"},
    {"kind": "rabbitmq", "url": "https://rabbit.example", "exchange": "orders"},
]


@pytest.mark.parametrize("raw", SOUND, ids=lambda raw: raw["kind"])
def test_each_kind_is_read_has_an_address_and_says_what_it_is_shown(raw):
    found = read_destination(raw)
    assert found.address.startswith("https://")
    assert found.shown


def test_there_are_as_many_as_are_known():
    assert {type(read_destination(raw)) for raw in SOUND} == set(KINDS)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ([], "destination"),
        ({}, "destination"),
        ({"kind": "aws_sqs"}, "destination"),
        ({"kind": "ftp"}, "destination.kind"),
        ({**SOUND[0], "region": "Europe"}, "destination.region"),
        ({**SOUND[0], "queue_url": "https://user@host/1/q"}, "destination.queue_url"),
        ({**SOUND[1], "topic_arn": "arn:aws:sqs:eu-west-1:123456789012:t"}, "destination.topic_arn"),
        ({**SOUND[2], "source": "aws.ec2"}, "destination.source"),
        ({**SOUND[4], "bucket": "UPPER"}, "destination.bucket"),
        ({**SOUND[4], "prefix": "/a"}, "destination.prefix"),
        ({**SOUND[4], "prefix": "a?b"}, "destination.prefix"),
        ({**SOUND[4], "prefix": "a/../b/"}, "destination.prefix"),
        ({**SOUND[4], "endpoint_url": "https://host/path"}, "destination.endpoint_url"),
        ({**SOUND[5], "topic": "projects/acme/subscriptions/x"}, "destination.topic"),
        ({**SOUND[6], "namespace": "acme.evil.example/"}, "destination.namespace"),
        ({**SOUND[8], "topic": "a/b"}, "destination.topic"),
        ({**SOUND[9], "password": "hunter2"}, "destination"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(raw, field):
    with pytest.raises(InvalidEndpoint) as refused:
        read_destination(raw)
    (problem,) = refused.value.problems
    assert problem.field == field
    for value in raw.values() if isinstance(raw, dict) else ():
        assert value == "ftp" or value not in problem.message
