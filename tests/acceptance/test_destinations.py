"""Messages to queues, topics, streams and buckets, through a running hub: as Amazon's own client finds them there."""

import json
import secrets

import pytest
from standardwebhooks import Webhook

from tests.acceptance.test_main_job import create, until
from tests.webhooks.destinations.amazon import KEYS, REGION, client, queue, received
from tests.webhooks.destinations.conftest import aws, name

__all__ = ["aws", "name"]

AUTH = {"type": "aws", "access_key_id": KEYS.access_key_id, "secret_access_key": f"secret-{secrets.token_hex(8)}"}


async def register(hub, destination, status=201, **given):
    wanted = {"destination": destination, "auth": AUTH, **given}
    answered, made = await hub.request("POST", "/v1/webhook-endpoints", wanted)
    assert answered == status, made
    return made


async def publish(hub, event_type, data):
    status, accepted = await hub.request("POST", "/v1/events", {"type": event_type, "data": data})
    assert status == 202, accepted
    return accepted["id"]


async def attempts(hub, endpoint, outcome):
    """The attempts at an endpoint, once there is one of that outcome."""
    path = f"/v1/webhook-endpoints/{endpoint['id']}/attempts"

    async def there():
        return any(each["outcome"] == outcome for each in (await hub.request("GET", path))[1]["data"])

    await until(there)
    return (await hub.request("GET", path))[1]["data"]


async def test_a_queue_gets_what_a_receiver_would_and_verifies_it_likewise(hub, aws, name):
    kind = f"dest.{name}"
    address = queue(aws, name)
    endpoint = await register(
        hub, {"kind": "aws_sqs", "queue_url": address, "region": REGION}, event_types=[kind],
        filter="data.total > 5", transform='{"type": type, "total": data.total}', signatures=["v1", "v1a"],
    )  # fmt: skip
    assert endpoint["url"] is None
    assert endpoint["destination"]["kind"] == "aws_sqs"
    assert "secret_access_key" not in json.dumps(endpoint)
    await publish(hub, kind, {"total": 3})
    event = await publish(hub, kind, {"total": 7})
    shown = await attempts(hub, endpoint, "delivered")
    (message,) = received(aws, address)
    proof = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert proof["webhook-id"] == event
    assert Webhook(endpoint["secret"]).verify(message["Body"], proof) == {"type": kind, "total": 7}
    headers = {each["name"]: each["value"] for each in shown[0]["request_headers"]}
    assert headers["authorization"] == "(not recorded)"
    assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert AUTH["secret_access_key"] not in json.dumps(shown) + "".join(hub.lines)


async def test_what_is_not_taken_is_tried_again_with_the_reason_on_record(hub, aws, name):
    kind = f"dest.{name}"
    policy = {"kind": "schedule", "waits": [0.2] * 50, "jitter": 0}
    destination = {"kind": "aws_sqs", "queue_url": f"{aws}/123456789012/{name}", "region": REGION}
    endpoint = await register(hub, destination, event_types=[kind], retry_policy=policy)
    await publish(hub, kind, {"n": 1})
    shown = await attempts(hub, endpoint, "refused")
    assert (shown[0]["status"], "QueueDoesNotExist" in shown[0]["error_detail"]) == (400, True)
    # Somebody makes the queue, and the message comes after all.
    address = queue(aws, name)
    await attempts(hub, endpoint, "delivered")
    (message,) = received(aws, address)
    assert json.loads(message["Body"])["data"] == {"n": 1}


async def test_a_bucket_has_one_object_of_a_message_that_is_sent_twice(hub, aws, name):
    kind = f"dest.{name}"
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    destination = {"kind": "aws_s3", "bucket": name, "region": REGION, "prefix": "hub/", "endpoint_url": aws}
    endpoint = await register(hub, destination, event_types=[kind])
    event = await publish(hub, kind, {"n": 1})
    (first,) = await attempts(hub, endpoint, "delivered")
    assert first["url"].startswith(f"{aws}/{name}/hub/20")
    _, again = await hub.request("POST", f"/v1/events/{event}/replay", {"endpoint_ids": [endpoint["id"]]})
    assert again == {"queued": 1}

    async def sent():
        path = f"/v1/webhook-endpoints/{endpoint['id']}/attempts"
        return len((await hub.request("GET", path))[1]["data"])

    await until(sent, 2)
    (found,) = s3.list_objects_v2(Bucket=name)["Contents"]
    assert json.loads(s3.get_object(Bucket=name, Key=found["Key"])["Body"].read())["data"] == {"n": 1}


