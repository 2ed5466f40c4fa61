"""Search and accept rate with many events stored, beside a database that is almost empty.

Two hubs run side by side and are asked in turn, so that whatever else this machine does slows both down. Both have the
same weeks behind them, and whatever is searched for fills a page in both: only what has to be passed over differs.
"""

import asyncio
import http.client
import json
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg

from benchmarks.deliveries import full_speed, middle
from benchmarks.fill import ENDPOINTS, Filling, fill
from benchmarks.stage import Load, Stage, stage

_FEW = 30_000
_WEEKS = 8
_TIMES = 40
_AIM = 1.2
_DAY = timedelta(days=1)


@dataclass
class Side:
    """One hub, filled."""

    made: Stage
    events: int
    endpoints: list[str] = field(default_factory=list)
    fill_seconds: float = 0.0

    def paths(self) -> dict[str, list[str]]:
        """What is asked, by what it is called; several values each, common ones and rare ones apart."""
        middle_of = datetime.now(UTC) - _DAY * 7 * _WEEKS / 2
        day = f"since={_time(middle_of)}&until={_time(middle_of + _DAY)}"
        common, rare = self.endpoints[3], self.endpoints[-1]
        events = {
            "newest": [""],
            "of one day": [day],
            "by type, common": ["type=order.1", "type=order.4", f"type=order.2&{day}"],
            "by type, rare": ["type=rare.one", "type=rare.two"],
            "by prefix, common": ["type=order.*", f"type=order.*&{day}"],
            "by prefix, rare": ["type=rare.*"],
            "by channel, common": ["channel=all", "channel=part_3", "channel=part_17"],
            "by channel, rare": ["channel=rare"],
            "by ordering key, common": ["ordering_key=main", "ordering_key=part_5"],
            "by ordering key, rare": ["ordering_key=rare"],
            "by attribute, common": ["attribute=data.currency=EUR", "attribute=data.part=part_8"],
            "by attribute, rare": ["attribute=data.currency=rare"],
            "by idempotency key": ["idempotency_key=key-100", "idempotency_key=key-20000"],
        }
        deliveries = {
            "newest": [""],
            "by endpoint, common and rare": [f"endpoint_id={common}", f"endpoint_id={rare}"],
            "by state, common": ["state=delivered"],
            "by state, rare": ["state=exhausted", "state=cancelled", "state=filtered", "state=parked", "state=blocked"],
            "by endpoint and rare state": [f"endpoint_id={common}&state=exhausted"],
            "by reason, common and rare": [
                "reason=attempts",
                "reason=deadline",
                "reason=by_request",
                "reason=contract",
            ],
            "by event type, common": ["event_type=order.1", "event_type=order.3"],
            "by event type, rare": ["event_type=rare.one", "event_type=rare.two"],
        }
        attempts = {
            "newest, and of one day": ["", day],
            "by outcome": ["outcome=delivered", "outcome=refused", "outcome=undelivered"],
            "by status, common and rare": ["status=5xx", "status=404", "status=418"],
            "by cause, common and rare": ["error_cause=timeout", "error_cause=tls"],
        }
        by_endpoint = [
            f"/v1/webhook-endpoints/{one}/attempts{more}"
            for one in (common, rare)
            for more in ("", "?outcome=delivered")
        ]
        return {
            **{f"events {name}": [f"/v1/events?{query}" for query in queries] for name, queries in events.items()},
            **{
                f"deliveries {name}": [f"/v1/deliveries?{query}" for query in found]
                for name, found in deliveries.items()
            },
            **{f"attempts {name}": [f"/v1/attempts?{query}" for query in found] for name, found in attempts.items()},
            "attempts of one endpoint, common and rare": by_endpoint,
        }


