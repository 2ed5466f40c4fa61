"""One connection outside any pool, for what is done once: checks, migrations, logins."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from worksphere_hub.db.failures import connecting


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """Connect, and disconnect at the end of the block; a login that is not let in raises DatabaseRefused."""
    with connecting():
        connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
