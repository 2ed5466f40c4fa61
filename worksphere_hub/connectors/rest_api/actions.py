"""What can be done at any REST API: call it."""

from collections.abc import Mapping
from typing import Any

from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api, Request, require_success
from worksphere_hub.sdk.errors import Unexpected

_METHODS = {"get": "Get", "post": "Post", "put": "Put", "patch": "Patch", "delete": "Delete"}
_TEXTS = {"type": "object", "maxProperties": 100, "additionalProperties": {"type": "string", "maxLength": 8_000}}


class Call(Action):
    """One method. What it answers is the body: JSON as it is, anything else as a text."""

    def __init__(self, name: str, title: str) -> None:
        properties: dict[str, Any] = {
            "path": {"type": "string", "pattern": "^/", "maxLength": 4_000, "description": "After the base URL."},
            "query": _TEXTS,
            "headers": _TEXTS,
        }
        if name in {"post", "put", "patch"}:
            properties["body"] = {"description": "Sent as JSON."}
        schema = {"type": "object", "required": ["path"], "additionalProperties": False, "properties": properties}
        super().__init__(name, Deed(title, schema, idempotent=name in {"get", "put", "delete"}))

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers `{"status", "body"}`."""
        answer = await api.send(
            Request(
                self.name.upper(), given["path"], given.get("query", {}), given.get("headers", {}),
                json=given.get("body"), idempotent=self.deed.idempotent,
            )
        )  # fmt: skip
        require_success(answer)
        try:
            body = answer.json() if answer.body else None
        except Unexpected:
            body = answer.body.decode(errors="replace")
        return {"status": answer.status, "body": body}


def actions() -> dict[str, Action]:
    """One for each method."""
    return {name: Call(name, title) for name, title in _METHODS.items()}
