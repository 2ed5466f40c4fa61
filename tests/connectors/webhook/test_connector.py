"""Webhooks of any kind: a message is sent once under its id, what comes is one fact."""

import pytest

from tests.sdk.scripted import ScriptedApi
from worksphere_hub.connectors.webhook.connector import CONNECTOR
from worksphere_hub.events.grammar import is_event_type
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.errors import Rejected, Unexpected
from worksphere_hub.sdk.inbound import Message


async def test_a_message_is_sent_under_its_id():
    api = ScriptedApi(lambda _: (202, {}), url="https://hooks.example/x?a=b", headers={"x-tenant": "7"})
    told = await CONNECTOR.actions["send"].run(api, {"type": "order.paid", "data": {"n": 1}, "id": "o-1"})
    assert told == {"status": 202, "id": "o-1"}
    (sent,) = api.requests
    assert (sent.method, sent.path, sent.idempotent) == ("POST", "https://hooks.example/x?a=b", False)
    assert sent.headers == {"x-tenant": "7", "webhook-id": "o-1"}
    assert sent.json == {"id": "o-1", "type": "order.paid", "data": {"n": 1}}
    first = await CONNECTOR.actions["send"].run(api, {"type": "a", "data": {}})
    assert first["id"] != (await CONNECTOR.actions["send"].run(api, {"type": "a", "data": {}}))["id"]


async def test_a_receiver_that_refuses_is_told():
    api = ScriptedApi(lambda _: (400, {}), url="https://hooks.example")
    with pytest.raises(Rejected):
        await CONNECTOR.actions["send"].run(api, {"type": "a", "data": {}})


@pytest.mark.parametrize(
    ("body", "event_type", "data"),
    [
        (b'{"type":"order.paid","data":{"n":1}}', "webhook.order.paid", {"n": 1}),
        (b'{"type":"Order:Paid/v2","data":[1]}', "webhook.order_paid_v2", {"value": [1]}),
        (b'{"type":"ping"}', "webhook.ping", {"value": None}),
    ],
)
def test_what_comes_is_one_fact(body, event_type, data):
    (told,) = CONNECTOR.inbound.read(Message({"webhook-id": "m1"}, {}, body))
    assert (told.type, told.id, dict(told.data)) == (event_type, "m1", data)
    assert is_event_type(told.type)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"type":5}', b'{"type":"a b"}', b'{"type":"' + b"a" * 101 + b'"}', b'{"type":"a..b"}']
)
def test_what_has_no_type_is_not_read(body):
    with pytest.raises(Unexpected):
        boundary.facts(CONNECTOR.inbound, Message({}, {}, body))
