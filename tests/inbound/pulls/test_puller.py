"""Fetching from queues: kept before it is acknowledged, once whatever happens, and told of when it cannot be done."""

import asyncio
import base64
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.inbound.conftest import QUICK
from tests.sandbox.receiver import receiving
from tests.webhooks.destinations.amazon import KEYS, REGION, client, queue, received
from tests.webhooks.destinations.conftest import aws, name
from tests.webhooks.destinations.test_pubsub import pem
from worksphere_hub.db.pool import Database
from worksphere_hub.inbound.pulls.puller import Puller

__all__ = ["aws", "name", "pem"]

AUTH = {"type": "aws", "access_key_id": KEYS.access_key_id, "secret_access_key": f"s-{secrets.token_hex(8)}"}
FAST = replace(QUICK, pull_poll=0.05, pull_wait=1, pull_lease=20.0)


def puller(reception, **changes):
    return Puller(reception.worker, reception.vault, reception.egress, replace(FAST, **changes))


async def turn(reception, **changes):
    """One round of a worker: every queue that is due, emptied."""
    made = puller(reception, **changes)
    await made.claim()
    await asyncio.gather(*made._running)


async def source(reception, wanted, secret=None, **given):
    body = {"name": "Q", "verification": {"scheme": "pulled", "queue": wanted}, "secret": secret or AUTH,
            "route": "publish", **given}  # fmt: skip
    answer = await reception.ask("POST", "/v1/inbound-sources", body)
    assert answer.status == 201, answer.body
    return answer.json()


async def standing(reception, made):
    return (await reception.ask("GET", f"/v1/inbound-sources/{made['id']}/pull")).json()


def put(aws, address, *bodies):
    for body in bodies:
        client(aws, "sqs").send_message(
            QueueUrl=address, MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={"Trace": {"DataType": "String", "StringValue": "t-1"}},
        )  # fmt: skip


