"""Databases of one connection, two organizations in them, and an empty database."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import _TEMPLATE as TEMPLATE
from tests.conftest import HubDatabase
from worksphere_hub import ids
from worksphere_hub.db.pool import Database


@pytest.fixture(scope="module")
async def shared(cluster) -> AsyncIterator[HubDatabase]:
    """One database for the tests of a file that leave nothing behind which others would mind."""
    name = f"shared_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f"create database {name} template {TEMPLATE}")
        yield HubDatabase(cluster, name)
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


@pytest.fixture
async def admin(database) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, who is above row-level security."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def one(database) -> AsyncIterator[Database]:
    """The API's login with a single connection: whatever it carries over is met by whoever comes next."""
    opened = await Database.open(database.app_url, application="test", size=1)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def two_orgs(admin) -> list:
    """The ids of two organizations."""
    orgs = [ids.new(), ids.new()]
    for org in orgs:
        await admin.execute("insert into hub.organizations (id, slug, name) values ($1, $2, 'Test')", org, org.hex)
    return orgs


@pytest.fixture
async def empty_url(cluster) -> AsyncIterator[str]:
    """A database without anything in it, as its owner."""
    name = f"empty_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f"create database {name} template template0")
        yield cluster.url(name)
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()
