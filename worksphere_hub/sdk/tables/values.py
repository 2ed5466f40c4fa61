"""PURE: a driver's values as plain JSON. What JSON cannot say exactly becomes a text."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.tables.model import Column


def plain(value: Any) -> Any:
    """The value as JSON has it. Infinite moments are the words that PostgreSQL has for them."""
    if value is None or isinstance(value, bool | int | str):
        return value
    for kinds, convert in _CONVERT:
        if isinstance(value, kinds):
            return convert(value)
    return str(value)


def moment(value: datetime) -> str:
    """A moment as RFC 3339 has it, in UTC where it has a zone."""
    there = value.replace(tzinfo=UTC)
    if there in {_LAST, _FIRST}:
        return "infinity" if there == _LAST else "-infinity"
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def read_moment(column: Column, value: Any) -> datetime:
    """A moment out of JSON; one with a zone is in UTC then. Raises Rejected."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Rejected(f"{column.name} is no date and time such as 2026-11-23T10:00:00Z.") from None
    if column.sort == "instant":
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found.tzinfo is not None:
        raise Rejected(f"{column.name} has no time zone: write 2026-11-23T10:00:00, without Z or an offset.")
    return found


def read_bytes(column: Column, value: Any) -> bytes:
    """Bytes out of JSON. Raises Rejected."""
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        raise Rejected(f"{column.name} holds bytes: write them in base64.") from None


def read_text(column: Column, value: Any) -> str:
    """What a database reads into the column's own type. Raises Rejected."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Rejected(f"{column.name} takes one value ({column.type}), not a list or an object.")


def earlier(column: Column, value: Any, seconds: float) -> Any:
    """A cursor's value put back by an overlap, where it is a time; any other is read again from itself on."""
    if column.sort in {"instant", "timestamp"} and isinstance(value, str):
        try:
            return moment(read_moment(column, value) - timedelta(seconds=seconds))
        except (Rejected, OverflowError):
            return value
    return value


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _day(value: date) -> str:
    return "infinity" if value == date.max else "-infinity" if value == date.min else value.isoformat()


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): plain(each) for name, each in value.items()}


_LAST, _FIRST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)

# A datetime is a date, too.
_CONVERT: Sequence[tuple[type | tuple[type, ...], Callable[[Any], Any]]] = (
    (float, _number),
    (datetime, moment),
    (date, _day),
    (time, time.isoformat),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(value).decode()),
    (Mapping, _object),
    ((list, tuple), lambda value: [plain(each) for each in value]),
    (Decimal, lambda value: format(value, "f") if value.is_finite() else str(value)),
)