async def test_what_is_in_a_queue_is_published_as_it_says_and_gone_from_there(reception, aws, name):
    address = queue(aws, name)
    made = await source(reception, {"kind": "aws_sqs", "queue_url": address, "region": REGION})
    assert (made["address"], made["secret"]) == (None, None)
    assert AUTH["secret_access_key"] not in json.dumps(made)
    put(aws, address, *({"type": "order.paid", "data": {"n": n}, "id": f"o_{n}"} for n in range(25)))
    await turn(reception)
    assert await reception.process() == 25
    events = await reception.events()
    assert {(event["type"], event["data"]["n"]) for event in events} == {("order.paid", n) for n in range(25)}
    rows = await reception.messages()
    assert {tuple(map(tuple, json.loads(row["headers"]))) for row in rows} == {(("trace", "t-1"),)}
    shown = await standing(reception, made)
    assert (shown["status"], shown["failures"], shown["fetched"]) == ("active", 0, 25)
    attributes = client(aws, "sqs").get_queue_attributes(QueueUrl=address, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


async def test_a_worker_that_dies_between_keeping_and_saying_so_publishes_nothing_twice(
    reception, aws, name, monkeypatch
):
    address = queue(aws, name, VisibilityTimeout="0")
    made = await source(reception, {"kind": "aws_sqs", "queue_url": address, "region": REGION})
    put(aws, address, {"type": "order.paid", "data": {"n": 1}})
    send = Puller._send

    async def dies(self, request):
        if "DeleteMessage" in request.headers["x-amz-target"]:
            raise asyncio.CancelledError
        return await send(self, request)

    monkeypatch.setattr(Puller, "_send", dies)
    dying = puller(reception)
    await dying.claim()
    await asyncio.wait(dying._running)
    monkeypatch.setattr(Puller, "_send", send)
    assert len(await reception.messages()) == 1
    assert len(received(aws, address)) == 1
    # Its lease keeps others away for as long as it might live.
    assert await puller(reception).claim() == 0
    await reception.admin.execute("update hub.inbound_pulls set due_at = now()")
    await turn(reception)
    await reception.process()
    assert len(await reception.messages()) == len(await reception.events()) == 1
    assert received(aws, address) == []
    assert (await standing(reception, made))["fetched"] == 1


async def test_a_message_that_cannot_be_published_is_kept_and_says_why(reception, aws, name):
    address = queue(aws, name)
    made = await source(reception, {"kind": "aws_sqs", "queue_url": address, "region": REGION})
    put(
        aws, address, "rubbish", {"data": {}}, {"type": "hub.own", "data": {}}, {"type": "a.b", "data": {}, "colour": 1}
    )
    await turn(reception)
    await reception.process()
    assert await reception.events() == []
    listed = (await reception.ask("GET", f"/v1/inbound-sources/{made['id']}/messages")).json()["data"]
    assert {each["state"] for each in listed} == {"failed"}
    assert sorted(each["error"].partition(":")[0] for each in listed) == ["invalid_event"] * 4
    assert received(aws, address) == []


async def test_by_a_type_of_ones_own_any_message_is_an_event(reception, aws, name):
    address = queue(aws, name)
    where = {"kind": "aws_sqs", "queue_url": address, "region": REGION}
    await source(reception, where, route="event", event_type_from={"pointer": "/kind", "prefix": "legacy."})
    put(aws, address, {"kind": "order.paid", "total": 5})
    await turn(reception)
    await reception.process()
    (event,) = await reception.events()
    assert (event["type"], event["data"]) == ("legacy.order.paid", {"kind": "order.paid", "total": 5})


async def test_a_queue_that_refuses_is_left_alone_longer_each_time_and_told_of_once(reception, aws, name):
    made = await source(
        reception, {"kind": "aws_sqs", "queue_url": f"{aws}/123456789012/{name}", "region": REGION}
    )  # fmt: skip
    for failures in (1, 2, 3):
        await reception.admin.execute("update hub.inbound_pulls set due_at = now()")
        await turn(reception, pull_poll=30.0)
        shown = await standing(reception, made)
        assert (shown["status"], shown["failures"]) == ("failing", failures)
        assert "QueueDoesNotExist" in shown["error_code"]
    left = await reception.admin.fetchval("select due_at - now() from hub.inbound_pulls")
    assert 100 < left.total_seconds() <= 120
    queue(aws, name)
    await reception.admin.execute("update hub.inbound_pulls set due_at = now()")
    await turn(reception)
    assert (await standing(reception, made))["status"] == "active"
    told = [event["type"] for event in await reception.events()]
    assert told == ["hub.inbound_source.failing", "hub.inbound_source.recovered"]


async def test_a_source_that_is_switched_off_or_gone_is_asked_nothing(reception, aws, name):
    address = queue(aws, name)
    made = await source(reception, {"kind": "aws_sqs", "queue_url": address, "region": REGION})
    put(aws, address, {"type": "a.b", "data": {}})
    path = f"/v1/inbound-sources/{made['id']}"
    assert (await reception.ask("PATCH", path, {"status": "disabled"})).status == 200
    assert await puller(reception).claim() == 0
    assert (await reception.ask("PATCH", path, {"status": "enabled"})).status == 200
    await turn(reception)
    assert len(await reception.messages()) == 1
    assert (await reception.ask("DELETE", path)).status == 204
    assert await reception.admin.fetchval("select count(*) from hub.inbound_pulls") == 0


async def test_another_credential_is_used_at_once_and_none_is_said(reception, aws, name):
    made = await source(reception, {"kind": "aws_sqs", "queue_url": queue(aws, name), "region": REGION})
    path = f"/v1/inbound-sources/{made['id']}"
    answer = await reception.ask("POST", f"{path}/rotate-secret", {"secret": {**AUTH, "access_key_id": "NEW"}})
    assert (answer.status, answer.json()) == (200, {"secret": None})
    await turn(reception)
    await reception.admin.execute("delete from hub.inbound_source_secrets")
    await reception.admin.execute("update hub.inbound_pulls set due_at = now()")
    await turn(reception)
    assert (await standing(reception, made))["error_code"] == "no_secret"


async def test_two_workers_share_the_queues(reception, aws, name):
    address = queue(aws, name)
    await source(reception, {"kind": "aws_sqs", "queue_url": address, "region": REGION})
    second = await Database.open(reception.worker_url, application="test second", size=2)
    try:
        one = puller(reception)
        other = Puller(second, reception.vault, reception.egress, FAST)
        assert sorted([await one.claim(), await other.claim()]) == [0, 1]
        await asyncio.gather(*one._running, *other._running)
    finally:
        await second.close()


SQS = {"kind": "aws_sqs", "queue_url": "http://127.0.0.1:9/1/q", "region": REGION}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"secret": None}, "secret"),
        ({"secret": "text"}, "secret"),
        ({"secret": {"type": "aws", "access_key_id": "a"}}, "secret"),
        ({"secret": {"type": "azure", "key_name": "n", "key": "k"}}, "secret"),
        ({"verification": {"scheme": "github"}}, "secret"),
        ({"verification": {"scheme": "pulled", "queue": {**SQS, "region": "Europe"}}}, None),
        ({"verification": {"scheme": "pulled", "queue": {"kind": "ftp"}}}, None),
        ({"verification": {"scheme": "pulled", "queue": {**SQS, "queue_url": "http://169.254.169.254/q"}}}, None),
    ],
)
async def test_what_does_not_go_together_is_refused(reception, given, field):
    body = {
        "name": "Q",
        "verification": {"scheme": "pulled", "queue": SQS},
        "secret": AUTH,
        "route": "publish",
        **given,
    }
    answer = await reception.ask("POST", "/v1/inbound-sources", body)
    assert answer.status == 422, answer.body
    assert AUTH["secret_access_key"] not in answer.body.decode()
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field


