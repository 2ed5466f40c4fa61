"""PURE: Airbyte's catalogue, messages and states (https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import AuthFailed, BadSettings, ConnectorFailed, Transient, Unexpected
from worksphere_hub.sdk.stream import Kind

_BY_TYPE: Mapping[str, type[ConnectorFailed]] = {"config_error": BadSettings, "transient_error": Transient}


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream of a catalogue, and the stream as the source gave it."""

    name: str
    kind: Kind
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says that matters."""

    stream: str | None = None
    record: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None
    catalogue: Sequence[Mapping[str, Any]] | None = None
    refused: str | None = None
    is_well: bool = False


class _Record(msgspec.Struct):
    stream: str
    data: dict[str, Any]


class _Descriptor(msgspec.Struct):
    name: str


class _StreamState(msgspec.Struct):
    stream_descriptor: _Descriptor
    stream_state: dict[str, Any] | None = None


class _State(msgspec.Struct):
    stream: _StreamState | None = None


class _Catalogue(msgspec.Struct):
    streams: list[dict[str, Any]]


class _Status(msgspec.Struct):
    status: str
    message: str | None = None


class _Error(msgspec.Struct):
    message: str | None = None
    failure_type: str | None = None


class _Trace(msgspec.Struct):
    error: _Error | None = None


class _Message(msgspec.Struct):
    record: _Record | None = None
    state: _State | None = None
    catalog: _Catalogue | None = None
    connectionStatus: _Status | None = None  # noqa: N815 - Airbyte's word
    trace: _Trace | None = None


def require_plain(manifest: Any) -> None:
    """Nothing in it may name code: it is a description, and no more. Raises BadSettings."""
    for name, value in _walk(manifest):
        if name == "class_name" or (name == "type" and isinstance(value, str) and value.startswith("Custom")):
            raise BadSettings("The manifest has a component of its own code, which is not run here.")


def read(line: bytes) -> Said | None:
    """What a line of the source's output says; None for its log. Raises ConnectorFailed for an error that it tells."""
    try:
        message = msgspec.json.decode(line, type=_Message)
    except msgspec.DecodeError:
        # Libraries of the source's print as they like.
        return None
    if message.record is not None:
        return Said(message.record.stream, message.record.data)
    if message.state is not None and message.state.stream is not None:
        state = message.state.stream
        return Said(state.stream_descriptor.name, state={"value": state.stream_state or {}})
    if message.catalog is not None:
        return Said(catalogue=message.catalog.streams)
    if message.connectionStatus is not None:
        told = message.connectionStatus
        is_well = told.status == "SUCCEEDED"
        return Said(refused=None if is_well else told.message or "It does not say why.", is_well=is_well)
    if message.trace is not None and message.trace.error is not None:
        raise _told(message.trace.error)
    return None


def entries(catalogue: Sequence[Mapping[str, Any]], keys: Mapping[str, Sequence[str]]) -> list[Entry]:
    """The streams whose records have a key: the source's, or the one in `keys`. Raises Unexpected."""
    found = (_entry(each, keys) for each in catalogue)
    return [entry for entry in found if entry.kind.primary_key]


def configured(entry: Entry) -> bytes:
    """A catalogue that asks for this stream alone."""
    mode = "incremental" if entry.kind.incremental else "full_refresh"
    asked = {"stream": entry.given, "sync_mode": mode, "destination_sync_mode": "append"}
    return msgspec.json.encode({"streams": [asked]})


def state_of(name: str, value: Any) -> bytes:
    """A state as the source takes it back."""
    stream = {"stream_descriptor": {"name": name}, "stream_state": value}
    return msgspec.json.encode([{"type": "STREAM", "stream": stream}])


def _entry(given: Mapping[str, Any], keys: Mapping[str, Sequence[str]]) -> Entry:
    name = given.get("name")
    if not isinstance(name, str):
        raise Unexpected("A stream of the source's catalogue has no name.")
    key: Sequence[str] = keys.get(name) or [
        path[0] for path in cast("list[list[str]]", given.get("source_defined_primary_key") or []) if len(path) == 1
    ]
    cursor = cast("list[str]", given.get("default_cursor_field") or [])
    incremental = "incremental" in cast("list[str]", given.get("supported_sync_modes") or [])
    schema: Mapping[str, Any] = given.get("json_schema") or {}
    return Entry(
        name, Kind(name, tuple(key), schema, cursor[0] if len(cursor) == 1 else None, incremental=incremental), given
    )


def _told(error: _Error) -> ConnectorFailed:
    said = (error.message or "The source failed.")[:300]
    if any(word in said.lower() for word in ("401", "403", "unauthorized", "forbidden", "authentication")):
        return AuthFailed(said)
    return _BY_TYPE.get(error.failure_type or "", Unexpected)(said)


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            for name, each in cast("dict[str, Any]", at).items():
                yield str(name), each
                waiting.append(each)
        elif isinstance(at, list):
            waiting += cast("list[Any]", at)
