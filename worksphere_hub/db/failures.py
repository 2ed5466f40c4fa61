"""What went wrong in PostgreSQL, in the hub's own words. The one place that reads driver errors."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import asyncpg

from worksphere_hub.errors import HubError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or refuses to write."""

    code = "database_unavailable"


# Faults of the server or the way to it, after which the same request may well succeed: the answer is 503, not 500.
_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)


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
    except _PASSING as error:
        raise DatabaseUnavailable(
            "The database did not take this request; nothing was stored. Try again.", retry_after=1.0
        ) from error


def is_passing(error: BaseException) -> bool:
    """Whether the same work may succeed later without anyone changing anything."""
    return isinstance(error, (*_PASSING, DatabaseUnavailable))
