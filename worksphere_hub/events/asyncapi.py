"""PURE: an organization's event types as an AsyncAPI 3.0 document."""

from collections.abc import Sequence
from typing import Any

from worksphere_hub.events.models import EventType
from worksphere_hub.events.sample import make_sample
from worksphere_hub.events.schema_limits import DRAFT_07, dialect
from worksphere_hub.events.schema_refs import embedded

_FORMATS = {True: "application/schema+json;version=draft-07", False: "application/schema+json;version=2020-12"}
_TIME = "2026-01-31T12:00:00Z"


def describe(organization: str, types: Sequence[EventType]) -> dict[str, Any]:
    """The document: a channel, an operation and a message for each type; samples are made up where there is none."""
    newest = max((each.updated_at for each in types), default=None)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Events of {organization}",
            "version": newest.isoformat() if newest else "0",
            "description": "Webhooks signed by Standard Webhooks. `data` is what the contract of each type is about.",
        },
        "defaultContentType": "application/json",
        "channels": {each.name: _channel(each) for each in types},
        "operations": {f"send.{each.name}": _operation(each) for each in types},
        "components": {
            "messages": {each.name: _message(each) for each in types},
            "schemas": {"webhookHeaders": _HEADERS},
        },
    }


_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The event's id: the same on every attempt."},
        "webhook-timestamp": {"type": "string", "description": "Seconds since 1970, of this attempt."},
        "webhook-signature": {"type": "string", "description": "One or more signatures, separated by spaces."},
    },
}


def _channel(each: EventType) -> dict[str, Any]:
    return {
        "address": each.name,
        "title": each.name,
        "description": each.description,
        "messages": {each.name: {"$ref": f"#/components/messages/{each.name}"}},
    }


def _operation(each: EventType) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{each.name}"},
        "summary": f"POST {each.name} to every endpoint that wants it",
        "messages": [{"$ref": f"#/channels/{each.name}/messages/{each.name}"}],
    }


def _message(each: EventType) -> dict[str, Any]:
    schema = each.current.schema
    place = f"#/components/messages/{each.name}/payload/schema/properties/data"
    sample = each.current.sample if each.current.sample is not None else make_sample(schema)
    message: dict[str, Any] = {
        "name": each.name,
        "title": each.name,
        "summary": each.description,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/webhookHeaders"},
        "payload": {
            "schemaFormat": _FORMATS[dialect(schema) == DRAFT_07],
            "schema": {
                "type": "object",
                "required": ["type", "timestamp", "data"],
                "properties": {
                    "type": {"const": each.name},
                    "timestamp": {"type": "string", "format": "date-time"},
                    "data": embedded(schema, place),
                },
            },
        },
        "x-version": each.current.version,
        "x-enforcement": each.enforcement,
    }
    if each.deprecated_at is not None:
        message["tags"] = [{"name": "deprecated", "description": f"Since {each.deprecated_at.date().isoformat()}."}]
    if sample is not None:
        payload = {"type": each.name, "timestamp": _TIME, "data": sample}
        message["examples"] = [{"name": "sample", "payload": payload}]
    return message
