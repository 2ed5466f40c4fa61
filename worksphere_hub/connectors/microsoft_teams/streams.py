"""Teams, channels, members, messages of channels (by delta) with their replies, chats and their messages."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from worksphere_hub.connectors.microsoft_teams.calls import call, pages, part
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing, NotPermitted
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

_TEXT = {"type": ["string", "null"]}
_OBJECT = {"type": ["object", "null"]}
_PAGE = 50


class Teams(Stream):
    """Teams that the person is a member of."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them."""
        del state, only
        async for found in pages(api, "/me/joinedTeams"):
            yield Page(found["value"], {})


class Channels(Stream):
    """Channels of the teams."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `team`."""
        del state
        for team in await _teams(api, only):
            async for found in pages(api, f"/teams/{team}/channels"):
                yield Page([{**channel, "teamId": team} for channel in found["value"]], {})


class Members(Stream):
    """Who is in which team."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `team`."""
        del state
        for team in await _teams(api, only):
            async for found in pages(api, f"/teams/{team}/members"):
                yield Page([{**member, "teamId": team} for member in found["value"]], {})


class Messages(Stream):
    """Messages of channels. Graph's delta tells what is new, changed and deleted, of the last eight months."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Channel by channel, each from its own link on; `only` may name a `team` and a `channel`.

        Raises StateExpired when a link is too old.
        """
        links: dict[str, str] = dict((state or {}).get("links", {}))
        for team, channel in await _channels(api, only):
            place = f"{team}/{channel}"
            begin = links.get(place) or f"/teams/{team}/channels/{part(channel)}/messages/delta"
            query: dict[str, str | int] = {} if place in links else {"$top": _PAGE}
            try:
                async for found in pages(api, begin, query):
                    kept = [_of(team, channel, one) for one in found["value"] if not _is_gone(one)]
                    gone = [(team, channel, one["id"]) for one in found["value"] if _is_gone(one)]
                    if link := found.get("@odata.deltaLink"):
                        links[place] = link
                    yield Page(kept, {"links": dict(links)}, gone)
            except (Missing, NotPermitted):
                # Left, or deleted, while it was read.
                links.pop(place, None)


class Replies(Stream):
    """Replies to messages of channels, which the delta leaves out."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `team`, a `channel` and a `message`."""
        del state
        for team, channel in await _channels(api, only):
            base = f"/teams/{team}/channels/{part(channel)}/messages"
            for message in await _messages(api, base, only):
                async for found in pages(api, f"{base}/{message}/replies", {"$top": _PAGE}):
                    kept = [_of(team, channel, one) for one in found["value"] if not _is_gone(one)]
                    gone = [(team, channel, one["id"]) for one in found["value"] if _is_gone(one)]
                    yield Page(kept, {}, gone)


class Chats(Stream):
    """Chats that the person is in."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them."""
        del state, only
        async for found in pages(api, "/chats"):
            yield Page(found["value"], {})


class ChatMessages(Stream):
    """Messages of chats."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `chat`."""
        del state
        chats = [only["chat"]] if only and only.get("chat") else []
        if not chats:
            chats = [chat["id"] async for found in pages(api, "/chats") for chat in found["value"]]
        for chat in chats:
            async for found in pages(api, f"/chats/{part(chat)}/messages", {"$top": _PAGE}):
                kept = [{**one, "chatId": chat} for one in found["value"] if not _is_gone(one)]
                yield Page(kept, {}, [(chat, one["id"]) for one in found["value"] if _is_gone(one)])


async def _teams(api: Api, only: Mapping[str, Any] | None) -> list[str]:
    if only and only.get("team"):
        return [str(only["team"])]
    return [team["id"] async for found in pages(api, "/me/joinedTeams") for team in found["value"]]


async def _channels(api: Api, only: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if only and only.get("team") and only.get("channel"):
        return [(str(only["team"]), str(only["channel"]))]
    return [
        (team, channel["id"])
        for team in await _teams(api, only)
        for channel in (await call(api, "GET", f"/teams/{team}/channels"))["value"]
    ]


async def _messages(api: Api, base: str, only: Mapping[str, Any] | None) -> list[str]:
    if only and only.get("message"):
        return [str(only["message"])]
    return [one["id"] async for found in pages(api, base, {"$top": _PAGE}) for one in found["value"]]


def _of(team: str, channel: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "teamId": team, "channelId": channel}


def _is_gone(message: Mapping[str, Any]) -> bool:
    return bool(message.get("deletedDateTime")) or "@removed" in message


def streams() -> dict[str, Stream]:
    """Teams' streams by name."""
    message = {
        "id": _TEXT, "createdDateTime": _TEXT, "lastModifiedDateTime": _TEXT, "subject": _TEXT, "body": _OBJECT,
        "from": _OBJECT, "messageType": _TEXT, "replyToId": _TEXT, "webUrl": _TEXT,
    }  # fmt: skip
    in_channel = {**message, "teamId": _TEXT, "channelId": _TEXT}
    place, read = ("teamId", "channelId", "id"), "ChannelMessage.Read.All"
    named = {"id": _TEXT, "displayName": _TEXT, "description": _TEXT, "createdDateTime": _TEXT, "webUrl": _TEXT}
    member = {"id": _TEXT, "teamId": _TEXT, "displayName": _TEXT, "userId": _TEXT, "email": _TEXT}
    chat = {"id": _TEXT, "topic": _TEXT, "chatType": _TEXT, "createdDateTime": _TEXT, "lastUpdatedDateTime": _TEXT}
    made = [
        Teams("teams", _kind("Teams", ("id",), named, "Team.ReadBasic.All")),
        Channels("channels", _kind("Channels", ("teamId", "id"), {**named, "teamId": _TEXT}, "Channel.ReadBasic.All")),
        Members("members", _kind("Members of teams", ("teamId", "id"), member, "TeamMember.Read.All")),
        Messages("messages", _kind("Messages of channels", place, in_channel, read, incremental=True)),
        Replies("replies", _kind("Replies in channels", place, in_channel, read)),
        Chats("chats", _kind("Chats", ("id",), chat, "Chat.ReadWrite")),
        ChatMessages(
            "chat_messages",
            _kind("Messages of chats", ("chatId", "id"), {**message, "chatId": _TEXT}, "Chat.ReadWrite"),
        ),
    ]
    return {stream.name: stream for stream in made}


def _kind(
    title: str, key: tuple[str, ...], properties: dict[str, Any], scope: str, *, incremental: bool = False
) -> Kind:
    schema = {"type": "object", "properties": properties}
    return Kind(title, key, schema, incremental=incremental, deletes=incremental, scopes=(scope,))
