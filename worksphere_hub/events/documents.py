"""PURE: find event types in an OpenAPI 3.1 document's `webhooks` or in an AsyncAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from worksphere_hub.errors import FieldProblem
from worksphere_hub.events.errors import InvalidEventType
from worksphere_hub.events.schema_limits import DRAFT_07, resolve
from worksphere_hub.events.schema_refs import cut_out

FOUND_LIMIT = 200
_METHODS = ("post", "put", "patch", "get", "delete")
# What the hub itself wraps an event's data in: a schema of all three describes the message, not the data.
_ENVELOPE = frozenset({"type", "timestamp", "data"})


@dataclass(frozen=True, slots=True)
class Found:
    """An event type in a document. `problem` says why there is no schema."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] | None = None
    sample: Any = None
    problem: str | None = None


def find_types(document: dict[str, Any]) -> list[Found]:
    """The event types that a document describes, one a name; raises InvalidEventType for any other document."""
    if str(document.get("openapi", "")).startswith(("3.1", "3.2")):
        found = _in_openapi(document)
    elif str(document.get("asyncapi", "")).startswith(("2.", "3.")):
        found = _in_asyncapi(document)
    else:
        message = (
            "must be an OpenAPI document of version 3.1 with `webhooks`, or an AsyncAPI document of version 2 or 3"
        )
        raise InvalidEventType(f"document {message}.", problems=[FieldProblem("document", message)])
    by_name: dict[str, Found] = {}
    for each in found:
        by_name.setdefault(each.name, each)
    if not 1 <= len(by_name) <= FOUND_LIMIT:
        message = f"describes {len(by_name)} event types; 1 to {FOUND_LIMIT} are taken at once"
        raise InvalidEventType(f"document {message}.", problems=[FieldProblem("document", message)])
    return list(by_name.values())


def _in_openapi(document: dict[str, Any]) -> Iterator[Found]:
    for name, item in _map(document.get("webhooks")).items():
        start, path = _followed(document, f"#/webhooks/{_escaped(name)}", item)
        method = next((each for each in _METHODS if each in path), None)
        operation = _map(path.get(method or ""))
        text = str(operation.get("description") or operation.get("summary") or path.get("description") or "")
        place, body = _followed(document, f"{start}/{method}/requestBody", operation.get("requestBody"))
        kinds = _map(body.get("content"))
        kind = next((each for each in kinds if each.partition(";")[0].endswith("json")), None)
        media = _map(kinds.get(kind or ""))
        if "schema" not in media:
            yield Found(name, text, problem="its request body has no schema of JSON")
            continue
        examples = [_map(each).get("value") for each in _map(media.get("examples")).values()]
        sample = media.get("example", examples[0] if examples else None)
        yield _found(document, name, text, f"{place}/content/{_escaped(kind or '')}/schema", sample, draft_07=False)


def _in_asyncapi(document: dict[str, Any]) -> Iterator[Found]:
    for at, key in _message_places(document):
        place, message = _followed(document, at, resolve(document, at))
        name = str(message.get("name") or (place.rsplit("/", 1)[-1] if "/components/" in place else key))
        text = str(message.get("description") or message.get("summary") or "")
        payload = _map(message.get("payload"))
        wrapped = "schemaFormat" in payload and "schema" in payload
        kind = str(payload["schemaFormat"] if wrapped else message.get("schemaFormat", "")).lower()
        if not payload or (kind and "json" not in kind and "asyncapi" not in kind):
            yield Found(name, text, problem="its payload has no JSON Schema")
            continue
        samples = [_map(each).get("payload") for each in _list(message.get("examples"))]
        start = f"{place}/payload/schema" if wrapped else f"{place}/payload"
        sample = next((each for each in samples if each is not None), None)
        yield _found(document, name, text, start, sample, draft_07="2020-12" not in kind)


def _message_places(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where messages stand in versions 3 and 2, and a name for each that has none."""
    for key, channel in _map(document.get("channels")).items():
        at = f"#/channels/{_escaped(key)}"
        for name in _map(_map(channel).get("messages")):
            yield f"{at}/messages/{_escaped(name)}", name
        for direction in ("publish", "subscribe"):
            message = _map(_map(_map(channel).get(direction)).get("message"))
            several = _list(message.get("oneOf"))
            for index in range(len(several)):
                yield f"{at}/{direction}/message/oneOf/{index}", key
            if message and not several:
                yield f"{at}/{direction}/message", key


def _found(document: dict[str, Any], name: str, text: str, place: str, sample: Any, *, draft_07: bool) -> Found:
    place, schema = _followed(document, place, resolve(document, place))
    if _map(schema.get("properties")).keys() >= _ENVELOPE:
        place, _ = _followed(document, f"{place}/properties/data", schema["properties"]["data"])
        sample = cast("dict[str, Any]", sample).get("data") if isinstance(sample, dict) else None
    try:
        made = cut_out(document, place, "definitions" if draft_07 else "$defs")
    except ValueError as error:
        return Found(name, text, problem=str(error))
    return Found(name, text, {"$schema": f"{DRAFT_07}#", **made} if draft_07 else made, sample)


def _followed(document: dict[str, Any], place: str, value: Any) -> tuple[str, dict[str, Any]]:
    """Where a value really stands, and the value, after references that are nothing else."""
    for _ in range(8):
        node = _map(value)
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/") or len(node) > 1:
            return place, node
        place, value = reference, resolve(document, reference)
    return place, {}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _map(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
