"""The event stands or falls with the caller's own transaction, whichever driver holds it."""

import secrets
from datetime import UTC, datetime

import asyncpg
import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from worksphere_hub.client import OutsideTransaction, outbox, verify


@pytest.fixture(scope="module")
async def url(hub):
    """The login of the organization."""
    return await hub.command("organizations", "login", "acme")


@pytest.fixture(scope="module")
async def org(url):
    connection = await asyncpg.connect(url)
    found = await connection.fetchval("select hub.current_org()")
    await connection.close()
    return found


class Undo(Exception):
    """Rolls a transaction back."""


async def with_asyncpg(url, work):
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await work(connection)
    finally:
        await connection.close()


async def with_asyncpg_pool(url, work):
    pool = asyncpg.create_pool(url, min_size=1, max_size=1)
    async with pool, pool.acquire() as connection, connection.transaction():
        await work(connection)


async def with_psycopg(url, work):
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        await work(connection)


async def with_psycopg_autocommit(url, work):
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection, connection.transaction():
        await work(connection)


async def with_psycopg_waiting(url, work):
    with psycopg.connect(url) as connection:
        await work(connection)


def dialect(url, driver):
    return url.replace("postgresql://", f"postgresql+{driver}://")


async def with_sqlalchemy_asyncpg(url, work):
    engine = create_async_engine(dialect(url, "asyncpg"))
    try:
        async with engine.begin() as connection:
            await work(connection)
    finally:
        await engine.dispose()


async def with_sqlalchemy_psycopg(url, work):
    engine = create_async_engine(dialect(url, "psycopg"))
    try:
        async with AsyncSession(engine) as session, session.begin():
            await work(session)
    finally:
        await engine.dispose()


async def with_sqlalchemy_waiting(url, work):
    engine = create_engine(dialect(url, "psycopg"))
    try:
        with engine.begin() as connection:
            await work(connection)
    finally:
        engine.dispose()


async def with_sqlalchemy_session(url, work):
    engine = create_engine(dialect(url, "psycopg"))
    try:
        with Session(engine) as session, session.begin():
            await work(session)
    finally:
        engine.dispose()


WAITING = [with_psycopg_waiting, with_sqlalchemy_waiting, with_sqlalchemy_session]
WAYS = [
    with_asyncpg,
    with_asyncpg_pool,
    with_psycopg,
    with_psycopg_autocommit,
    with_sqlalchemy_asyncpg,
    with_sqlalchemy_psycopg,
    *WAITING,
]


async def publish(way, connection, *args, **kwargs):
    if way in WAITING:
        return outbox.publish_sync(connection, *args, **kwargs)
    return await outbox.publish(connection, *args, **kwargs)


@pytest.mark.parametrize("way", WAYS)
async def test_a_rollback_publishes_nothing_and_a_commit_delivers(client, receiver, url, org, way):
    kind = f"outbox.{secrets.token_hex(4)}"
    endpoint = await client.create_endpoint(receiver.url("/ok"), event_types=[kind])

    async def undone(connection):
        await publish(way, connection, org, kind, {"n": 1})
        raise Undo

    with pytest.raises(Undo):
        await way(url, undone)
    ids = []

    async def done(connection):
        moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
        given = {"channels": ["east", "west"], "ordering_key": "k", "occurred_at": moment}
        ids.append(
            await publish(way, connection, f"org_{org.hex}", kind, {"n": "zwei %s $1"}, f"own-{kind[7:]}", **given)
        )
        ids.append(await publish(way, connection, str(org), kind, {"n": "zwei %s $1"}, f"own-{kind[7:]}", **given))

    await way(url, done)
    assert ids == [f"own-{kind[7:]}"] * 2
    (request,) = await receiver.wait_for(1)
    message = verify(endpoint["secret"], request.headers, request.body)
    assert (message.id, message.data) == (ids[0], {"n": "zwei %s $1"})
    (event,) = [event async for event in client.events(type=kind)]
    assert (event["channels"], event["ordering_key"]) == (["east", "west"], "k")
    assert event["occurred_at"].startswith("2026-01-02T03:04:05.000678")


async def test_a_connection_that_would_commit_by_itself_is_refused(url, org):
    connection = await asyncpg.connect(url)
    with pytest.raises(OutsideTransaction):
        await outbox.publish(connection, org, "a.b", {})
    await connection.close()
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        with pytest.raises(OutsideTransaction):
            await outbox.publish(pool, org, "a.b", {})
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
        with pytest.raises(OutsideTransaction):
            await outbox.publish(other, org, "a.b", {})
    with psycopg.connect(url, autocommit=True) as waiting, pytest.raises(OutsideTransaction):
        outbox.publish_sync(waiting, org, "a.b", {})


@pytest.mark.parametrize("way", WAYS)
async def test_a_connection_of_the_other_kind_is_refused_before_it_publishes(url, org, way):
    async def mistake(connection):
        if way in WAITING:
            await outbox.publish(connection, org, "a.b", {})
        else:
            outbox.publish_sync(connection, org, "a.b", {})

    async def mistaken(connection):
        with pytest.raises(TypeError, match="this connection is for publish"):
            await mistake(connection)

    await way(url, mistaken)


async def test_what_the_database_refuses_is_the_drivers_own_error(url, org):
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InvalidParameterValue):
        outbox.publish_sync(connection, org, "not a type", {})
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        outbox.publish_sync(connection, "org_" + "0" * 32, "a.b", {})
    with pytest.raises(ValueError, match="UUID"):
        outbox.publish_sync(object(), "acme", "a.b", {})
