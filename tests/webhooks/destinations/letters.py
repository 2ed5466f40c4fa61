"""Letters, and a way to put a request on the wire."""

import uuid
from datetime import UTC, datetime

import httpx

from worksphere_hub import ids
from worksphere_hub.webhooks.destinations.destination import Letter

NOW = datetime(2026, 11, 24, 3, 4, 5, tzinfo=UTC)
BODY = '{"type":"order.paid","timestamp":"2026-11-24T03:04:05Z","data":{"total":"12.50 €"}}'.encode()
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1795489445", "webhook-signature": "v1,c2ln v1a,YmFy"}


def letter(key=None, body=BODY, event=None, **headers):
    event = event or ids.new()
    return Letter(event, ids.encode("evt", event), body, {**HEADERS, **headers}, key)


def post(outgoing):
    """Send a request as it is."""
    with httpx.Client(trust_env=False) as client:
        request = client.build_request(
            outgoing.method, outgoing.url, headers=dict(outgoing.headers), content=outgoing.body
        )
        return client.send(request)


def judged(destination, answer):
    return destination.judge(answer.status_code, answer.content)


def event_at(moment):
    """An event's id from that moment."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7000 << 64 | 0x8000 << 48 | 1)
