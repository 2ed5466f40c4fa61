"""Service Bus and Event Hubs, as Microsoft's pages have their requests."""

import json
from urllib.parse import parse_qs

import pytest

from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, letter
from worksphere_hub.clouds.credentials import SharedKey
from worksphere_hub.webhooks.destinations.azure import EventHubs, ServiceBus
from worksphere_hub.webhooks.destinations.destination import Judgement

KEY = SharedKey("RootManageSharedAccessKey", "c2VjcmV0IGtleSBvZiB0aGUgbmFtZXNwYWNlPT0=")
QUEUE = ServiceBus(namespace="acme-bus", entity="orders")
HUB = EventHubs(namespace="acme-hubs", event_hub="orders")


def test_a_queue_gets_a_list_of_one_with_its_properties():
    sent = letter("customer 7")
    made = QUEUE.request(sent, KEY, NOW)
    assert made.url == "https://acme-bus.servicebus.windows.net/orders/messages"
    assert made.headers["content-type"] == "application/vnd.microsoft.servicebus.json"
    assert json.loads(made.body) == [
        {
            "Body": BODY.decode(),
            "UserProperties": HEADERS,
            "BrokerProperties": {"MessageId": sent.id, "Label": "order.paid", "SessionId": "customer 7"},
        }
    ]
    until = int(parse_qs(made.headers["authorization"].partition(" ")[2])["se"][0])
    assert until == int(NOW.timestamp()) + 3600
    assert KEY.key not in str(made)
    assert "SessionId" not in json.loads(QUEUE.request(letter(), KEY, NOW).body)[0]["BrokerProperties"]


def test_an_event_hub_gets_its_partition_key_beside():
    made = HUB.request(letter("customer 7"), KEY, NOW)
    assert made.url == "https://acme-hubs.servicebus.windows.net/orders/messages?timeout=60&api-version=2014-01"
    assert json.loads(made.headers["brokerproperties"]) == {"PartitionKey": "customer 7"}
    assert json.loads(made.body) == [{"Body": BODY.decode(), "UserProperties": HEADERS}]
    assert "brokerproperties" not in HUB.request(letter(), KEY, NOW).headers


def test_another_host_is_asked_with_the_proof_for_the_namespace():
    own = ServiceBus(namespace="acme-bus", entity="a/b", endpoint_url="https://bus.example/")
    made = own.request(letter(), KEY, NOW)
    assert made.url == "https://bus.example/a/b/messages"
    assert "acme-bus.servicebus.windows.net" in made.headers["authorization"]


@pytest.mark.parametrize("status", [201, 401, 403, 410, 500])
def test_answers_mean_what_http_has_them_mean(status):
    assert QUEUE.judge(status, b"") == Judgement(status)
