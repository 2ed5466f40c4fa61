"""Publish inside your own PostgreSQL transaction: the event exists if and only if the transaction commits.

No driver is imported here. A connection is known by what it can do: asyncpg's `fetchval`, psycopg 3's `cursor` and
`info`, SQLAlchemy's `exec_driver_sql`, and a session's `get_bind`, whose `connection()` is one of these.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.client.errors import OutsideTransaction
from worksphere_hub.client.models import Event

# Every parameter is text with a cast: no driver has to know how the others write json or arrays.
_STATEMENT = (
    "select hub.trigger_webhook({}::text::uuid, {}::text, {}::text::jsonb, {}::text,"
    " coalesce({}::text::timestamptz, now()),"
    " (select array_agg(c.name) from jsonb_array_elements_text({}::text::jsonb) as c (name)), {}::text) as id"
)
_NUMBERED = _STATEMENT.format("$1", "$2", "$3", "$4", "$5", "$6", "$7")
_UNNUMBERED = _STATEMENT.format("%s", "%s", "%s", "%s", "%s", "%s", "%s")

_Values = tuple[str | None, ...]


async def publish(  # noqa: PLR0913 - the fields of an event
    connection: Any,
    org_id: UUID | str,
    type: str,  # noqa: A002 - the field's name
    data: Any,
    id: str | None = None,  # noqa: A002 - the field's name
    *,
    occurred_at: datetime | None = None,
    channels: Sequence[str] | None = None,
    ordering_key: str | None = None,
) -> str:
    """Publish over an asyncpg, psycopg (async) or SQLAlchemy (async) connection; answers the event's id.

    The database checks the event; what it refuses is raised as the driver raises it, and fails the transaction.
    Raises OutsideTransaction if an asyncpg or psycopg connection would commit it by itself.
    """
    _require_kind(connection, waits=False)
    event = Event(type, data, id, occurred_at, channels, ordering_key)
    return _first(await _find_row(connection, _values(org_id, event)))


def publish_sync(  # noqa: PLR0913 - the fields of an event
    connection: Any,
    org_id: UUID | str,
    type: str,  # noqa: A002 - the field's name
    data: Any,
    id: str | None = None,  # noqa: A002 - the field's name
    *,
    occurred_at: datetime | None = None,
    channels: Sequence[str] | None = None,
    ordering_key: str | None = None,
) -> str:
    """The same over a psycopg or SQLAlchemy connection that waits."""
    _require_kind(connection, waits=True)
    values = _values(org_id, Event(type, data, id, occurred_at, channels, ordering_key))
    if hasattr(connection, "get_bind"):
        connection = connection.connection()
    return _first(_execute(connection, values).fetchone())


def _require_kind(connection: Any, *, waits: bool) -> None:
    """Refuse a connection of the other kind before anything is sent over it, which could not be taken back."""
    is_async = hasattr(connection, "fetchval") or any(
        inspect.iscoroutinefunction(getattr(connection, name, None)) for name in ("execute", "exec_driver_sql")
    )
    if is_async is waits:
        raise TypeError(f"this connection is for {'publish' if waits else 'publish_sync'}")


def _values(org_id: UUID | str, event: Event) -> _Values:
    org = ids.parse("org", org_id) or UUID(org_id) if isinstance(org_id, str) else org_id
    return (
        str(org),
        event.type,
        json.dumps(event.data, ensure_ascii=False, allow_nan=False),
        event.id,
        None if event.occurred_at is None else event.occurred_at.isoformat(),
        None if event.channels is None else json.dumps(list(event.channels)),
        event.ordering_key,
    )


async def _find_row(connection: Any, values: _Values) -> Any:
    if hasattr(connection, "fetchval"):
        # A pool can fetch too, but over a connection that it gives back at once.
        _require(within=hasattr(connection, "is_in_transaction") and connection.is_in_transaction())
        return await connection.fetchrow(_NUMBERED, *values)
    if hasattr(connection, "get_bind"):
        connection = await connection.connection()
    result = await _execute(connection, values)
    row = result.fetchone()
    return await row if inspect.isawaitable(row) else row


def _execute(connection: Any, values: _Values) -> Any:
    """Run it the way this connection does; the result, or what is awaited for it."""
    if hasattr(connection, "exec_driver_sql"):
        numbered = connection.dialect.paramstyle == "numeric_dollar"
        return connection.exec_driver_sql(_NUMBERED if numbered else _UNNUMBERED, values)
    # 0 is IDLE: nothing has been begun, and with autocommit nothing will be.
    _require(within=not connection.autocommit or connection.info.transaction_status != 0)
    return connection.execute(_UNNUMBERED, values)


def _require(*, within: bool) -> None:
    if not within:
        raise OutsideTransaction("Begin a transaction first: the event is to stand or fall with what else it does.")


def _first(row: Any) -> str:
    """The one value of a row, whichever form the program has its rows in."""
    return str(cast("Mapping[str, Any]", row)["id"] if isinstance(row, Mapping) else row[0])
