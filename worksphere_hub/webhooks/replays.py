"""Past events sent to an endpoint (again): begun, counted beforehand, paused, resumed, cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import grammar
from worksphere_hub.events import store as event_store
from worksphere_hub.events.errors import EventNotFound
from worksphere_hub.webhooks import endpoints
from worksphere_hub.webhooks.errors import (
    EndpointDisabled,
    EndpointNotFound,
    InvalidEndpoint,
    NotRetryable,
    ReplayNotFound,
    ReplayOver,
)
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to send: all, failed or missing ones, of these types, accepted from `since` to `until`."""

    what: str
    since: datetime
    until: datetime | None = None
    event_types: Sequence[str] = ("*",)
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many events a replay would send; `exact` is False when it stopped counting."""

    wanted: int
    examined: int
    exact: bool


async def count(services: Services, principal: Principal, endpoint_id: UUID, wanted: Wanted) -> Count:
    """What a replay would do, without doing it."""
    until = _checked(wanted)
    async with services.database.tenant(principal.org) as tx:
        await endpoints.find(tx, principal.org, endpoint_id)
        row = await tx.row(
            QUERIES.count_replay,
            principal.org,
            endpoint_id,
            wanted.what,
            list(wanted.event_types),
            wanted.since,
            until,
        )
    assert row is not None
    return Count(row["wanted"], row["examined"], row["counted_all"])


async def begin(services: Services, principal: Principal, endpoint_id: UUID, wanted: Wanted) -> Row:
    """Begin a replay. Events that are published from now on are none of it."""
    until = _checked(wanted)
    async with services.database.tenant(principal.org) as tx:
        endpoint = await endpoints.find(tx, principal.org, endpoint_id)
        if endpoint.status == "disabled":
            raise EndpointDisabled("This endpoint is disabled, so nothing is sent to it. Enable it first.")
        row = await tx.row(
            QUERIES.insert_replay,
            principal.org,
            ids.new(),
            endpoint_id,
            wanted.what,
            list(wanted.event_types),
            wanted.since,
            until,
            wanted.rate,
            principal.public_id,
        )
        assert row is not None
        await _audit(tx, principal, "replay.begun", row)
        return row


async def find(tx: Transaction, org: UUID, replay: UUID) -> Row:
    """One replay."""
    row = await tx.row(QUERIES.replay_by_id, org, replay)
    if row is None:
        raise ReplayNotFound
    return row


async def set_state(services: Services, principal: Principal, replay: UUID, state: str) -> Row:
    """Pause (paused), resume (running) or cancel (cancelled) a replay."""
    async with services.database.tenant(principal.org) as tx:
        before = await find(tx, principal.org, replay)
        row = await tx.row(QUERIES.set_replay_state, principal.org, replay, state)
        if row is None:
            raise ReplayOver(f"It is {before['state']}. Begin another.")
        await _audit(tx, principal, "replay.changed", row, before["state"])
        return row


async def replay_event(
    services: Services, principal: Principal, public_id: str, endpoint_ids: Sequence[UUID] | None
) -> int:
    """Send one event again to the endpoints it is for now, or to these; answers how many deliveries that makes."""
    async with services.database.tenant(principal.org) as tx:
        event = await event_store.find(tx, principal.org, public_id)
        if event is None:
            raise EventNotFound
        if event.body is None:
            raise NotRetryable("Its message was removed, so there is nothing to send.")
        if endpoint_ids is None:
            endpoint_ids = [row["id"] for row in await tx.rows(QUERIES.endpoints_of_event, principal.org, event.id)]
        queued = 0
        for endpoint_id in endpoint_ids:
            endpoint = await endpoints.find(tx, principal.org, endpoint_id)
            if endpoint.status == "disabled":
                raise EndpointDisabled(f"{ids.encode('whe', endpoint_id)} is disabled, so nothing is sent to it.")
            queued += await tx.value(QUERIES.requeue_deliveries, principal.org, endpoint_id, [event.id])
        await audit.record(
            tx,
            principal,
            "event.replayed",
            target_kind="event",
            target_id=event.public_id,
            changes={"deliveries": [0, queued]},
        )
        return queued


def read_endpoint_ids(given: Sequence[str] | None) -> list[UUID] | None:
    """PURE: the endpoints somebody named."""
    return None if given is None else [ids.decode("whe", each, EndpointNotFound) for each in given]


def _checked(wanted: Wanted) -> datetime:
    """The end of the time; raises what is wrong with the wish."""
    problems = [
        FieldProblem(f"event_types.{index}", grammar.PATTERN_RULE)
        for index, pattern in enumerate(wanted.event_types)
        if not grammar.is_pattern(pattern)
    ]
    until = min(wanted.until or clock.now(), clock.now())
    if wanted.since >= until:
        problems.append(FieldProblem("since", "must lie before until, and in the past"))
    if problems:
        raise InvalidEndpoint(f"{problems[0].field} {problems[0].message}.", problems=problems)
    return until


async def _audit(tx: Transaction, principal: Principal, action: str, row: Row, before: str | None = None) -> None:
    await audit.record(
        tx,
        principal,
        action,
        target_kind="replay",
        target_id=ids.encode("rpl", row["id"]),
        changes={"state": [before, row["state"]], "endpoint": [None, ids.encode("whe", row["endpoint_id"])]},
    )
