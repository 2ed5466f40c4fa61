"""Kafka by REST proxies of two versions, whose answers say of each record what became of it."""

import base64
import json

import pytest

from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, letter
from worksphere_hub.webhooks.destinations.destination import Judgement
from worksphere_hub.webhooks.destinations.kafka import KafkaRest

V2 = KafkaRest(url="https://proxy.example/kafka/", topic="orders")
V3 = KafkaRest(url="https://proxy.example/kafka", topic="orders", cluster_id="lkc-1")


def text(encoded):
    return base64.b64decode(encoded)


def test_version_two_gets_the_bytes_and_the_key():
    made = V2.request(letter("customer 7"), "Basic abc", NOW)
    assert (made.method, made.url) == ("POST", "https://proxy.example/kafka/topics/orders")
    assert made.headers["content-type"] == "application/vnd.kafka.binary.v2+json"
    assert made.headers["authorization"] == "Basic abc"
    (record,) = json.loads(made.body)["records"]
    assert (text(record["value"]), text(record["key"])) == (BODY, b"customer 7")
    bare = V2.request(letter(), None, NOW)
    assert "authorization" not in bare.headers
    assert set(json.loads(bare.body)["records"][0]) == {"value"}


def test_version_three_has_headers_too():
    made = V3.request(letter("customer 7"), None, NOW)
    assert made.url == "https://proxy.example/kafka/v3/clusters/lkc-1/topics/orders/records"
    record = json.loads(made.body)
    assert (record["value"]["type"], text(record["value"]["data"])) == ("BINARY", BODY)
    assert (record["key"]["type"], text(record["key"]["data"])) == ("BINARY", b"customer 7")
    assert {each["name"]: text(each["value"]).decode() for each in record["headers"]} == HEADERS
    assert "key" not in json.loads(V3.request(letter(), None, NOW).body)


@pytest.mark.parametrize(
    ("destination", "status", "body", "judgement"),
    [
        (V2, 200, {"offsets": [{"partition": 0, "offset": 7, "error_code": None, "error": None}]}, Judgement(200)),
        (
            V2,
            200,
            {"offsets": [{"partition": None, "error_code": 50003, "error": "x"}]},
            Judgement(400, "error_code 50003"),
        ),
        (V2, 404, {"error_code": 40401, "message": "Topic not found."}, Judgement(404, "error_code 40401")),
        (V3, 200, {"error_code": 200, "offset": 7}, Judgement(200)),
        (V3, 200, {"error_code": 404, "message": "x"}, Judgement(400, "error_code 404")),
        (V3, 200, {"error_code": 429}, Judgement(429, "error_code 429")),
        (V3, 502, None, Judgement(502)),
    ],
)
def test_what_an_answer_means(destination, status, body, judgement):
    assert destination.judge(status, b"" if body is None else json.dumps(body).encode()) == judgement
