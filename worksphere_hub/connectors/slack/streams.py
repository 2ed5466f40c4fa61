"""What can be read from Slack.

History tells what was written, not what was changed, deleted or replied to since: that comes by events. What is read
again each time, the last day unless asked otherwise, is for those that were missed.
"""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

from worksphere_hub.connectors.slack.calls import call, pages
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing, NotPermitted
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_NUMBER = {"type": ["integer", "null"]}
_KINDS = "public_channel,private_channel"
_RESCAN_SECONDS = 86_400


class Channels(Stream):
    """Channels that the app can see, archived ones too."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them."""
        del state, only
        async for found in _channels(api):
            yield Page(found, {})


class Users(Stream):
    """Members of the workspace, those that have left and bots too."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always everybody."""
        del state, only
        async for found in pages(api, "users.list", "members"):
            yield Page(found, {})


class Messages(Stream):
    """Messages and replies of the channels that the app is in. The key is the channel and the time of writing."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Channel by channel, from a day before the newest that is known; `only` may name a `channel`.

        The state has the newest of each channel, and moves when a channel has been read to its end: Slack gives the
        newest first.
        """
        newest: dict[str, str] = dict((state or {}).get("newest", {}))
        for channel in await _joined(api, only):
            oldest = _earlier(newest.get(channel), (only or {}).get("rescan_seconds", _RESCAN_SECONDS))
            top = newest.get(channel)
            try:
                async for found in pages(
                    api, "conversations.history", "messages", channel=channel, oldest=oldest, inclusive=True
                ):
                    top = max([message["ts"] for message in found] + ([top] if top else []), key=Decimal, default=top)
                    yield Page([_of(channel, message) for message in found], {"newest": dict(newest)})
                    for parent in found:
                        if parent.get("reply_count"):
                            yield Page(await _replies(api, channel, parent["ts"]), {"newest": dict(newest)})
            except (Missing, NotPermitted):
                # The app was taken out of the channel while it was read: it has nothing to read there any more.
                continue
            if top is not None:
                newest[channel] = top
            yield Page([], {"newest": dict(newest)})


class Files(Stream):
    """Files of the workspace, without their contents."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """By page, the newest first, down to where the last read began; `only` may name a `channel`."""
        since = (state or {}).get("since")
        highest, number = since, 1
        while True:
            wanted = {"channel": (only or {}).get("channel"), "ts_from": since, "page": number, "count": 200}
            body = await call(api, "files.list", wanted)
            found: list[dict[str, Any]] = body["files"]
            highest = max([file["created"] for file in found] + ([highest] if highest else []), default=None)
            done = number >= int(body["paging"].get("pages") or 1)
            yield Page(found, {"since": highest} if done and highest else dict(state or {}))
            if done:
                return
            number += 1


async def _channels(api: Api) -> AsyncIterator[list[dict[str, Any]]]:
    async for found in pages(api, "conversations.list", "channels", types=_KINDS):
        yield found


async def _joined(api: Api, only: Mapping[str, Any] | None) -> list[str]:
    if only and only.get("channel"):
        return [str(only["channel"])]
    return [channel["id"] async for found in _channels(api) for channel in found if channel.get("is_member")]


async def _replies(api: Api, channel: str, parent: str) -> list[dict[str, Any]]:
    """Replies to a message, without the message itself, which comes first."""
    found = [
        each
        async for page in pages(api, "conversations.replies", "messages", channel=channel, ts=parent)
        for each in page
    ]
    return [_of(channel, message) for message in found if message["ts"] != parent]


def _of(channel: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "channel": channel}


def _earlier(newest: str | None, seconds: float) -> str:
    """A timestamp so many seconds before; Slack's have six decimals, which a float would round."""
    return "0" if newest is None else str(max(Decimal(newest) - Decimal(str(seconds)), Decimal(0)))


def streams() -> dict[str, Stream]:
    """Slack's streams by name."""
    return {
        "channels": Channels(
            "channels",
            Kind(
                "Channels",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "name": _TEXT, "created": _NUMBER, "creator": _TEXT,
                 "is_private": _FLAG, "is_archived": _FLAG, "is_member": _FLAG, "num_members": _NUMBER,
                 "topic": {"type": "object"}, "purpose": {"type": "object"}}},
                scopes=("channels:read", "groups:read"),
            ),
        ),
        "users": Users(
            "users",
            Kind(
                "Members",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "team_id": _TEXT, "name": _TEXT, "deleted": _FLAG,
                 "real_name": _TEXT, "tz": _TEXT, "is_admin": _FLAG, "is_bot": _FLAG, "updated": _NUMBER,
                 "profile": {"type": "object"}}},
                scopes=("users:read", "users:read.email"),
            ),
        ),
        "messages": Messages(
            "messages",
            Kind(
                "Messages",
                ("channel", "ts"),
                {"type": "object", "properties": {"channel": _TEXT, "ts": _TEXT, "user": _TEXT, "text": _TEXT,
                 "type": _TEXT, "subtype": _TEXT, "thread_ts": _TEXT,
                 "reply_count": _NUMBER, "edited": {"type": ["object", "null"]}}},
                cursor_field="ts",
                incremental=True,
                scopes=("channels:history", "groups:history"),
            ),
        ),
        "files": Files(
            "files",
            Kind(
                "Files",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "name": _TEXT, "title": _TEXT, "mimetype": _TEXT,
                 "size": _NUMBER, "user": _TEXT, "created": _NUMBER, "channels": {"type": "array"}}},
                cursor_field="created",
                incremental=True,
                scopes=("files:read",),
            ),
        ),
    }  # fmt: skip
