"""One database for the tests of this room, emptied before each."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.catalog.market import Market, open_market
from tests.conftest import Cluster, HubDatabase
from worksphere_hub.catalog.settings import CatalogSettings

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


@pytest.fixture
async def market(hall: HubDatabase) -> AsyncIterator[Market]:
    """The API of this room on empty tables, and the owner's connection beside it."""
    admin = await asyncpg.connect(hall.admin_url)
    try:
        await admin.execute(";".join(f"delete from hub.{table}" for table in _TABLES))
        async with open_market(hall.app_url, admin, CatalogSettings(integration_limit=20, instance_limit=10)) as opened:
            yield opened
    finally:
        await admin.close()
