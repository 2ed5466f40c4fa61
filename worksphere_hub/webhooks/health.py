"""How endpoints fare: their circuits, the pauses their receivers ask for, and the end of those that fail for days.

A healthy endpoint costs nothing here. Only failures, and what comes from an endpoint that has failed of late, are
counted, a moment after they happen; the count is in the database, shared by all workers.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.events.emit import emit
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks.breaker import BreakerSettings, Circuit, observe, should_disable
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.store import QUERIES

_PAUSE_SECONDS = 0.05
_RETRY_SECONDS = 1.0

# What went wrong before anything was sent says nothing about the receiver.
_OURS = frozenset({"filter_failed", "transform_failed", "auth_failed", "closed", "busy"})


@dataclass(slots=True)
class _Heard:
    """Attempts at one endpoint that have not been written yet, in the order in which they ended."""

    outcomes: list[bool] = field(default_factory=list[bool])
    # On the monotonic clock.
    began: list[float] = field(default_factory=list[float])
    slow_down: float = 0.0


class Health:
    """Hears of the attempts that matter and keeps the gates of endpoints."""

    def __init__(self, database: Database, settings: BreakerSettings, disable_after: float) -> None:
        """`disable_after` is in seconds of failing without a single success."""
        self._database = database
        self._settings = settings
        self._disable_after = timedelta(seconds=disable_after)
        self._heard: dict[tuple[UUID, UUID], _Heard] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._draining = False

    def note(self, result: Result) -> None:
        """Hear what became of an attempt."""
        attempt = result.attempt
        if attempt is None or attempt.error_cause in _OURS:
            return
        good = attempt.outcome == "delivered"
        if good and not result.claim.troubled:
            return
        heard = self._heard.setdefault((result.claim.org, result.claim.endpoint), _Heard())
        heard.outcomes.append(good)
        heard.began.append(clock.monotonic() - attempt.duration_ms / 1000)
        heard.slow_down = max(heard.slow_down, result.slow_down)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def drain(self) -> None:
        """Wait until everything heard is written, or was tried once more."""
        self._draining = True
        while self._flusher is not None and not self._flusher.done():
            await asyncio.wait([self._flusher])

    async def _flush(self) -> None:
        while self._heard:
            (org, endpoint), heard = next(iter(self._heard.items()))
            del self._heard[(org, endpoint)]
            try:
                await self._write(org, endpoint, heard)
            except Exception as error:  # noqa: BLE001 - a count that is lost costs a few attempts more
                with wide("health.unwritten", org_id=org.hex, endpoint_id=endpoint.hex) as line:
                    line.caught(error)
                if is_passing(error) and not self._draining:
                    # The success of a probe may be among them: forgotten, it would leave the endpoint alone for as
                    # long as a lost probe is waited for.
                    self._keep(org, endpoint, heard)
                    await asyncio.sleep(_RETRY_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS if self._heard else 0)

    def _keep(self, org: UUID, endpoint: UUID, earlier: _Heard) -> None:
        """Put back what could not be written, before what was heard meanwhile."""
        later = self._heard.get((org, endpoint), _Heard())
        self._heard[(org, endpoint)] = _Heard(
            earlier.outcomes + later.outcomes, earlier.began + later.began, max(earlier.slow_down, later.slow_down)
        )

    async def _write(self, org: UUID, endpoint: UUID, heard: _Heard) -> None:
        async with self._database.tenant(org) as tx:
            status = await tx.row(QUERIES.endpoint_status, org, endpoint)
            if status is None or status["status"] == "disabled":
                return
            # Before the question: an attempt that seemed to have begun earlier than it did could be taken for one from
            # before the probe, and nothing would be heard of the probe itself.
            here = clock.monotonic()
            row = await tx.row(QUERIES.gate_for_change, org, endpoint)
            assert row is not None
            before = circuit_of(row)
            # Claims read these moments by the database's clock: by this machine's, set wrong for a moment, an endpoint
            # would be left alone for as long as it was wrong.
            now = row["now"]
            began = [now - timedelta(seconds=here - moment) for moment in heard.began]
            after = observe(before, heard.outcomes, now, self._settings, began=began)
            await tx.run(
                QUERIES.update_gate,
                org,
                endpoint,
                after.state,
                after.failures,
                after.openings,
                after.failing_since,
                after.opens_until,
                now + timedelta(seconds=heard.slow_down) if heard.slow_down else None,
            )
            if should_disable(after, now, self._disable_after):
                await disable_by_itself(tx, org, endpoint, "failing")
            elif after.openings and not before.openings:
                await _tell(tx, org, endpoint, "hub.endpoint.failing", {"failures": after.failures})
            elif before.openings and not after.openings:
                await _tell(tx, org, endpoint, "hub.endpoint.recovered", {"failures": before.failures})


async def disable_gone(database: Database, org: UUID, endpoint: UUID) -> None:
    """Disable an endpoint that answered 410 Gone: its owner says that it will not come back."""
    async with database.tenant(org) as tx:
        await disable_by_itself(tx, org, endpoint, "gone")


async def disable_by_itself(tx: Transaction, org: UUID, endpoint: UUID, reason: str) -> None:
    """Disable an endpoint without anybody having asked for it, and say so. Nothing if it is disabled already."""
    if await tx.row(QUERIES.set_endpoint_status, org, endpoint, "disabled", reason) is None:
        return
    held = await tx.run(QUERIES.hold_deliveries, org, endpoint)
    await audit.record_system(
        tx,
        org,
        "endpoint.disabled",
        target_kind="endpoint",
        target_id=ids.encode("whe", endpoint),
        changes={"reason": [None, reason], "held_deliveries": [0, held]},
    )
    await _tell(tx, org, endpoint, "hub.endpoint.disabled", {"reason": reason, "held_deliveries": held})


async def _tell(tx: Transaction, org: UUID, endpoint: UUID, event_type: str, facts: dict[str, object]) -> None:
    await emit(tx, org, event_type, {"endpoint_id": ids.encode("whe", endpoint), **facts})


def circuit_of(row: Row) -> Circuit:
    """The circuit in a row of `webhook_endpoint_gates`."""
    return Circuit(row["circuit"], row["failures"], row["openings"], row["failing_since"], row["opens_until"])
