"""Service Bus: one message at a time, locked, and unlocked only at the place that was asked."""

import pytest

from tests.webhooks.destinations.letters import NOW
from worksphere_hub.clouds.credentials import SharedKey
from worksphere_hub.inbound.pulls.queue import Answered, Fetched, PullRefused
from worksphere_hub.inbound.pulls.service_bus import ServiceBus

QUEUE = ServiceBus(kind="azure_service_bus", namespace="acme-bus", entity="orders/subscriptions/hub")
KEY = SharedKey("n", "k")
PLACE = "orders/subscriptions/hub/messages/31907572/7da9cfd5"
LOCKED = {
    "brokerproperties": '{"MessageId":"m-1","LockToken":"7da9cfd5","SequenceNumber":1}',
    "location": f"https://acme-bus.servicebus.windows.net/{PLACE}",
    "content-type": "application/json", "date": "x", "priority": '"High"',
}  # fmt: skip


def test_it_is_asked_for_the_first_and_told_where_it_is_locked():
    asked = QUEUE.receive(KEY, NOW, 10, 100)
    assert asked.url == "https://acme-bus.servicebus.windows.net/orders/subscriptions/hub/messages/head?timeout=10"
    (found,) = QUEUE.read(Answered(201, LOCKED, b"{}"))
    assert found == Fetched("m-1", b"{}", {"priority": "High"}, PLACE)
    (kept,) = QUEUE.acknowledge(KEY, NOW, [found])
    assert (kept.method, kept.url) == ("DELETE", f"https://acme-bus.servicebus.windows.net/{PLACE}")
    assert QUEUE.read(Answered(204, {}, b"")) == []


@pytest.mark.parametrize(
    ("status", "changed", "code"),
    [
        (201, {"location": "https://evil.example/elsewhere/messages/1/2"}, "unexpected"),
        (201, {"location": ""}, "unexpected"), (201, {"brokerproperties": "no"}, "unexpected"),
        (201, {"brokerproperties": '{"MessageId":7}'}, "unexpected"), (401, {}, "status_401"), (410, {}, "status_410"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_said(status, changed, code):
    with pytest.raises(PullRefused) as refused:
        QUEUE.read(Answered(status, LOCKED | changed, b""))
    assert refused.value.code == code


def test_a_lock_that_names_another_host_is_asked_for_here():
    (found,) = QUEUE.read(Answered(201, LOCKED | {"location": f"https://evil.example/{PLACE}"}, b""))
    (kept,) = QUEUE.acknowledge(KEY, NOW, [found])
    assert kept.url.startswith("https://acme-bus.servicebus.windows.net/")
