"""conversations.*: channels, their members, their messages."""

from worksphere_hub.sandbox.slack.methods import Caller, Method, NotOk, channel_of, page, truthy
from worksphere_hub.sandbox.slack.state import Channel, order
from worksphere_hub.sandbox.wire import Json

_READ = {"public_channel": "channels:read", "private_channel": "groups:read", "mpim": "mpim:read", "im": "im:read"}
_HISTORY = {"public_channel": "channels:history", "private_channel": "groups:history"}
# What Slack grants an app that is sold outside of its marketplace: 15 messages a minute.
_COMMERCIAL_PAGE = 15
# In every history, and hardly ever anything else.
_ACTIONS: Json = {"channel_actions_ts": None, "channel_actions_count": 0}


def view(channel: Channel, caller: Caller) -> Json:
    """A channel as Slack shows it to the caller."""
    info = {"creator": channel.creator, "last_set": channel.created}
    return {
        "id": channel.id, "name": channel.name, "name_normalized": channel.name, "created": channel.created,
        "creator": channel.creator, "is_channel": not channel.private, "is_group": channel.private, "is_im": False,
        "is_mpim": False, "is_private": channel.private, "is_archived": channel.archived,
        "is_general": channel.name == "general", "is_member": caller.user in channel.members, "is_shared": False,
        "is_org_shared": False, "is_ext_shared": False, "is_pending_ext_shared": False, "pending_shared": [],
        "unlinked": 0, "num_members": len(channel.members), "previous_names": [],
        "topic": {"value": channel.topic, **info}, "purpose": {"value": "", **info},
    }  # fmt: skip


def list_channels(caller: Caller, fields: Json) -> Json:
    """conversations.list"""
    types = [one.strip() for one in str(fields.get("types") or "public_channel").split(",")]
    for kind in types:
        if kind not in _READ:
            raise NotOk("invalid_types")
        caller.must_have(_READ[kind])
    rows = [
        view(channel, caller)
        for channel in caller.team.channels.values()
        if channel.kind in types
        and (not channel.private or caller.user in channel.members)
        and not (channel.archived and truthy(fields.get("exclude_archived")))
    ]
    found, cursor = page(rows, fields, 100, 1000)
    return {"channels": found, "response_metadata": {"next_cursor": cursor}}


def info(caller: Caller, fields: Json) -> Json:
    """conversations.info"""
    return {"channel": view(channel_of(caller, fields), caller)}


def members(caller: Caller, fields: Json) -> Json:
    """conversations.members"""
    rows = [{"id": identity} for identity in channel_of(caller, fields).members]
    found, cursor = page(rows, fields, 100, 1000)
    return {"members": [one["id"] for one in found], "response_metadata": {"next_cursor": cursor}}


def join(caller: Caller, fields: Json) -> Json:
    """conversations.join"""
    channel = channel_of(caller, fields)
    if channel.archived:
        raise NotOk("is_archived")
    if caller.user not in channel.members:
        channel.members.append(caller.user)
    return {"channel": view(channel, caller)}


def create(caller: Caller, fields: Json) -> Json:
    """conversations.create"""
    name = str(fields.get("name") or "")
    if not name:
        raise NotOk("invalid_name_required")
    if any(one.name == name for one in caller.team.channels.values()):
        raise NotOk("name_taken")
    channel = caller.slack.new_channel(caller.team, name, caller.user, private=truthy(fields.get("is_private")))
    return {"channel": view(channel, caller)}


def history(caller: Caller, fields: Json) -> Json:
    """conversations.history: the newest first, replies left out unless they were sent to the channel too."""
    channel = channel_of(caller, fields, member=True)
    caller.must_have(_HISTORY[channel.kind])
    rows = [
        one
        for one in reversed(_window(channel.messages, fields))
        if one.get("thread_ts") in {None, one["ts"]} or one.get("subtype") == "thread_broadcast"
    ]
    found, cursor = _page(caller, rows, fields)
    return {"messages": found, "has_more": bool(cursor), "pin_count": 0, **_ACTIONS, **_next(cursor)}


def replies(caller: Caller, fields: Json) -> Json:
    """conversations.replies: the parent, then its replies, the oldest first."""
    channel = channel_of(caller, fields, member=True)
    caller.must_have(_HISTORY[channel.kind])
    parent = channel.message(str(fields.get("ts") or ""))
    if parent is None:
        raise NotOk("thread_not_found")
    rows = [parent, *_window(channel.replies(parent["ts"]), fields)]
    found, cursor = _page(caller, rows, fields)
    return {"messages": found, "has_more": bool(cursor), **_next(cursor)}


def _page(caller: Caller, rows: list[Json], fields: Json) -> tuple[list[Json], str]:
    most = _COMMERCIAL_PAGE if caller.commercial else 999
    return page(rows, fields, min(100, most), most)


def _next(cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": cursor}} if cursor else {}


def _window(messages: list[Json], fields: Json) -> list[Json]:
    """Those between `oldest` and `latest`, the ends left out unless `inclusive`."""
    try:
        oldest = order(str(fields.get("oldest") or "0"))
        latest = order(str(fields["latest"])) if fields.get("latest") else (2**63, 0)
    except ValueError as error:
        raise NotOk("invalid_ts_oldest" if fields.get("oldest") else "invalid_ts_latest") from error
    if truthy(fields.get("inclusive")):
        return [one for one in messages if oldest <= order(one["ts"]) <= latest]
    return [one for one in messages if oldest < order(one["ts"]) < latest]


METHODS = {
    "conversations.list": Method(list_channels, tier=2),
    "conversations.info": Method(info, ("channels:read", "groups:read")),
    "conversations.members": Method(members, ("channels:read", "groups:read"), tier=4),
    "conversations.join": Method(join, ("channels:join",)),
    "conversations.create": Method(create, ("channels:manage", "groups:write", "channels:write"), tier=2),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
