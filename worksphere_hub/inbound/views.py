"""From rows to what people are shown."""

import base64
from typing import Any

from worksphere_hub import ids
from worksphere_hub.db.pool import Row
from worksphere_hub.inbound.models import Source
from worksphere_hub.inbound.schemas import (
    HeaderPair,
    MessageOut,
    MessageWithBody,
    PullOut,
    RefusalOut,
    SourceOut,
    SubscriptionOut,
)

# What does not expire is due in the last year there is.
_FAR_OFF = 9_000


def source_out(source: Source) -> SourceOut:
    """A source, without its address and its secrets."""
    return SourceOut.model_validate(
        {
            "id": ids.encode("ins", source.id),
            "name": source.name,
            "verification": source.scheme,
            "route": source.route,
            "endpoint_id": ids.encode("whe", source.endpoint) if source.endpoint else None,
            "event_type": source.event_type,
            "event_type_from": source.event_type_from,
            "status": source.status,
            "size_limit": source.size_limit,
            "tolerance": source.tolerance,
            "rate_limit": source.rate_limit,
            "instance_id": ids.encode("inst", source.instance) if source.instance else None,
            "connection_id": ids.encode("con", source.connection) if source.connection else None,
            "integration": source.integration,
            "fed": source.fed,
            "created_at": source.created_at,
            "updated_at": source.updated_at,
        }
    )


def pull_out(row: Row) -> PullOut:
    """A row of `inbound_pulls`."""
    return PullOut(
        status=row["status"],
        failures=row["failures"],
        error_code=row["error_code"],
        error=row["error"],
        fetched=row["fetched"],
        fetched_at=row["fetched_at"],
        next_attempt_at=row["due_at"],
    )


def subscription_out(row: Row) -> SubscriptionOut:
    """A row of `inbound_subscriptions`, without its address."""
    never = row["due_at"].year > _FAR_OFF
    return SubscriptionOut(
        id=ids.encode("sub", row["id"]),
        connection_id=ids.encode("con", row["connection_id"]),
        source_id=ids.encode("ins", row["source_id"]),
        wanted=row["wanted"],
        status=row["status"],
        expires_at=row["expires_at"],
        renewed_at=row["renewed_at"],
        next_attempt_at=None if never else row["due_at"],
        failures=row["failures"],
        error_code=row["error_code"],
        error=row["error"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def message_out(row: Row) -> MessageOut:
    """A message without its body."""
    return MessageOut.model_validate(_message(row))


def message_with_body(row: Row, *, with_payload: bool) -> MessageWithBody:
    """A message; its body only for those who may see payloads."""
    body = base64.b64encode(row["body"]).decode() if with_payload else None
    return MessageWithBody.model_validate({**_message(row), "body_base64": body})


def refusal_out(row: Row) -> RefusalOut:
    """A row of `inbound_refusals`."""
    return RefusalOut(
        day=row["day"].isoformat(),
        reason=row["reason"],
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        last_address=row["last_address"],
    )


def _message(row: Row) -> dict[str, Any]:
    waits = row["state"] == "received" and not row["leased"]
    return {
        "id": ids.encode("inm", row["id"]),
        "source_id": ids.encode("ins", row["source_id"]),
        "provider_event_id": row["provider_event_id"],
        "received_at": row["received_at"],
        "verdict": row["verdict"],
        "state": row["state"],
        "attempts": row["attempts"],
        "replays": row["replays"],
        "repeats": row["repeats"],
        "next_attempt_at": row["due_at"] if waits else None,
        "event_id": ids.encode("evt", row["event_id"]) if row["event_id"] else None,
        "event_ids": [ids.encode("evt", each) for each in row["event_ids"] or filter(None, [row["event_id"]])],
        "passed_on": row["passed_on"],
        "error": row["error"],
        "method": row["method"],
        "query": row["query"],
        "size": row["size"],
        "headers": [HeaderPair(name=name, value=value) for name, value in row["headers"]],
    }
