"""What can be done at Teams."""

from collections.abc import Mapping
from typing import Any

from worksphere_hub.connectors.microsoft_teams.calls import call, part
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api


class SendToChannel(Action):
    """Write a message, or a reply to one. Nothing tells a repetition apart, so it is not tried again when in doubt."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the message's `id`."""
        path = f"/teams/{given['team']}/channels/{part(given['channel'])}/messages"
        if "reply_to" in given:
            path += f"/{given['reply_to']}/replies"
        made = await call(api, "POST", path, json=_message(given), idempotent=False)
        return {"id": made["id"]}


class UpdateInChannel(Action):
    """Change a message that the person wrote."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the message's `id`."""
        path = f"/teams/{given['team']}/channels/{part(given['channel'])}/messages/{given['id']}"
        await call(api, "PATCH", path, json=_message(given), idempotent=True)
        return {"id": given["id"]}


class SendToChat(Action):
    """Write in a chat."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the message's `id`."""
        path = f"/chats/{part(given['chat'])}/messages"
        made = await call(api, "POST", path, json=_message(given), idempotent=False)
        return {"id": made["id"]}


def _message(given: Mapping[str, Any]) -> dict[str, Any]:
    body = {"contentType": "html" if given.get("html") else "text", "content": given["text"]}
    return {"body": body, **({"subject": given["subject"]} if "subject" in given else {})}


def actions() -> dict[str, Action]:
    """Teams' actions by name."""
    text = {"type": "string", "minLength": 1}
    written = {"text": {**text, "maxLength": 28_000}, "html": {"type": "boolean"}}
    channel = {"team": text, "channel": text}
    made = [
        SendToChannel(
            "send_to_channel",
            _deed(
                "Write in a channel",
                ("team", "channel", "text"),
                {**channel, **written, "reply_to": text, "subject": text},
                "ChannelMessage.Send",
            ),
        ),
        UpdateInChannel(
            "update_in_channel",
            _deed(
                "Change a message in a channel",
                ("team", "channel", "id", "text"),
                {**channel, "id": text, **written},
                "ChannelMessage.Send",
                twice=True,
            ),
        ),
        SendToChat(
            "send_to_chat", _deed("Write in a chat", ("chat", "text"), {"chat": text, **written}, "Chat.ReadWrite")
        ),
    ]
    return {action.name: action for action in made}


def _deed(
    title: str, required: tuple[str, ...], properties: dict[str, Any], scope: str, *, twice: bool = False
) -> Deed:
    schema = {"type": "object", "required": list(required), "additionalProperties": False, "properties": properties}
    return Deed(title, schema, idempotent=twice, scopes=(scope,))