async def test_lanes_keep_their_order_in_a_fifo_queue(hub, aws, name):
    kind = f"dest.{name}"
    address = queue(aws, f"{name}.fifo", FifoQueue="true")
    destination = {"kind": "aws_sqs", "queue_url": address, "region": REGION}
    endpoint = await register(hub, destination, event_types=[kind], ordering="key")
    for number in range(5):
        wanted = {"type": kind, "data": {"n": number}, "ordering_key": "customer-7"}
        assert (await hub.request("POST", "/v1/events", wanted))[0] == 202

    async def there():
        _, answer = await hub.request("GET", f"/v1/deliveries?endpoint_id={endpoint['id']}&state=delivered")
        return len(answer["data"])

    await until(there, 5)
    found = received(aws, address)
    assert [json.loads(each["Body"])["data"]["n"] for each in found] == [0, 1, 2, 3, 4]
    assert {each["Attributes"]["MessageGroupId"] for each in found} == {"customer-7"}


SQS = {"kind": "aws_sqs", "queue_url": "http://127.0.0.1:9/1/q", "region": REGION}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"auth": None}, "auth"),
        ({"auth": {"type": "bearer", "token": "t"}}, "auth.type"),
        ({"auth": {"type": "aws", "access_key_id": "a"}}, "auth"),
        ({"url": "https://example.com/hooks"}, "url"),
        ({"method": "PUT"}, "method"),
        ({"batch_size": 5}, "batch_size"),
        ({"compression": "gzip"}, "compression"),
        ({"destination": {**SQS, "region": "Europe"}}, "destination.region"),
        ({"destination": {"kind": "ftp"}}, "destination.kind"),
        ({"destination": None, "url": "http://127.0.0.1:9/"}, "auth.type"),
        ({"kind": "pull"}, "destination"),
        ({"destination": {"kind": "aws_eventbridge", "region": REGION, "source": "a", "endpoint_url": "http://127.0.0.1:9"},
          "encryption_key": {"kty": "OKP", "crv": "X25519", "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}},
         "encryption_key"),
    ],
)  # fmt: skip
async def test_what_does_not_go_together_is_refused_by_its_field(hub, given, field):
    status, problem = await hub.request("POST", "/v1/webhook-endpoints", {"destination": SQS, "auth": AUTH, **given})
    assert status == 422, problem
    assert problem["errors"][0]["field"] == field
    assert AUTH["secret_access_key"] not in json.dumps(problem)


async def test_a_destination_stays_of_its_kind_and_is_guarded_like_any_address(hub, receiver_url):
    endpoint = await register(hub, SQS)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    status, changed = await hub.request("PATCH", path, {"destination": {**SQS, "region": "eu-west-2"}})
    assert (status, changed["destination"]["region"]) == (200, "eu-west-2")
    kinesis = {"kind": "aws_kinesis", "region": REGION, "stream": "s"}
    for change in ({"destination": kinesis}, {"destination": None, "url": receiver_url}, {"auth": False}):
        status, problem = await hub.request("PATCH", path, change)
        assert status == 422, problem
    plain = await create(hub, receiver_url, ["none.at.all"])
    status, _ = await hub.request("PATCH", f"/v1/webhook-endpoints/{plain['id']}", {"destination": SQS, "url": None})
    assert status == 422
    # The metadata service of a cloud is no queue.
    for queue_url in ("http://169.254.169.254/latest/meta-data", "https://user:pw@sqs.example/1/q"):
        problem = await register(hub, {**SQS, "queue_url": queue_url}, 422)
        assert problem["code"] in {"egress_refused", "invalid_endpoint", "address_forbidden"}, problem


@pytest.fixture
def receiver_url():
    return "http://127.0.0.1:9/hooks"
