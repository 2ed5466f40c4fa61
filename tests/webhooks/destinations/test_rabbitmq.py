"""RabbitMQ by its management API; `HUB_TEST_RABBITMQ=http://guest:guest@127.0.0.1:15672` names a real one to ask."""

import base64
import json
import os
from urllib.parse import urlsplit

import httpx
import pytest

from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, judged, letter, post
from worksphere_hub.webhooks.destinations.destination import Judgement
from worksphere_hub.webhooks.destinations.rabbitmq import RabbitMq

EXCHANGE = RabbitMq(url="https://rabbit.example:15671/", exchange="orders", vhost="/")


def test_a_message_is_published_to_last_under_its_type():
    sent = letter()
    made = EXCHANGE.request(sent, "Basic abc", NOW)
    assert made.url == "https://rabbit.example:15671/api/exchanges/%2F/orders/publish"
    assert made.headers["authorization"] == "Basic abc"
    assert json.loads(made.body) == {
        "properties": {
            "delivery_mode": 2, "message_id": sent.id, "type": "order.paid", "timestamp": int(NOW.timestamp()),
            "content_type": "application/json", "headers": HEADERS,
        },
        "routing_key": "order.paid", "payload": BODY.decode(), "payload_encoding": "string",
    }  # fmt: skip


def test_names_cannot_leave_their_place_in_the_path():
    odd = RabbitMq(url="https://rabbit.example", exchange="a/../b", vhost="x/y", routing_key="k")
    made = odd.request(letter(), None, NOW)
    assert made.url == "https://rabbit.example/api/exchanges/x%2Fy/a%2F..%2Fb/publish"
    assert json.loads(made.body)["routing_key"] == "k"


@pytest.mark.parametrize(
    ("status", "body", "judgement"),
    [
        (200, b'{"routed":true}', Judgement(200)),
        (200, b'{"routed":false}', Judgement(400, "no queue is bound for its routing key")),
        (200, b"<html>", Judgement(400, "no queue is bound for its routing key")),
        (404, b'{"error":"Object Not Found"}', Judgement(404)),
    ],
)
def test_what_an_answer_means(status, body, judgement):
    assert EXCHANGE.judge(status, body) == judgement


@pytest.mark.skipif("HUB_TEST_RABBITMQ" not in os.environ, reason="HUB_TEST_RABBITMQ names a real RabbitMQ to ask")
def test_a_real_one_takes_it(name):
    parts = urlsplit(os.environ["HUB_TEST_RABBITMQ"])
    root = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    basic = "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    with httpx.Client(base_url=root, headers={"authorization": basic}) as client:
        assert client.put(f"/api/exchanges/%2F/{name}", json={"type": "topic"}).status_code in {201, 204}
        destination = RabbitMq(url=root, exchange=name)
        assert judged(destination, post(destination.request(letter(), basic, NOW))).problem.startswith("no queue")
        client.put(f"/api/queues/%2F/{name}", json={})
        client.post(f"/api/bindings/%2F/e/{name}/q/{name}", json={"routing_key": "order.*"})
        assert judged(destination, post(destination.request(letter(), basic, NOW))) == Judgement(200)
        wanted = {"count": 5, "ackmode": "ack_requeue_false", "encoding": "auto"}
        (message,) = client.post(f"/api/queues/%2F/{name}/get", json=wanted).json()
        assert message["payload"].encode() == BODY
        assert message["properties"]["headers"] == HEADERS
        client.delete(f"/api/queues/%2F/{name}")
        client.delete(f"/api/exchanges/%2F/{name}")
        missing = RabbitMq(url=root, exchange=f"{name}-none")
        assert judged(missing, post(missing.request(letter(), basic, NOW))).status == 400
