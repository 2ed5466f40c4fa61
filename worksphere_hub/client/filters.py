"""What lists can be searched by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypedDict


class EventFilters(TypedDict, total=False):
    """Of events; all that is given has to hold. `type` may be a prefix (`invoice.*`).

    `attribute` is a path that the event's type declares as an indexed attribute, and the value there. `since` and
    `until` are about when it was accepted.
    """

    type: str | None
    channel: str | None
    ordering_key: str | None
    attribute: tuple[str, str] | None
    idempotency_key: str | None
    since: datetime | None
    until: datetime | None


class DeliveryFilters(TypedDict, total=False):
    """Of deliveries; all that is given has to hold. `event_type` may be a prefix (`invoice.*`).

    `since` and `until` are about when the event was accepted.
    """

    endpoint_id: str | None
    state: str | None
    reason: str | None
    event_type: str | None
    since: datetime | None
    until: datetime | None


class AttemptFilters(TypedDict, total=False):
    """Of attempts; all that is given has to hold. `undelivered` is refused or failed; a status is `404` or `5xx`."""

    outcome: Literal["delivered", "refused", "failed", "undelivered"] | None
    status: str | None
    error_cause: str | None
    since: datetime | None
    until: datetime | None


def as_query(filters: Mapping[str, object], limit: int | None) -> dict[str, object]:
    """Filters as the API takes them: times in ISO, an attribute as `path=value`; `limit` is the size of a page."""
    query: dict[str, object] = {"limit": limit}
    for name, value in filters.items():
        if isinstance(value, datetime):
            query[name] = value.isoformat()
        elif isinstance(value, tuple):
            query[name] = "=".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - two texts
        else:
            query[name] = value
    return query
