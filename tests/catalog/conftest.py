"""One database for the tests of this room, emptied before each."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.catalog.market import Market, open_hall
from tests.conftest import Cluster, HubDatabase
from worksphere_hub.catalog.settings import CatalogSettings
from worksphere_hub.db.pool import Database

# Children before parents. Emptying these is twenty times as fast as a database for each test.
_TABLES = (
    "audit_log", "idempotency_keys", "organization_keys", "api_keys", "webhook_events", "webhook_fanouts",
    "webhook_endpoint_revisions", "integration_reviews", "inbound_sources", "data_sync_configurations",
    "integration_instances", "integration_marketplace_shares", "integration_marketplace", "integrations", "roles",
    "organizations",
)  # fmt: skip


@pytest.fixture(scope="session")
async def hall(cluster: Cluster) -> AsyncIterator[HubDatabase]:
    """The database."""
    name = f"hub_catalog_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(cluster.url("postgres"))
    try:
        await admin.execute(f"create database {name} template hub_template")
        yield HubDatabase(cluster, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture(scope="session")
async def counter(hall: HubDatabase) -> AsyncIterator[tuple[Database, int]]:
    """The API of this room, and its port."""
    async with open_hall(hall.app_url, CatalogSettings(integration_limit=20, instance_limit=10)) as opened:
        yield opened


@pytest.fixture
async def market(hall: HubDatabase, counter: tuple[Database, int]) -> AsyncIterator[Market]:
    """Three organizations on empty tables, and the owner's connection beside them."""
    admin = await asyncpg.connect(hall.admin_url)
    try:
        await admin.execute(";".join(f"delete from hub.{table}" for table in _TABLES))
        opened = Market(admin, *counter)
        opened.operator = await opened.party(operator=True)
        opened.acme, opened.other = await opened.party(), await opened.party()
        yield opened
    finally:
        await admin.close()
