"""chat.*: write, change and delete messages."""

from worksphere_hub.sandbox.slack.methods import Caller, Method, NotOk, channel_of, truthy
from worksphere_hub.sandbox.slack.state import Channel, add_reply, new_message
from worksphere_hub.sandbox.wire import Json

_TEXT_LIMIT = 40_000
# About one message a second and channel, short bursts let through.
_BURST, _BURST_SECONDS = 10, 10.0


def post_message(caller: Caller, fields: Json) -> Json:
    """chat.postMessage"""
    channel = channel_of(caller, fields)
    if channel.archived:
        raise NotOk("is_archived")
    if caller.user not in channel.members and "chat:write.public" not in caller.token.scopes:
        raise NotOk("not_in_channel")
    caller.slack.slow_down(f"{caller.app.client_id}:{channel.id}:post", _BURST, _BURST_SECONDS)
    text = _text(fields)
    thread = str(fields.get("thread_ts") or "")
    if thread and channel.message(thread) is None:
        raise NotOk("thread_not_found")
    more: Json = {"team": caller.team.id}
    if caller.is_bot:
        bot = caller.team.users[caller.user]["profile"]["bot_id"]
        more |= {"bot_id": bot, "app_id": caller.app.settings.get("app_id")}
    if isinstance(fields.get("metadata"), dict):
        more["metadata"] = fields["metadata"]
    message = caller.slack.say(caller.team, channel, new_message("", caller.user, text, **more), thread)
    if thread and truthy(fields.get("reply_broadcast")):
        message["subtype"] = "thread_broadcast"
    return {"channel": channel.id, "ts": message["ts"], "message": message}


def update(caller: Caller, fields: Json) -> Json:
    """chat.update: one's own messages only."""
    channel, message = _own(caller, fields, "cant_update_message")
    message["text"] = _text(fields)
    message["edited"] = {"user": caller.user, "ts": caller.slack.stamps.next()}
    caller.slack.webhooks.message_changed(caller.team, channel, message)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}


def delete(caller: Caller, fields: Json) -> Json:
    """chat.delete: one's own messages only."""
    channel, message = _own(caller, fields, "cant_delete_message")
    channel.messages.remove(message)
    parent = channel.message(message.get("thread_ts", ""))
    if parent is not None:
        parent["reply_count"] = len(channel.replies(parent["ts"]))
    caller.slack.webhooks.message_deleted(caller.team, channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


def permalink(caller: Caller, fields: Json) -> Json:
    """chat.getPermalink"""
    channel = channel_of(caller, fields)
    message = channel.message(str(fields.get("message_ts") or ""))
    if message is None:
        raise NotOk("message_not_found")
    number = message["ts"].replace(".", "")
    address = f"https://{caller.team.domain}.slack.com/archives/{channel.id}/p{number}"
    return {"channel": channel.id, "permalink": address}


def _own(caller: Caller, fields: Json, foreign: str) -> tuple[Channel, Json]:
    channel = channel_of(caller, fields)
    message = channel.message(str(fields.get("ts") or ""))
    if message is None:
        raise NotOk("message_not_found")
    if message["user"] != caller.user:
        raise NotOk(foreign)
    return channel, message


def _text(fields: Json) -> str:
    text = str(fields.get("text") or "")
    if not text and not fields.get("blocks") and not fields.get("attachments"):
        raise NotOk("no_text")
    if len(text) > _TEXT_LIMIT:
        raise NotOk("msg_too_long")
    return text


def thread(channel: Channel, parent_ts: str, message: Json) -> None:
    """Make a message a reply."""
    parent = channel.message(parent_ts)
    if parent is not None:
        add_reply(parent, message)


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",), tier=4),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.getPermalink": Method(permalink, tier=4),
}
