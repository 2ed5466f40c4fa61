"""A whole API of this room, with organizations, people and keys made as a test needs them."""

import secrets
from collections.abc import AsyncIterator, Iterator

import argon2
import asyncpg
import pytest

from tests.accounts.office import Office, open_office
from tests.conftest import Cluster, HubDatabase
from worksphere_hub.security.passwords import PasswordHasher

# Children before parents. Emptying these is twenty times as fast as a database for each test.
_TABLES = (
    "audit_log",
    "idempotency_keys",
    "organization_keys",
    "api_keys",
    "sessions",
    "invitations",
    "members",
    "roles",
    "people",
    "organizations",
)


@pytest.fixture(scope="session")
def passwords() -> Iterator[PasswordHasher]:
    """Argon2id as cheap as it gets: these tests are about what is checked, not about how hard."""
    cheap = argon2.Parameters(
        type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
    )
    hasher = PasswordHasher(parameters=cheap)
    yield hasher
    hasher.close()


@pytest.fixture(scope="session")
async def house(cluster: Cluster) -> AsyncIterator[HubDatabase]:
    """One database for the tests of this room."""
    name = f"hub_accounts_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(cluster.url("postgres"))
    try:
        await admin.execute(f"create database {name} template hub_template")
        yield HubDatabase(cluster, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def office(house: HubDatabase, passwords: PasswordHasher) -> AsyncIterator[Office]:
    """The API of this room on empty tables, and the owner's connection beside it."""
    admin = await asyncpg.connect(house.admin_url)
    try:
        await admin.execute(";".join(f"delete from hub.{table}" for table in _TABLES))
        async with open_office(house.app_url, admin, passwords) as opened:
            yield opened
    finally:
        await admin.close()
