"""What can be done at Slack."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from worksphere_hub.connectors.slack.calls import call
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api, Request, require_success
from worksphere_hub.sdk.errors import BadSettings, Missing

_CHANNEL = {"type": "string", "minLength": 1, "description": "A channel's id, or its name after a #."}
_TIME = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$", "description": "A message's ts."}
_MESSAGE = {"type": "string", "minLength": 1, "maxLength": 40_000}


class PostMessage(Action):
    """Write a message. Nothing tells a repetition from another message, so it is not tried again when in doubt."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the message's `channel` and `ts`."""
        fields = {name: given.get(name) for name in ("channel", "text", "thread_ts", "reply_broadcast")}
        body = await call(api, "chat.postMessage", fields, idempotent=False)
        return {"channel": body["channel"], "ts": body["ts"]}


class UpdateMessage(Action):
    """Change a message that the app wrote."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the message's `channel` and `ts`."""
        body = await call(api, "chat.update", {name: given[name] for name in ("channel", "ts", "text")})
        return {"channel": body["channel"], "ts": body["ts"]}


class DeleteMessage(Action):
    """Delete a message that the app wrote. One that is gone is gone."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers whether there was one."""
        try:
            await call(api, "chat.delete", {"channel": given["channel"], "ts": given["ts"]})
        except Missing:
            return {"deleted": False}
        return {"deleted": True}


class UploadFile(Action):
    """Upload a file, in the three steps that Slack wants: ask where, send the bytes, say that they are there."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the file's `id` and `name`."""
        content = _content(given)
        asked = {"filename": given["filename"], "length": len(content)}
        wanted = await call(api, "files.getUploadURLExternal", asked)
        require_success(await api.send(Request("POST", wanted["upload_url"], body=content, idempotent=True)))
        files = f'[{{"id":"{wanted["file_id"]}"}}]'
        said = {
            "files": files,
            "channel_id": given.get("channel"),
            "initial_comment": given.get("comment"),
            "thread_ts": given.get("thread_ts"),
        }
        body = await call(api, "files.completeUploadExternal", said, idempotent=False)
        return {"id": body["files"][0]["id"], "name": body["files"][0].get("name", given["filename"])}


def _content(given: Mapping[str, Any]) -> bytes:
    if "content_base64" not in given:
        return str(given.get("content", "")).encode()
    try:
        return base64.b64decode(given["content_base64"], validate=True)
    except binascii.Error:
        raise BadSettings("content_base64 is not base64.") from None


def actions() -> dict[str, Action]:
    """Slack's actions by name."""
    return {
        "post_message": PostMessage(
            "post_message",
            Deed(
                "Write a message",
                _input(
                    ("channel", "text"),
                    channel=_CHANNEL,
                    text=_MESSAGE,
                    thread_ts=_TIME,
                    reply_broadcast={"type": "boolean"},
                ),
                scopes=("chat:write",),
            ),
        ),
        "update_message": UpdateMessage(
            "update_message",
            Deed(
                "Change a message",
                _input(("channel", "ts", "text"), channel=_CHANNEL, ts=_TIME, text=_MESSAGE),
                idempotent=True,
                scopes=("chat:write",),
            ),
        ),
        "delete_message": DeleteMessage(
            "delete_message",
            Deed(
                "Delete a message",
                _input(("channel", "ts"), channel=_CHANNEL, ts=_TIME),
                idempotent=True,
                scopes=("chat:write",),
            ),
        ),
        "upload_file": UploadFile(
            "upload_file",
            Deed(
                "Upload a file",
                _input(
                    ("filename",),
                    filename={"type": "string", "minLength": 1, "maxLength": 255},
                    content={"type": "string", "minLength": 1},
                    content_base64={"type": "string", "minLength": 4},
                    channel={"type": "string", "minLength": 1},
                    comment={"type": "string"},
                    thread_ts=_TIME,
                )
                | {"oneOf": [{"required": ["content"]}, {"required": ["content_base64"]}]},
                scopes=("files:write",),
            ),
        ),
    }


def _input(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "additionalProperties": False, "properties": properties}
