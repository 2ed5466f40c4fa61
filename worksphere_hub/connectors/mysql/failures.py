"""What the driver and the server say, in the kit's words."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from pymysql import err

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

# Numbers of https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and of MariaDB's own list.
_BY_NUMBER: dict[int, type[ConnectorFailed]] = {
    1045: AuthFailed, 1698: AuthFailed, 1862: AuthFailed, 2059: AuthFailed, 2061: AuthFailed,
    1049: BadSettings, 2026: BadSettings, 3159: BadSettings,
    1044: NotPermitted, 1142: NotPermitted, 1143: NotPermitted, 1227: NotPermitted, 1370: NotPermitted,
    1792: NotPermitted, 1290: NotPermitted,
    1146: Missing, 1062: Conflict, 1586: Conflict,
    1040: Transient, 1053: Transient, 1129: Transient, 1203: Transient, 1205: Transient, 1213: Transient,
    1226: Transient, 1317: Transient, 1927: Transient, 1969: Transient, 2003: Transient, 2006: Transient,
    2013: Transient, 3024: Transient,
}  # fmt: skip


@contextmanager
def translated() -> Generator[None]:
    """Raises ConnectorFailed for whatever goes wrong with a statement."""
    try:
        yield
    except (err.Error, OSError, RuntimeError, UnicodeError) as error:
        raise failure_of(error) from error
    except TypeError as error:
        raise Rejected("The statement has more or fewer places (%s) than there are parameters.") from error


def failure_of(error: Exception) -> ConnectorFailed:
    """The failure that an error stands for."""
    if isinstance(error, ssl.SSLError):
        return BadSettings(f"The connection cannot be protected: {error.reason}.")
    if isinstance(error, OSError | err.InterfaceError):
        return Transient("The connection to the server was lost.")
    if not isinstance(error, err.Error):
        return Rejected(f"The driver does not take this ({type(error).__name__}).")
    arguments = cast("tuple[object, ...]", error.args)
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    text = str(arguments[1]) if len(arguments) > 1 else str(error)
    kind = _BY_NUMBER.get(number, Transient if number == 2002 else Rejected)
    return kind(f"{text.splitlines()[0][:400] if text else type(error).__name__} ({number})")
