"""What the OpenAPI document says of the bare publish routes."""

from typing import Any

from starlette.types import ASGIApp

from worksphere_hub.http.openapi import RawRoute


def raw_routes(publish: ASGIApp, publish_batch: ASGIApp) -> dict[tuple[str, str], RawRoute]:
    """The bare routes with their handlers and what the document says of them."""
    key_header = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The same key and request: the same answer. The same key with another request: 422.",
    }
    event = {
        "type": "object",
        "required": ["type", "data"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "maxLength": 128, "pattern": r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"},
            "data": {"description": "Any JSON value; delivered as it is."},
            "id": {
                "type": ["string", "null"],
                "pattern": "^[A-Za-z0-9_-]{1,64}$",
                "description": "Your own id of the event: publishing it again does nothing.",
            },
            "occurred_at": {"type": ["string", "null"], "format": "date-time"},
            "channels": {
                "type": ["array", "null"],
                "minItems": 1,
                "maxItems": 5,
                "items": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
                "description": "Reaches endpoints of one of these channels, and those without any.",
            },
            "ordering_key": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": 128,
                "description": "Endpoints that keep order get events of one key one after the other.",
            },
        },
    }
    schemas = {
        "EventInput": event,
        "EventAccepted": {
            "type": "object",
            "required": ["id", "accepted_at"],
            "properties": {
                "id": {"type": "string"},
                "accepted_at": {"type": "string", "format": "date-time"},
                "warnings": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "How the event breaks the contract of its type, which only warns.",
                },
            },
        },
        "EventBatchInput": {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {
                "events": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1000,
                    "items": {"$ref": "#/components/schemas/EventInput"},
                }
            },
        },
        "EventBatchOutcome": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": "array", "items": {"type": "object"}}},
        },
    }
    return {
        ("POST", "/v1/events"): RawRoute(
            publish,
            {
                "operationId": "publish_event",
                "summary": "Publish an event",
                "description": "202 once the event and its fan-out are committed.",
                "tags": ["events"],
                "parameters": [key_header],
                "requestBody": _json_of("EventInput"),
                "responses": {"202": {"description": "Committed.", **_json_of("EventAccepted")}},
            },
            schemas,
        ),
        ("POST", "/v1/events/batch"): RawRoute(
            publish_batch,
            {
                "operationId": "publish_events",
                "summary": "Publish up to 1,000 events",
                "description": "Each event stands for itself; `data` answers them in order, an id or an error.",
                "tags": ["events"],
                "requestBody": _json_of("EventBatchInput"),
                "responses": {
                    "202": {"description": "All committed.", **_json_of("EventBatchOutcome")},
                    "207": {
                        "description": "Some refused; `data` says which.",
                        **_json_of("EventBatchOutcome"),
                    },
                },
            },
        ),
    }


def _json_of(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
