"""What went wrong in PostgreSQL, in the hub's own words. The one place that reads driver errors."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import asyncpg

from worksphere_hub.errors import HubError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or refuses to write."""

    code = "database_unavailable"


class DatabaseRefused(HubError):
    """The database does not let this login do what it is there for."""

    code = "database_refused"


class NotCommitted(HubError):
    """The database rolled a transaction back that was to be committed."""

    code = "not_committed"


# Faults of the server or the way to it, after which the same request may well succeed: the answer is 503, not 500.
_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # A server that answers no longer to the password or the name is being worked on.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # A migration changed a table under a statement that was prepared before it.
    asyncpg.InvalidCachedStatementError,
    # What the driver makes of a farewell that arrives between two statements, among others.
    asyncpg.InternalClientError,
)

# The driver has one class for a connection that is gone and for being used wrongly; only the former passes.
_GONE = ("closed", "closing", "released back to the pool", "operation is cancelling")


@contextmanager
def translated(constraints: Mapping[str, HubError] | None = None) -> Generator[None]:
    """Turn driver errors into the hub's: named constraints into the given failures, passing faults into 503.

    Anything else is a bug of ours and goes up as it is.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        failure = (constraints or {}).get(error.constraint_name or "")
        if failure is None:
            raise
        raise failure from None
    except Exception as error:
        if isinstance(error, HubError) or not is_passing(error):
            raise
        raise DatabaseUnavailable(
            "The database did not confirm this request. Try again; under the same id or Idempotency-Key nothing is "
            "done twice.",
            retry_after=1.0,
        ) from error


@contextmanager
def connecting() -> Generator[None]:
    """Turn what goes wrong with a first connection into sentences for the operator, without any piece of a password."""
    try:
        yield
    except (ValueError, OverflowError):
        raise DatabaseRefused(
            "Its URL cannot be read. It looks like postgresql://login:password@host:5432/database, with special "
            "characters of the password percent-encoded."
        ) from None
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise DatabaseRefused(_sentence(error)) from error
    except Exception as error:
        if isinstance(error, HubError) or not is_passing(error):
            raise
        raise DatabaseUnavailable(f"It does not take connections: {error}.", retry_after=1.0) from error


@contextmanager
def permitted(advice: str) -> Generator[None]:
    """Turn a missing privilege into a sentence for the operator that ends with `advice`."""
    try:
        with translated():
            yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseRefused(f"{_sentence(error)} {advice}") from error


def is_passing(error: BaseException) -> bool:
    """Whether the same work may succeed later without anyone changing anything."""
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in _GONE)
    return isinstance(error, (*_PASSING, DatabaseUnavailable))


def _sentence(error: asyncpg.PostgresError) -> str:
    text = str(error).splitlines()[0]
    return f"{text[:1].upper()}{text[1:]}."
