"""PURE: Singer's catalogue and messages (https://github.com/singer-io/getting-started/blob/master/docs/SPEC.md)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.stream import Kind

_DELETED = "_sdc_deleted_at"


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream of a catalogue, and the entry as the tap gave it."""

    name: str
    kind: Kind
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says that matters: a record of a stream, or a state."""

    stream: str | None = None
    record: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None


class _Message(msgspec.Struct):
    type: str
    stream: str | None = None
    record: dict[str, Any] | None = None
    value: Any = None


def catalogue(text: bytes, keys: Mapping[str, Sequence[str]]) -> list[Entry]:
    """The streams whose records have a key: the tap's, or the one in `keys`. Raises Unexpected."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise Unexpected("The tap's catalogue is not JSON.") from None
    streams = cast("dict[str, Any]", found).get("streams") if isinstance(found, dict) else None
    if not isinstance(streams, list):
        raise Unexpected("The tap's catalogue has no streams.")
    entries = (_entry(cast("dict[str, Any]", each), keys) for each in cast("list[Any]", streams))
    return [entry for entry in entries if entry.kind.primary_key]


def selected(entry: Entry) -> bytes:
    """A catalogue in which this stream alone is selected, with all its fields, in words of old taps and new ones."""
    metadata: list[dict[str, Any]] = []
    is_said = False
    for each in _metadata(entry.given):
        facts: dict[str, Any] = dict(each.get("metadata") or {})
        breadcrumb: list[str] = each.get("breadcrumb") or []
        is_said = is_said or not breadcrumb
        facts["selected"] = facts.get("inclusion") != "unsupported"
        metadata.append({"breadcrumb": breadcrumb, "metadata": facts})
    if not is_said:
        metadata.append({"breadcrumb": [], "metadata": {"selected": True}})
    schema = {**entry.given.get("schema", {}), "selected": True}
    return msgspec.json.encode({"streams": [{**entry.given, "schema": schema, "metadata": metadata}]})


def read(line: bytes) -> Said | None:
    """What a line of the tap's output says; None for what does not matter here. Raises Unexpected."""
    try:
        message = msgspec.json.decode(line, type=_Message)
    except msgspec.DecodeError:
        raise Unexpected("The tap said a line that is no message of Singer's.") from None
    match message.type:
        case "RECORD" if message.stream is not None and message.record is not None:
            return Said(message.stream, message.record)
        case "STATE":
            return Said(state={"value": message.value})
        case "SCHEMA" | "ACTIVATE_VERSION":
            return None
        case "BATCH":
            raise Unexpected("The tap writes batches to files, which are not read here: switch that off in its config.")
        case _:
            raise Unexpected("The tap said a message that Singer does not have.")


def deletion(kind: Kind, record: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The key of a record that is gone at the source, as taps that read its log say it."""
    return None if record.get(_DELETED) is None else tuple(record.get(name) for name in kind.primary_key)


def _entry(given: Mapping[str, Any], keys: Mapping[str, Sequence[str]]) -> Entry:
    name = given.get("tap_stream_id") or given.get("stream")
    if not isinstance(name, str):
        raise Unexpected("A stream of the tap's catalogue has no name.")
    facts: dict[str, Any] = {}
    for each in _metadata(given):
        if not each.get("breadcrumb"):
            facts = each.get("metadata") or {}
    key: Any = keys.get(name) or given.get("key_properties") or facts.get("table-key-properties") or ()
    methods = facts.get("forced-replication-method"), facts.get("replication-method"), given.get("replication_method")
    method = next((each for each in methods if each), None)
    cursor = facts.get("replication-key") or given.get("replication_key")
    schema: Mapping[str, Any] = given.get("schema") or {}
    incremental = method in {"INCREMENTAL", "LOG_BASED"} or cursor is not None
    title, deletes = str(given.get("stream") or name), method == "LOG_BASED"
    return Entry(name, Kind(title, tuple(_texts(key)), schema, cursor, incremental=incremental, deletes=deletes), given)


def _metadata(given: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    found = given.get("metadata")
    several: list[Any] = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("dict[str, Any]", each) for each in several if isinstance(each, dict)]


def _texts(found: Any) -> list[str]:
    several: list[Any] = list(cast("Sequence[Any]", found)) if isinstance(found, list | tuple) else []
    return [each for each in several if isinstance(each, str)]
