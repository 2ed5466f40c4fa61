"""PURE: from what a publisher sends to the bytes that are stored, signed and delivered."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from worksphere_hub import ids
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import grammar
from worksphere_hub.events.errors import EventTooLarge, InvalidEvent
from worksphere_hub.events.models import NewEvent
from worksphere_hub.events.settings import EventSettings

_MISSING = msgspec.Raw()


class EventInput(msgspec.Struct, forbid_unknown_fields=True):
    """One event as a publisher writes it. `data` stays the very bytes that came."""

    type: str
    data: msgspec.Raw = _MISSING
    id: str | None = None
    occurred_at: datetime | None = None
    channels: list[str] | None = None
    ordering_key: str | None = None


def prepare(
    given: EventInput,
    org: UUID,
    now: datetime,
    settings: EventSettings,
    *,
    idempotency_key: str | None = None,
    where: str = "",
) -> NewEvent:
    """Check one event and write its message. `where` is the path of the event in the request, for the error."""
    problems = _problems(given, now, settings, where)
    if problems:
        raise InvalidEvent(problems[0].field + " " + problems[0].message + ".", problems=problems)
    occurred_at = given.occurred_at or now
    data = bytes(given.data)
    body = message_body(given.type, occurred_at, data)
    if len(body) > settings.body_limit:
        raise EventTooLarge(
            f"The event has {len(body)} bytes; the limit is {settings.body_limit}. Send a reference instead."
        )
    claims: tuple[tuple[str, str, bytes], ...] = ()
    if given.id is not None or idempotency_key is not None:
        fingerprint = _fingerprint(given, data)
        claims = tuple(
            (scope, key, fingerprint)
            for scope, key in (("event_id", given.id), ("event", idempotency_key))
            if key is not None
        )
    channels = tuple(sorted(set(given.channels))) if given.channels else ()
    return NewEvent(
        org,
        ids.new_hex(),
        given.id,
        given.type,
        body,
        occurred_at,
        now,
        claims,
        channels=channels,
        ordering_key=given.ordering_key,
    )


def message_body(event_type: str, occurred_at: datetime, data: bytes) -> bytes:
    """The Standard Webhooks payload. The type needs no escaping: its grammar has no character that would."""
    stamp = occurred_at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return b'{"type":"%b","timestamp":"%bZ","data":%b}' % (event_type.encode(), stamp.encode(), data)


def _problems(given: EventInput, now: datetime, settings: EventSettings, where: str) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if not grammar.is_event_type(given.type):
        found.append(FieldProblem(f"{where}type", grammar.TYPE_RULE))
    elif grammar.is_hub_type(given.type):
        found.append(FieldProblem(f"{where}type", grammar.HUB_TYPE_RULE))
    if given.data is _MISSING or not bytes(given.data):
        found.append(FieldProblem(f"{where}data", "is missing; send {} for an event without data"))
    if given.id is not None:
        if not grammar.is_key(given.id):
            found.append(FieldProblem(f"{where}id", grammar.KEY_RULE))
        elif grammar.is_reserved(given.id):
            found.append(FieldProblem(f"{where}id", grammar.RESERVED_RULE))
    if given.occurred_at is not None:
        if given.occurred_at.tzinfo is None:
            found.append(FieldProblem(f"{where}occurred_at", "needs a time zone, e.g. 2026-11-23T10:00:00Z"))
        elif given.occurred_at > now + timedelta(seconds=settings.future_limit):
            ahead = (
                f"lies in the future; it may be at most {settings.future_limit:.0f} seconds ahead of the hub's clock"
            )
            found.append(FieldProblem(f"{where}occurred_at", ahead))
    found += _routing_problems(given, where)
    return found


def _routing_problems(given: EventInput, where: str) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if given.channels is not None and not grammar.are_channels(given.channels):
        found.append(FieldProblem(f"{where}channels", grammar.CHANNELS_RULE))
    if given.ordering_key is not None and not grammar.is_ordering_key(given.ordering_key):
        found.append(FieldProblem(f"{where}ordering_key", grammar.ORDERING_KEY_RULE))
    return found


def _fingerprint(given: EventInput, data: bytes) -> bytes:
    """What makes two requests the same: what they say, whatever the order of the fields around it."""
    stamp = given.occurred_at.isoformat() if given.occurred_at else ""
    parts = [given.type, given.id or "", stamp]
    if given.channels or given.ordering_key:
        parts += [",".join(sorted(set(given.channels or ()))), given.ordering_key or ""]
    return hashlib.sha256(b"\n".join((*(part.encode() for part in parts), data))).digest()
