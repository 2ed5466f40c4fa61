"""From rows to what people are shown."""

from dataclasses import asdict

import msgspec

from worksphere_hub import ids
from worksphere_hub.db.pool import Row
from worksphere_hub.events.models import Event, public_id
from worksphere_hub.webhooks.explain import explain
from worksphere_hub.webhooks.models import Endpoint
from worksphere_hub.webhooks.names import delivery_id
from worksphere_hub.webhooks.schemas import (
    AttemptOut,
    DeliveryOut,
    EndpointOut,
    EventOut,
    HeaderOut,
    KeyOut,
    VerdictOut,
)


def endpoint_out(endpoint: Endpoint) -> EndpointOut:
    """An endpoint, without its secrets."""
    return EndpointOut.model_validate(
        {
            **asdict(endpoint.configuration),
            "headers": endpoint.configuration.headers or {},
            "id": ids.encode("whe", endpoint.id),
            "status": endpoint.status,
            "disabled_reason": endpoint.disabled_reason,
            "created_at": endpoint.created_at,
            "updated_at": endpoint.updated_at,
        }
    )


def key_out(row: Row) -> KeyOut:
    """A signing key, without what is secret of it."""
    return KeyOut(
        id=ids.encode("key", row["id"]),
        kind=row["kind"],
        public_key=row["public_key"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def event_out(event: Event, *, with_data: bool) -> EventOut:
    """An event; its data only for those who may see payloads."""
    data = msgspec.json.decode(event.body)["data"] if with_data and event.body is not None else None
    return EventOut(
        id=event.public_id,
        type=event.type,
        occurred_at=event.occurred_at,
        accepted_at=event.accepted_at,
        channels=list(event.channels),
        ordering_key=event.ordering_key,
        origin_id=ids.encode("evt", event.origin) if event.origin else None,
        expunged_at=event.expunged_at,
        data=data,
    )


def delivery_out(row: Row) -> DeliveryOut:
    """A row of `webhook_deliveries`, joined with `event_key` and `event_type`."""
    waiting = row["state"] == "pending" and not row["leased"]
    return DeliveryOut(
        id=delivery_id(row["event_id"], row["endpoint_id"]),
        event_id=public_id(row["event_id"], row["event_key"]),
        event_type=row["event_type"],
        endpoint_id=ids.encode("whe", row["endpoint_id"]),
        state=row["state"],
        reason=row["reason"],
        attempts=row["attempts"],
        next_attempt_at=row["due_at"] if waiting else None,
        ended_at=row["ended_at"],
    )


def verdict_out(row: Row) -> VerdictOut:
    """One endpoint's verdict on an event, with its delivery if it has one."""
    return VerdictOut(
        endpoint_id=ids.encode("whe", row["endpoint_id"]),
        verdict=row["verdict"],
        explanation=explain(row["verdict"], row["state"], row["reason"], row["endpoint_state"]),
        delivery=delivery_out(row) if row["state"] is not None else None,
    )


def attempt_out(row: Row, *, with_payload: bool) -> AttemptOut:
    """A row of `webhook_event_logs`; the response's body only for those who may see payloads."""
    body: bytes | None = row["response_body"]
    return AttemptOut(
        id=ids.encode("att", row["id"]),
        delivery_id=delivery_id(row["event_id"], row["endpoint_id"]),
        event_id=public_id(row["event_id"], row["event_key"]),
        endpoint_id=ids.encode("whe", row["endpoint_id"]),
        attempt=row["attempt"],
        outcome=row["outcome"],
        error_cause=row["error_cause"],
        error_detail=row["error_detail"],
        reclaimed=row["reclaimed"],
        manual=row["manual"],
        batch_id=row["batch_id"],
        fenced=row["fenced"],
        started_at=row["started_at"],
        duration_ms=row["duration_ms"],
        url=row["url"],
        request_headers=_headers(row["request_headers"]),
        status=row["status"],
        response_headers=_headers(row["response_headers"]),
        response_body=body.decode("utf-8", "replace") if body is not None and with_payload else None,
        response_truncated=row["response_truncated"],
        next_attempt_at=row["next_due_at"],
    )


def _headers(pairs: list[list[str]] | None) -> list[HeaderOut]:
    return [HeaderOut(name=name, value=value) for name, value in pairs or []]
