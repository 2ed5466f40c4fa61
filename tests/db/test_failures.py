"""Which of the driver's errors pass, which are the hub's own, and what their texts say."""

import asyncio
import socket
import traceback

import asyncpg
import pytest

from worksphere_hub.db.failures import (
    DatabaseRefused,
    DatabaseUnavailable,
    connecting,
    is_passing,
    permitted,
    translated,
)
from worksphere_hub.db.pool import Database
from worksphere_hub.db.urls import with_login
from worksphere_hub.errors import Conflict, NotFound

PASSING = [
    OSError("network is unreachable"),
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("crash of another server process"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.DiskFullError("no space left on device"),
    asyncpg.PostgresIOError("could not fsync"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.SerializationError("could not serialize access"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.IdleInTransactionSessionTimeoutError("terminating connection due to idle-in-transaction timeout"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.InvalidCachedStatementError("cached plan must not change result type"),
    asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    asyncpg.InterfaceError("pool is closing"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
]

OURS = [
    asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.PostgresSyntaxError("syntax error at or near"),
    asyncpg.UndefinedTableError("relation does not exist"),
    asyncpg.InsufficientPrivilegeError("permission denied for table"),
    asyncpg.NumericValueOutOfRangeError("integer out of range"),
    ValueError(),
]


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_passing_fault_is_503_with_a_hint_when_to_retry(error):
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        raise error
    assert caught.value.status == 503
    assert caught.value.code == "database_unavailable"
    assert caught.value.retry_after
    assert caught.value.__cause__ is error
    assert str(error) == "" or str(error) not in caught.value.detail
    assert is_passing(error)


@pytest.mark.parametrize("error", OURS, ids=str)
def test_a_bug_of_ours_goes_up_as_it_is(error):
    with pytest.raises(type(error)) as caught, translated():
        raise error
    assert caught.value is error
    assert not is_passing(error)


async def test_a_value_that_does_not_fit_is_no_passing_fault(one):
    with pytest.raises(asyncpg.DataError, match="int32") as caught:
        await one.call("select $1::int4", 2**40)
    assert not is_passing(caught.value)


def test_the_hubs_own_failures_pass_through():
    with pytest.raises(NotFound), translated({"x": Conflict()}):
        raise NotFound
    refused = DatabaseUnavailable("said already")
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        raise refused
    assert caught.value is refused
    assert is_passing(refused)


def test_a_cancellation_is_not_taken_for_a_fault():
    with pytest.raises(asyncio.CancelledError), translated():
        raise asyncio.CancelledError


async def run_translated(database, org, constraints, statement, *args):
    """One statement in a transaction, as a store runs it."""
    async with database.tenant(org) as tx:
        with translated(constraints):
            await tx.run(statement, *args)


async def test_a_named_constraint_becomes_the_failure_it_stands_for(one, two_orgs):
    taken = Conflict("Take another name.")
    insert = "insert into hub.roles (org_id, name, permissions) values ($1, $2, '{}')"
    async with one.tenant(two_orgs[0]) as tx:
        await tx.run(insert, two_orgs[0], "reader")
    with pytest.raises(Conflict) as caught:
        await run_translated(one, two_orgs[0], {"roles_pkey": taken}, insert, two_orgs[0], "reader")
    assert caught.value is taken
    assert caught.value.__suppress_context__


async def test_another_constraint_is_a_bug_of_ours(one, two_orgs):
    nameless = "update hub.organizations set name = ''"
    with pytest.raises(asyncpg.CheckViolationError):
        await run_translated(one, two_orgs[0], {"roles_pkey": Conflict()}, nameless)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hun/ter2@127.0.0.1/hub",
        "postgresql://u:hun#ter2@127.0.0.1:1/hub",
        "postgresql://u:hun[ter2@127.0.0.1:1/hub",
        "postgresql://u:hunter2@127.0.0.1:99999/hub",
        "mysql://u:hunter2@127.0.0.1/hub",
        "hunter2",
    ],
)
async def test_a_url_that_cannot_be_read_shows_no_piece_of_the_password(url):
    with pytest.raises(DatabaseRefused) as caught:
        await Database.open(url, application="test")
    shown = "".join(traceback.format_exception_only(caught.value)) + caught.value.detail
    assert not [piece for piece in ("hun", "ter2") if piece in shown]
    assert caught.value.__suppress_context__


async def test_a_wrong_password_or_database_is_said_in_a_sentence(database):
    with pytest.raises(DatabaseRefused, match='Password authentication failed for user "hub_api_login"') as caught:
        await Database.open(with_login(database.app_url, "hub_api_login", "wrong-one"), application="test")
    assert "wrong-one" not in caught.value.detail
    with pytest.raises(DatabaseRefused, match='Database "nowhere" does not exist'):
        await Database.open(database.cluster.url("nowhere"), application="test")


async def test_nobody_listening_is_unavailable_and_says_where():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(DatabaseUnavailable, match=str(port)) as caught:
            await Database.open(f"postgresql://u:hunter2@127.0.0.1:{port}/hub", application="test")
    assert "hunter2" not in caught.value.detail


def test_a_bug_while_connecting_goes_up_as_it_is():
    with pytest.raises(ZeroDivisionError), connecting():
        raise ZeroDivisionError


def test_a_missing_privilege_comes_with_advice():
    with pytest.raises(DatabaseRefused) as caught, permitted("Ask the owner."):
        raise asyncpg.InsufficientPrivilegeError("permission denied for schema hub")
    assert caught.value.detail == "Permission denied for schema hub. Ask the owner."
