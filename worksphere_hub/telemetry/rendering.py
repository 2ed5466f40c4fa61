"""Turn the fields of a log line into bytes: bounded, always encodable, one line."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import cast
from uuid import UUID

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

_CHARACTERS = 2_000
_ITEMS = 100
_DEPTH = 4
_BYTES = (bytes, bytearray, memoryview)
_AS_TEXT = (UUID, date, timedelta, PurePath, IPv4Address, IPv6Address)

_encoder = msgspec.json.Encoder()


def bounded(value: object, depth: int = _DEPTH) -> object:
    """Copy a field's value as plain JSON of limited size; what is not plain data is named, not printed."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() < 64 else f"<integer of {value.bit_length()} bits>"
    if isinstance(value, str):
        return _text(value)
    return _text(str(value)) if isinstance(value, _AS_TEXT) else _container(value, depth)


def render_json(_logger: WrappedLogger, _method: str, fields: EventDict) -> bytes:
    """Write one JSON object, the columns a reader looks for first in front."""
    head = {name: fields.pop(name, None) for name in ("at", "level", "event")}
    return _encoder.encode({**head, **cast("dict[str, object]", bounded(dict(fields)))})


class ConsoleLine:
    """Write a line for a person at a terminal."""

    def __init__(self, *, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="at")

    def __call__(self, logger: WrappedLogger, method: str, fields: EventDict) -> bytes:
        """Render as structlog's console does, from the same bounded fields as the JSON."""
        plain = cast("dict[str, object]", bounded(dict(fields)))
        return self._render(logger, method, plain).encode("utf-8", "backslashreplace")


def _text(value: str) -> str:
    if len(value) > _CHARACTERS:
        value = f"{value[:_CHARACTERS]}... ({len(value) - _CHARACTERS} more characters)"
    # Half a surrogate pair is a valid Python string that no encoder takes.
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _container(value: object, depth: int) -> object:
    # Bytes are payloads, bodies and keys: never log material.
    if isinstance(value, _BYTES):
        return "<bytes>"
    if depth and isinstance(value, Mapping):
        items = list(cast("Mapping[object, object]", value).items())[:_ITEMS]
        return {_text(str(name)): bounded(item, depth - 1) for name, item in items}
    if depth and isinstance(value, Sequence | set | frozenset):
        members = list(cast("Sequence[object]", value))
        return [bounded(item, depth - 1) for item in members[:_ITEMS]]
    # An object's own text may hold what nobody meant to log (a request, a row, a pool with its password).
    return f"<{type(value).__qualname__}>"
