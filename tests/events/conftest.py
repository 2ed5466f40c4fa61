"""An organization with endpoints, made as the owner, and the hub's own login to publish with."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from worksphere_hub import ids
from worksphere_hub.db.pool import Database


class Tenant:
    """An organization in a fresh database."""

    def __init__(self, admin: asyncpg.Connection, database: Database) -> None:
        self.admin = admin
        self.database = database
        self.org = ids.new()

    async def endpoint(self, *patterns: str, status: str = "enabled", org: UUID | None = None) -> UUID:
        """Add an endpoint."""
        endpoint = ids.new()
        await self.admin.execute(
            "insert into hub.webhook_endpoints (org_id, id, url, event_types, status, disabled_reason)"
            " values ($1, $2, 'https://example.com/', $3, $4, $5)",
            org or self.org,
            endpoint,
            list(patterns) or ["*"],
            status,
            "by_request" if status == "disabled" else None,
        )
        return endpoint

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        return await self.admin.fetchval(f"select count(*) from hub.{table}")


@pytest.fixture
async def tenant(database) -> AsyncIterator[Tenant]:
    """An organization in a fresh database, and the API's login to it."""
    admin = await asyncpg.connect(database.admin_url)
    opened = await Database.open(database.app_url, application="test", size=4)
    made = Tenant(admin, opened)
    await admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'acme', 'Acme')", made.org)
    try:
        yield made
    finally:
        await opened.close()
        await admin.close()
