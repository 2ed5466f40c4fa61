"""What can be done with an address that takes webhooks: send to it."""

import uuid
from collections.abc import Mapping
from typing import Any

from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api, Request, require_success

_SCHEMA = {
    "type": "object",
    "required": ["type", "data"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What happened: `order.paid`."},
        "data": {"type": "object"},
        "id": {
            "type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,200}$",
            "description": "By which the receiver knows a message that comes twice; a new one unless given.",
        },
    },
}  # fmt: skip


class Send(Action):
    """Send a message once: whether to send it again is for the caller, under the same id."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers `{"status", "id"}`."""
        name = given.get("id") or f"msg_{uuid.uuid4().hex}"
        message = {"id": name, "type": given["type"], "data": given["data"]}
        headers = {**api.settings.get("headers", {}), "webhook-id": name}
        method = api.settings.get("method", "POST")
        answer = await api.send(Request(method, api.settings["url"], headers=headers, json=message, idempotent=False))
        return {"status": require_success(answer).status, "id": name}


def actions() -> dict[str, Action]:
    """The one."""
    return {"send": Send("send", Deed("Send a message", _SCHEMA))}
