"""What Slack sends: envelopes of the Events API, and forms with a `payload` when somebody presses a button."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told

_STREAMS = {
    "channel": "channels", "group": "channels", "member_joined_channel": "channels", "member_left_channel": "channels",
    "team_join": "users", "user_change": "users", "file": "files",
}  # fmt: skip
_ENDS_ACCESS = frozenset({"tokens_revoked", "app_uninstalled"})


class SlackInbound(Inbound):
    """Slack's events; the scheme answers its challenge."""

    scheme = "slack"

    def read(self, message: Message) -> list[Told]:
        """One fact; a retry has the same event id."""
        body = _decoded(message)
        if body.get("type") == "event_callback":
            event: dict[str, Any] = body.get("event") or {}
            return [_told(body, event)]
        if body.get("type") in {"url_verification", None}:
            return []
        # Buttons, shortcuts and what Slack has to say of itself, such as app_rate_limited.
        team: dict[str, Any] = body.get("team") or {"id": body.get("team_id")}
        return [Told(f"slack.{body['type']}", body.get("trigger_id"), body, account=team.get("id"))]


def _told(body: Mapping[str, Any], event: Mapping[str, Any]) -> Told:
    name = str(event.get("type", ""))
    if not name or not isinstance(body.get("event_id"), str):
        raise Unexpected("Slack's envelope has no event, or no id.")
    subtype = (
        f".{event['subtype']}"
        if name == "message" and event.get("subtype") in {"message_changed", "message_deleted"}
        else ""
    )
    stamp = body.get("event_time")
    stream, key = _record(name, event)
    return Told(
        f"slack.{name}{subtype}",
        body["event_id"],
        {"team_id": body.get("team_id"), "event": event},
        datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int) else None,
        stream,
        key,
        str(body["team_id"]) if body.get("team_id") else None,
        "access" if name in _ENDS_ACCESS else None,
    )


def _record(name: str, event: Mapping[str, Any]) -> tuple[str | None, tuple[Any, ...] | None]:
    if name == "message":
        inner: Mapping[str, Any] = event.get("message") or event
        ts = event.get("deleted_ts") or inner.get("ts")
        return "messages", (event["channel"], ts) if event.get("channel") and ts else None
    stream = _STREAMS.get(name) or _STREAMS.get(name.partition("_")[0])
    if stream == "files":
        return stream, (event["file_id"],) if event.get("file_id") else None
    about = event.get("channel" if stream == "channels" else "user")
    identity = cast("Mapping[str, Any]", about).get("id") if isinstance(about, Mapping) else about
    return stream, (identity,) if stream and identity else None


def _decoded(message: Message) -> dict[str, Any]:
    content = message.body
    if message.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qs(content.decode("utf-8", "replace"))
        # A slash command is a form of its own; a button sends JSON in one field.
        if "payload" not in fields:
            return {"type": "command", **{name: values[0] for name, values in fields.items()}}
        content = fields["payload"][0].encode()
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        raise Unexpected("Slack's message is not JSON.") from None
    if not isinstance(body, dict):
        raise Unexpected("Slack's message is no object.")
    return cast("dict[str, Any]", body)
