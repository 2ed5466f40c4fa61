"""Connections to a database of the test's own, as whoever the test is about."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest

from worksphere_hub import ids
from worksphere_hub.db.logins import ensure_login, ensure_organization_login
from worksphere_hub.db.urls import with_login

Connect = Callable[[str], Awaitable[asyncpg.Connection]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open connections that are closed after the test."""
    opened: list[asyncpg.Connection] = []

    async def open_one(url: str) -> asyncpg.Connection:
        opened.append(await asyncpg.connect(url))
        return opened[-1]

    yield open_one
    for connection in opened:
        await connection.close()


@pytest.fixture
async def admin(database, connect) -> asyncpg.Connection:
    """The owner, who is above row-level security."""
    return await connect(database.admin_url)


@pytest.fixture
async def two_orgs(admin) -> list[UUID]:
    """The ids of two organizations."""
    orgs = [ids.new(), ids.new()]
    for number, org in enumerate(orgs):
        await admin.execute("insert into hub.organizations (id, slug, name) values ($1, $2, 'Test')", org, f"o{number}")
    return orgs


@pytest.fixture
async def tenant(database, connect, two_orgs) -> asyncpg.Connection:
    """The first organization's own login."""
    login = await ensure_organization_login(database.admin_url, two_orgs[0], "secret")
    return await connect(with_login(database.admin_url, login, "secret"))


@pytest.fixture
async def publisher(database, connect) -> asyncpg.Connection:
    """The host product's backend: may publish for any organization."""
    login = f"publisher_{secrets.token_hex(4)}"
    await ensure_login(database.admin_url, login, "secret", ["hub_publisher"])
    return await connect(with_login(database.admin_url, login, "secret"))


@pytest.fixture
async def app(database, connect) -> asyncpg.Connection:
    """An API process, which acts for the organization that it sets `hub.org` to."""
    return await connect(database.app_url)


@pytest.fixture
async def worker(database, connect) -> asyncpg.Connection:
    """A worker process."""
    return await connect(database.worker_url)