async def test_nobody_posts_to_a_queue_s_source_or_moves_it(reception):
    made = await source(reception, SQS)
    path = f"/v1/inbound-sources/{made['id']}"
    assert (await reception.ask("POST", f"{path}/rotate-token")).status == 422
    bus = {"scheme": "pulled", "queue": {"kind": "azure_service_bus", "namespace": "acme-bus", "entity": "q"}}
    assert (await reception.ask("PATCH", path, {"verification": bus})).status == 422
    _, key = await reception.organization()
    assert (await reception.ask("GET", f"{path}/pull", key=key)).status == 404
    posted = await reception.source()
    assert (await reception.ask("GET", f"/v1/inbound-sources/{posted['id']}/pull")).status == 404


GOOGLE = "projects/acme/subscriptions/hub"


@asynccontextmanager
async def standin(answers):
    """A provider that answers by a function of path and body."""
    with receiving() as receiver:
        receiver.answer = answers
        yield receiver


async def test_a_subscription_of_googles_is_pulled_and_acknowledged(reception, pem):
    left = [{"ackId": "a-1", "message": {"messageId": "m-1", "data": _base64({"type": "a.b", "data": {"n": 1}}),
                                         "attributes": {"Trace": "t"}}}]  # fmt: skip
    acknowledged = []

    def answers(request):
        body = json.loads(request.body)
        if request.path.endswith(":pull"):
            given = left[: body["maxMessages"]] if not acknowledged else []
            return 200, "application/json", json.dumps({"receivedMessages": given} if given else {}).encode()
        acknowledged.extend(body["ackIds"])
        return 200, "application/json", b"{}"

    async with standin(answers) as receiver:
        wanted = {
            "kind": "google_pubsub",
            "subscription": "projects/acme/subscriptions/hub",
            "endpoint_url": receiver.url,
        }
        account = {"type": "google", "client_email": "a@b.example", "private_key_id": "k", "private_key": pem}
        made = await source(reception, wanted, account)
        await turn(reception)
        await reception.process()
        assert acknowledged == ["a-1"]
        paths = [request.path for request in receiver.everything()]
    assert set(paths) == {
        "/v1/projects/acme/subscriptions/hub:pull", "/v1/projects/acme/subscriptions/hub:acknowledge"
    }  # fmt: skip
    (event,) = await reception.events()
    assert event["data"] == {"n": 1}
    assert (await standing(reception, made))["fetched"] == 1


async def test_an_answer_that_is_too_long_is_asked_for_in_smaller_pieces(reception, pem):
    asked = []

    def answers(request):
        body = json.loads(request.body)
        if not request.path.endswith(":pull"):
            return 200, "application/json", b"{}"
        asked.append(body["maxMessages"])
        if len(asked) > 2:
            return 200, "application/json", b"{}"
        data = _base64({"type": "a.b", "data": "x" * 700_000})
        large = [{"ackId": f"{n}", "message": {"messageId": f"{n}", "data": data}} for n in range(12)]
        large = large[: body["maxMessages"]]
        return 200, "application/json", json.dumps({"receivedMessages": large}).encode()

    async with standin(answers) as receiver:
        wanted = {
            "kind": "google_pubsub",
            "subscription": "projects/acme/subscriptions/hub",
            "endpoint_url": receiver.url,
        }
        account = {"type": "google", "client_email": "a@b.example", "private_key_id": "k", "private_key": pem}
        await source(reception, wanted, account)
        await turn(reception)
    assert asked == [100, 1, 1]
    assert len(await reception.messages()) == 1


def _base64(value):
    return base64.b64encode(json.dumps(value).encode()).decode()
