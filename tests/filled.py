"""An organization with tens of thousands of events over weeks, and another beside it in the same tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from benchmarks.fill import ENDPOINTS, Filling, fill
from worksphere_hub import ids
from worksphere_hub.db.pool import Database

EVENTS, WEEKS = 30_000, 4
BOUNDS = (UUID(int=2**128 - 1), UUID(int=0))


@dataclass(frozen=True)
class Filled:
    """The organization to search, an API's connections, and the owner's own, which sees everything."""

    org: UUID
    endpoints: list[UUID]
    hub: Database
    owner: asyncpg.Connection

    async def rows(self, table: str) -> list[asyncpg.Record]:
        return await self.owner.fetch(f"select * from hub.{table} where org_id = $1", self.org)

    async def all_pages(self, page, key, *, limit: int) -> list:
        """Everything that a search answers, page after page; `page(tx, before, limit)` is one."""
        found, before = [], None
        while True:
            async with self.hub.search(self.org) as tx:
                entries, before = await page(tx, before, limit)
            assert len(entries) <= limit
            found += [key(entry) for entry in entries]
            if before is None:
                return found


@asynccontextmanager
async def filled(database) -> AsyncIterator[Filled]:
    owner = await asyncpg.connect(database.admin_url)
    hub = await Database.open(database.app_url, application="search", size=2)
    made = Filled(ids.new(), [ids.new() for _ in range(ENDPOINTS)], hub, owner)
    try:
        for number, (org, events) in enumerate({made.org: EVENTS, ids.new(): 3_000}.items()):
            await owner.execute(
                "insert into hub.organizations (id, slug, name) values ($1, $2, 'Filled')", org, f"filled-{number}"
            )
            await fill(Filling(database.admin_url, org, made.endpoints, events, WEEKS))
        yield made
    finally:
        await hub.close()
        await owner.close()