def search(events: int, seconds: float, rounds: int) -> list[tuple[str, str]]:
    """Measure with so many events; answers the rows of a table."""
    with stage() as little, stage() as much:
        few, many = Side(little, _FEW), Side(much, events)
        for side in (few, many):
            _prepare(side)
        rows = [
            (
                f"{events:,} events over {_WEEKS} weeks filled in",
                f"{many.fill_seconds:,.0f} s: {asyncio.run(_size(many))}",
            ),
            *_searched(few, many, rounds),
        ]
        wanted = Load(("bench",), seconds)
        rates: dict[int, list[dict[str, Any]]] = {few.events: [], many.events: []}
        for number in range(rounds):
            for side in (few, many) if number % 2 == 0 else (many, few):
                rates[side.events].append(full_speed(side.made, wanted))
        for what in ("accepted", "delivered"):
            before, after = (middle([each[what] for each in found]) for found in rates.values())
            times = f"{before / after:.2f} times as long each (aim: at most {_AIM})"
            told = f"{before:,.0f} and {after:,.0f} events/s: {times}"
            rows.append((f"{what} with {_FEW:,} and {events:,} stored", told))
        costs = [middle([each["cpu_us"]["postgres"] for each in found]) for found in rates.values()]
        rows.append(("CPU of PostgreSQL meanwhile", f"{costs[0]:,.0f} and {costs[1]:,.0f} us an event"))
    return rows


def _searched(few: Side, many: Side, rounds: int) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    worst, sums = 0.0, [0.0, 0.0]
    asking = (Asking(few.made), Asking(many.made))
    for (name, short), long in zip(few.paths().items(), many.paths().values(), strict=True):
        times: tuple[list[float], list[float]] = ([], [])
        turns = list(zip(asking, (short, long), times, strict=True))
        for ask, paths, _ in turns:
            for path in paths:
                ask.seconds(path)  # the first time the statement has to be planned
        for number in range(_TIMES * rounds):
            for ask, paths, found in turns if number % 2 == 0 else reversed(turns):
                found += [ask.seconds(path) * 1000 for path in paths]
        (p50, p95), (p50_many, p95_many) = (_percentiles(found) for found in times)
        worst = max(worst, p50_many / p50)
        sums = [sums[0] + p50, sums[1] + p50_many]
        told = f"{p50:.1f} and {p50_many:.1f} ms, p95 {p95:.1f} and {p95_many:.1f} ms: {p50_many / p50:.2f} times"
        rows.append((name, told))
    rows.append((f"all of these at p50 (aim: at most {_AIM})", f"{sums[1] / sums[0]:.2f} times"))
    return [*rows, ("the worst of them at p50", f"{worst:.2f} times")]


class Asking:
    """A connection to a hub that is kept."""

    def __init__(self, made: Stage) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", made.hub_port, timeout=60)
        self._headers = {"authorization": f"Bearer {made.keys['bench']}"}

    def seconds(self, path: str) -> float:
        """How long a list takes to arrive. One that is empty would say nothing."""
        begin = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        found = answer.read()
        passed = time.perf_counter() - begin
        if answer.status != http.client.OK or not json.loads(found)["data"]:
            raise SystemExit(f"{path} answered {answer.status}: {found[:500]!r}")
        return passed


def _prepare(side: Side) -> None:
    """An organization with endpoints and what it has published over the weeks; all of it is kept."""
    made = side.made
    made.organization("bench")
    made.endpoint("bench", "bench", ["bench.*"])
    side.endpoints = [made.endpoint("bench", "old", [f"old.{number}"]) for number in range(ENDPOINTS)]
    begin = time.monotonic()
    asyncio.run(_fill(side))
    side.fill_seconds = time.monotonic() - begin


async def _fill(side: Side) -> None:
    connection = await asyncpg.connect(side.made.owner_url)
    try:
        org = await connection.fetchval("select id from hub.organizations where slug = 'bench'")
        await connection.execute(
            "insert into hub.webhook_retention (org_id, payload_days, attempt_days) values ($1, 365, 365)", org
        )
    finally:
        await connection.close()
    endpoints = [UUID(hex=one.removeprefix("whe_")) for one in side.endpoints]
    await fill(Filling(side.made.owner_url, org, endpoints, side.events, _WEEKS))


async def _size(side: Side) -> str:
    connection = await asyncpg.connect(side.made.owner_url)
    try:
        return await connection.fetchval("select pg_size_pretty(pg_database_size(current_database()))")
    finally:
        await connection.close()


def _percentiles(found: list[float]) -> tuple[float, float]:
    return statistics.median(found), sorted(found)[int(len(found) * 0.95)]


def _time(moment: datetime) -> str:
    return quote(moment.isoformat(timespec="seconds"))
