"""What the driver and the server say, in the kit's words. A server's main message has no row in it; its details may."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from worksphere_hub.sdk.errors import (
    AuthFailed,
    BadSettings,
    Conflict,
    ConnectorFailed,
    Missing,
    NotPermitted,
    Rejected,
    Transient,
)

_BY_CLASS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[ConnectorFailed]], ...] = (
    (asyncpg.InvalidAuthorizationSpecificationError, AuthFailed),
    (asyncpg.InvalidCatalogNameError, BadSettings),
    ((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError), NotPermitted),
    (asyncpg.UniqueViolationError, Conflict),
    ((asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError), Missing),
    (
        (
            asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError,
            asyncpg.OperatorInterventionError, asyncpg.PostgresConnectionError, asyncpg.InsufficientResourcesError,
            asyncpg.PostgresSystemError, asyncpg.InternalClientError,
        ),
        Transient,
    ),
)  # fmt: skip


@contextmanager
def translated() -> Generator[None]:
    """Raises ConnectorFailed for whatever goes wrong with a statement."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise failure_of(error) from error


def failure_of(error: Exception) -> ConnectorFailed:
    """The failure that an error stands for."""
    if isinstance(error, TimeoutError):
        return Transient("The server took too long to answer.")
    if isinstance(error, ssl.SSLError):
        return BadSettings(f"The connection cannot be protected: {error.reason}.")
    if isinstance(error, OSError):
        return Transient("The connection to the server was lost.")
    for classes, kind in _BY_CLASS:
        if isinstance(error, classes):
            return kind(_sentence(error))
    if isinstance(error, asyncpg.InterfaceError) and "clos" in str(error):
        return Transient("The connection to the server was lost.")
    return Rejected(_sentence(error))


def _sentence(error: Exception) -> str:
    code = getattr(error, "sqlstate", None)
    lines = str(error).splitlines() or [type(error).__name__]
    return f"{lines[0][:400]} ({code})" if code else lines[0][:400]
