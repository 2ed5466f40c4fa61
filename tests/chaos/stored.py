"""Read back what the database holds, as its owner, who sees every organization."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import asyncpg

from tests.chaos.checker import Delivery, Stored, Tried
from tests.chaos.receiver import canonical

Where = Callable[[], str]

_EVENTS = """
select o.slug, e.key, e.body from hub.webhook_events e join hub.organizations o on o.id = e.org_id
where e.key is not null
"""
_DELIVERIES = """
select o.slug, e.key, regexp_replace(w.url, '^http://[^/]+', '') as path, d.state
from hub.webhook_deliveries d
join hub.organizations o on o.id = d.org_id
join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
join hub.webhook_endpoints w on w.org_id = d.org_id and w.id = d.endpoint_id
"""
_ATTEMPTS = """
select o.slug, e.key, regexp_replace(l.url, '^http://[^/]+', '') as path, l.outcome, l.reclaimed, l.fenced
from hub.webhook_event_logs l
join hub.organizations o on o.id = l.org_id
join hub.webhook_events e on e.org_id = l.org_id and e.id = l.event_id
order by l.id
"""


@asynccontextmanager
async def owner(url: Where, *, within: float = 60.0) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the schema's owner, as soon as the server takes one; after a crash it may be on another port."""
    async with asyncio.timeout(within):
        while True:
            try:
                connection = await asyncpg.connect(url(), timeout=5)
                break
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.02)
    try:
        yield connection
    finally:
        connection.terminate()


async def leased(url: Where) -> int:
    """How many deliveries are in a worker's hand, or were when it was lost."""
    async with owner(url) as connection:
        return await connection.fetchval("select count(*) from hub.webhook_deliveries where open and leased")


async def rest(url: Where, *, within: float = 60.0) -> None:
    """Wait until no delivery is pending; after `within` seconds the checker may have its say about what is."""
    async with owner(url) as connection:
        try:
            async with asyncio.timeout(within):
                while await connection.fetchval(
                    "select exists (select from hub.webhook_deliveries where open and state = 'pending')"
                ):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return


async def read_back(url: Where) -> Stored:
    """Everything that the checker compares."""
    found = Stored()
    async with owner(url) as connection:
        for row in await connection.fetch(_EVENTS):
            found.events[row["slug"], row["key"]] = canonical(json.loads(row["body"])["data"])
        for row in await connection.fetch(_DELIVERIES):
            found.deliveries[row["slug"], row["key"], row["path"]] = Delivery(row["state"])
        for row in await connection.fetch(_ATTEMPTS):
            delivery = found.deliveries.get((row["slug"], row["key"], row["path"]))
            if delivery is not None:
                delivery.attempts.append(Tried(row["outcome"], row["reclaimed"], row["fenced"]))
    return found
