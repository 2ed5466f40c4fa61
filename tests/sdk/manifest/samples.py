"""Manifests to begin from: one of every auth type, and nothing wrong with any."""

import copy
from typing import Any


def entered(*names: str, **schema: Any) -> dict[str, Any]:
    """The schema of what is entered: texts, all of them secret and required."""
    properties = {name: {"type": "string", "title": name.title(), "writeOnly": True} for name in names}
    return {
        "type": "object",
        "properties": properties,
        "required": list(names),
        "additionalProperties": False,
        **schema,
    }


BASE: dict[str, Any] = {
    "slug": "tickets",
    "name": "Tickets",
    "version": "1.2.0",
    "category": "crm",
    "summary": "Tickets of a help desk.",
    "hosts": ["${settings.subdomain}.tickets.example", "*.cdn.tickets.example"],
    "settings": {
        "type": "object",
        "properties": {"subdomain": {"type": "string", "title": "Subdomain"}},
        "required": ["subdomain"],
        "additionalProperties": False,
    },
    "auth": {
        "key": {
            "type": "api_key",
            "label": "API key",
            "fields": entered("key"),
            "place": [{"name": "x-api-key", "value": "${credential.key}"}],
        }
    },
    "api": {
        "base_url": "https://${settings.subdomain}.tickets.example/v2",
        "pagination": {"kind": "cursor", "parameter": "after", "cursor": "meta.next"},
        "rates": [{"name": "all", "limit": 100, "per_seconds": 60}],
    },
    "verification": {"path": "/me", "account_key": "id", "account_label": "name"},
    "streams": {
        "tickets": {"title": "Tickets", "call": {"path": "/tickets"}, "records": "data", "primary_key": ["id"]}
    },
    "actions": {
        "close": {
            "title": "Close a ticket",
            "call": {"method": "POST", "path": "/tickets/${input.id}/close"},
            "input_schema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
        }
    },
}

OAUTH: dict[str, Any] = {
    "type": "oauth2",
    "label": "Sign in",
    "authorize_url": "https://login.tickets.example/authorize",
    "token_url": "https://${settings.subdomain}.tickets.example/oauth/token",
    "revoke_url": "https://${settings.subdomain}.tickets.example/oauth/revoke",
    "scopes": {"read": {"sentence": "Read your tickets."}, "write": {"sentence": "Change your tickets."}},
    "capture": {"account": "account.id"},
}

CUSTOM: dict[str, Any] = {
    "type": "custom",
    "label": "Signed",
    "fields": entered("id", "secret"),
    "steps": [
        {
            "name": "login",
            "url": "https://${settings.subdomain}.tickets.example/login",
            "json_body": {"id": "${credential.id}"},
            "capture": {"session": "session"},
        },
        {
            "name": "open",
            "url": "https://${settings.subdomain}.tickets.example/open/${captured.session}",
            "capture": {"ticket": "t"},
        },
    ],
    "lifetime_seconds": 600,
    "signature": {"key": "${credential.secret}", "message": "${request.method}${request.path}${captured.ticket}"},
    "place": [{"name": "x-signature", "value": "${signature.value} at ${signature.timestamp}"}],
}


def base(**changes: Any) -> dict[str, Any]:
    """A sound manifest; `path__to__field=value` sets a field, and None takes it out."""
    made = copy.deepcopy(BASE)
    for name, value in changes.items():
        *parents, last = name.split("__")
        at = made
        for part in parents:
            at = at.setdefault(part, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = copy.deepcopy(value)
    return made
