"""Shopify."""

from dataclasses import replace

from tests.inbound.schemes.samples import shopify, with_header
from worksphere_hub.inbound.schemes.catalogue import verify


def event_id(request) -> str | None:
    return verify(SAMPLE.scheme, request, SAMPLE.secrets).event_id


SAMPLE = shopify()


def test_one_event_under_two_topics_is_two():
    assert event_id(SAMPLE.received) == "e-1:orders/create"
    assert event_id(with_header(SAMPLE, "x-shopify-topic", "orders/paid")) == "e-1:orders/paid"


def test_without_an_event_id_the_webhook_id_tells():
    without = with_header(SAMPLE, "x-shopify-event-id", None)
    assert event_id(without) is None
    assert event_id(replace(without, headers=(*without.headers, ("x-shopify-webhook-id", "w-1")))) == "w-1"
