"""A bucket: an object a message, by day, replaced when it is sent again."""

from datetime import UTC, datetime

import pytest

from tests.webhooks.destinations.amazon import KEYS, REGION, client
from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, event_at, judged, letter, post
from worksphere_hub import ids
from worksphere_hub.webhooks.destinations.destination import Judgement
from worksphere_hub.webhooks.destinations.s3 import S3, made_at

NEWYEAR = event_at(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_an_object_a_message_and_one_of_two_attempts(aws, name):
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    destination = S3(bucket=name, region=REGION, prefix="hub/orders/", endpoint_url=aws)
    for attempt in ("1", "2"):
        sent = letter(event=NEWYEAR, **{"webhook-timestamp": attempt})
        assert judged(destination, post(destination.request(sent, KEYS, NOW))) == Judgement(200)
    key = f"hub/orders/2026/12/31/{ids.encode('evt', NEWYEAR)}.json"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=name)["Contents"]] == [key]
    found = s3.get_object(Bucket=name, Key=key)
    assert found["Body"].read() == BODY
    assert found["Metadata"] == {**HEADERS, "webhook-timestamp": "2"}
    assert found["ContentType"] == "application/json"


def test_a_bucket_that_is_not_there_is_said(aws):
    destination = S3(bucket="none-at-all", region=REGION, endpoint_url=aws)
    assert judged(destination, post(destination.request(letter(), KEYS, NOW))) == Judgement(404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"bucket": "orders"}, "https://orders.s3.eu-west-1.amazonaws.com/"),
        ({"bucket": "my.orders"}, "https://s3.eu-west-1.amazonaws.com/my.orders/"),
        ({"bucket": "orders", "endpoint_url": "https://minio.example/"}, "https://minio.example/orders/"),
        ({"bucket": "orders", "region": "cn-north-1"}, "https://orders.s3.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_where_a_bucket_is(given, address):
    assert S3(**{"region": REGION, **given}).address == address


def test_when_an_event_was_made():
    assert made_at(NEWYEAR) == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_prefix_of_odd_letters_is_signed_as_it_is_sent(aws, name):
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    destination = S3(bucket=name, region=REGION, prefix="it's (a) test!*/", endpoint_url=aws)
    made = destination.request(letter(event=NEWYEAR), KEYS, NOW)
    assert "%27s" in made.url
    assert judged(destination, post(made)) == Judgement(200)
    (found,) = s3.list_objects_v2(Bucket=name)["Contents"]
    assert found["Key"].startswith("it's (a) test!*/2026/12/31/")
