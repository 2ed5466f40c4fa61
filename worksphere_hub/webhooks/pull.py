"""Pull endpoints: a receiver that cannot be reached, or is not always there, fetches its messages.

A message is what would have been sent, signature and all, so one piece of code verifies both. It stays until it is
acknowledged: fetching from the beginning after a crash brings back all that was not.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Row
from worksphere_hub.events.models import public_id
from worksphere_hub.webhooks import endpoints, outgoing
from worksphere_hub.webhooks.errors import EndpointDisabled, EndpointNotFound, NotAPullEndpoint, ShapeFailed
from worksphere_hub.webhooks.models import Endpoint
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import NOBODY, QUERIES
from worksphere_hub.webhooks.targets import Target

_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as its receiver is given it. `error` says why there is none to give."""

    event: UUID
    event_key: str | None
    event_type: str
    headers: dict[str, str]
    body: bytes | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How a receiver dealt with a message: with what HTTP status, or what went wrong, and how long it took."""

    event: UUID
    status: int | None = None
    error: str | None = None
    duration_ms: int = 0

    @property
    def outcome(self) -> str:
        """As of an attempt: delivered, refused or failed."""
        if self.error is not None:
            return "failed"
        return "delivered" if self.status is None or 200 <= self.status < 300 else "refused"


async def fetch(
    services: Services,
    principal: Principal,
    endpoint_id: UUID,
    *,
    after: UUID | None,
    limit: int,
    wait: float,
) -> list[Fetched]:
    """The oldest messages that wait for this endpoint, up to `limit`; if there is none, `wait` seconds for one."""
    until = clock.monotonic() + wait
    while True:
        async with services.database.tenant(principal.org) as tx:
            endpoint = _of_pull(await endpoints.find(tx, principal.org, endpoint_id))
            rows = await tx.rows(QUERIES.available_deliveries, principal.org, endpoint_id, after or NOBODY, limit)
        found = await _made(services, endpoint, rows) if rows else []
        if rows and not found:
            # All filtered: what comes after them may be wanted.
            after = rows[-1]["event_id"]
            continue
        if found or clock.monotonic() >= until:
            return found
        await asyncio.sleep(_LOOK_SECONDS)


async def acknowledge(
    services: Services, principal: Principal, endpoint_id: UUID, given: Sequence[Acknowledgement]
) -> int:
    """Record what became of messages and end their deliveries; answers how many were still to be dealt with."""
    async with services.database.tenant(principal.org) as tx:
        _of_pull(await endpoints.find(tx, principal.org, endpoint_id), enabled=False)
        return await tx.value(
            QUERIES.acknowledge_deliveries,
            principal.org,
            endpoint_id,
            [each.event for each in given],
            [each.outcome for each in given],
            [each.status for each in given],
            [each.error for each in given],
            [each.duration_ms for each in given],
        )


async def _made(services: Services, endpoint: Endpoint, rows: Sequence[Row]) -> list[Fetched]:
    target = await services.directory.find(endpoint.org, endpoint.id, endpoint.updated_at)
    if target is None:
        raise EndpointNotFound
    made = [(row["event_id"], _message(target, row)) for row in rows]
    filtered = [event for event, message in made if message is None]
    if filtered:
        async with services.database.tenant(endpoint.org) as tx:
            await tx.run(QUERIES.end_filtered, endpoint.org, endpoint.id, filtered)
    return [message for _, message in made if message is not None]


def _message(target: Target, row: Row) -> Fetched | None:
    name = (row["event_id"], row["event_key"])
    given = (*name, row["event_type"])
    if row["body"] is None:
        return Fetched(*given, {}, None, "expunged")
    try:
        shaped = outgoing.shaped(target, *name, row["body"])
    except ShapeFailed as failure:
        return Fetched(*given, {}, None, failure.cause)
    if shaped is None:
        return None
    message = outgoing.pack(target, public_id(*name), shaped, int(clock.now().timestamp()))
    return Fetched(*given, message.headers, message.body, None)


def _of_pull(endpoint: Endpoint, *, enabled: bool = True) -> Endpoint:
    if endpoint.configuration.kind != "pull":
        raise NotAPullEndpoint("The hub sends this endpoint its messages. Only a pull endpoint's can be fetched.")
    if enabled and endpoint.status == "disabled":
        raise EndpointDisabled("This endpoint is disabled, so nothing is given out for it. Enable it first.")
    return endpoint
