"""What a workspace holds: people, channels with messages, files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.identity import UPPER, Identities
from worksphere_hub.sandbox.seeds import moment
from worksphere_hub.sandbox.wire import Json


@dataclass(slots=True)
class Channel:
    """A channel; messages in the order of their `ts`, replies among them."""

    id: str
    name: str
    created: int
    creator: str
    private: bool = False
    archived: bool = False
    invites_apps: bool = False
    topic: str = ""
    members: list[str] = field(default_factory=list[str])
    messages: list[Json] = field(default_factory=list[Json])

    @property
    def kind(self) -> str:
        """As `types` of conversations.list names it."""
        return "private_channel" if self.private else "public_channel"

    def message(self, ts: str) -> Json | None:
        """The message of a time stamp, which is its id."""
        return next((one for one in self.messages if one["ts"] == ts), None)

    def replies(self, ts: str) -> list[Json]:
        """The replies to a message, the oldest first."""
        return [one for one in self.messages if one.get("thread_ts") == ts and one["ts"] != ts]


@dataclass(slots=True)
class Team:
    """A workspace."""

    id: str
    name: str
    domain: str
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])
    files: dict[str, Json] = field(default_factory=dict[str, Json])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    # The bot user of each app that was ever installed, by client id.
    bots: dict[str, Json] = field(default_factory=dict[str, Json])

    def bot(self, client_id: str, name: str, identities: Identities) -> Json:
        """The app's bot user, made when the app is first installed, and invited where apps are."""
        if client_id not in self.bots:
            user = _user({"id": f"U{identities.text('bot', 10, UPPER)}", "name": name.lower().replace(" ", "_")}, self)
            user |= {"is_bot": True, "real_name": name}
            user["profile"]["bot_id"] = f"B{identities.text('bot', 10, UPPER)}"
            user["profile"].pop("email", None)
            self.users[user["id"]] = user
            self.bots[client_id] = user
            for channel in self.channels.values():
                if channel.invites_apps:
                    channel.members.append(user["id"])
        return self.bots[client_id]


class Stamps:
    """Time stamps of messages: microseconds, each one greater than the last."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """The next one."""
        self._last = max(self._last + 1, int(self._clock.epoch() * 1_000_000))
        return stamp(self._last)


def stamp(microseconds: int) -> str:
    """`1700000000.000100`."""
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def order(ts: str) -> tuple[int, int]:
    """What a time stamp is compared by. Raises ValueError."""
    seconds, _, rest = ts.partition(".")
    return int(seconds), int((rest + "000000")[:6])


def load_teams(seed: Json, start: datetime) -> dict[str, Team]:
    """The workspaces of a seed."""
    return {wanted["id"]: _team(wanted, start) for wanted in seed.get("teams", [])}


def _team(wanted: Json, start: datetime) -> Team:
    team = Team(wanted["id"], wanted["name"], wanted.get("domain", "sandbox"))
    for user in wanted.get("users", []):
        team.users[user["id"]] = _user(user, team)
    for number, channel in enumerate(wanted.get("channels", [])):
        team.channels[channel["id"]] = _channel(channel, start, number)
    for file in wanted.get("files", []):
        content = file.get("content", "").encode()
        add_file(team, file, content, int(moment(file.get("at"), start).timestamp()))
    return team


def _user(wanted: Json, team: Team) -> Json:
    real = wanted.get("real_name", wanted["name"])
    return {
        "id": wanted["id"], "team_id": team.id, "name": wanted["name"], "deleted": bool(wanted.get("deleted")),
        "real_name": real, "tz": wanted.get("tz", "Etc/UTC"), "tz_label": "Coordinated Universal Time", "tz_offset": 0,
        "color": "9f69e7", "is_admin": bool(wanted.get("admin")), "is_owner": bool(wanted.get("admin")),
        "is_primary_owner": False, "is_restricted": False, "is_ultra_restricted": False, "is_bot": False,
        "is_app_user": False, "updated": 1_700_000_000,
        "profile": {"real_name": real, "real_name_normalized": real, "display_name": wanted["name"],
                    "display_name_normalized": wanted["name"], "avatar_hash": "g0", "email": wanted.get("email"),
                    "title": "", "phone": "", "skype": "", "status_text": "", "status_emoji": "", "team": team.id},
    }  # fmt: skip


def _channel(wanted: Json, start: datetime, number: int) -> Channel:
    channel = Channel(
        wanted["id"],
        wanted["name"],
        int(start.timestamp()) - 90 * 86_400 + number,
        next(iter(wanted.get("members", [])), ""),
        private=bool(wanted.get("private")),
        archived=bool(wanted.get("archived")),
        invites_apps=bool(wanted.get("invites_apps")),
        topic=wanted.get("topic", ""),
        members=list(wanted.get("members", [])),
    )
    channel.messages = sorted(_messages(wanted.get("messages", []), start), key=lambda one: order(one["ts"]))
    return channel


def _messages(wanted: Iterable[Json], start: datetime, parent: Json | None = None) -> list[Json]:
    made: list[Json] = []
    for number, one in enumerate(wanted):
        micro = int(moment(one.get("at"), start).timestamp()) * 1_000_000 + (number + 1) * 100
        message = new_message(stamp(micro), one["user"], one["text"])
        made.append(message)
        if parent is not None:
            add_reply(parent, message)
        made += _messages(one.get("replies", []), start, message)
    return made


def new_message(ts: str, user: str, text: str, **more: Any) -> Json:
    """A message as history shows it."""
    return {"type": "message", "user": user, "text": text, "ts": ts, **more}


def add_reply(parent: Json, message: Json) -> None:
    """Tell parent and reply of each other."""
    message |= {"thread_ts": parent["ts"], "parent_user_id": parent["user"]}
    users = parent.setdefault("reply_users", [])
    if message["user"] not in users:
        users.append(message["user"])
    parent |= {
        "thread_ts": parent["ts"], "reply_count": parent.get("reply_count", 0) + 1, "reply_users_count": len(users),
        "latest_reply": message["ts"], "is_locked": False, "subscribed": False,
    }  # fmt: skip


def add_file(team: Team, wanted: Json, content: bytes, created: int) -> Json:
    """A file as files.info shows it."""
    identity, name = wanted["id"], wanted["name"]
    kind = name.rpartition(".")[2].lower() or "text"
    address = f"https://files.slack.com/files-pri/{team.id}-{identity}/{name}"
    file = {
        "id": identity, "created": created, "timestamp": created, "name": name, "title": wanted.get("title", name),
        "mimetype": wanted.get("mimetype", "application/octet-stream"), "filetype": kind, "pretty_type": kind.upper(),
        "user": wanted["user"], "mode": "hosted", "editable": False, "is_external": False, "external_type": "",
        "size": len(content), "is_public": True, "public_url_shared": False, "display_as_bot": False, "username": "",
        "url_private": address, "url_private_download": f"{address}?download", "permalink": address,
        "channels": list(wanted.get("channels", [])), "groups": [], "ims": [], "comments_count": 0,
    }  # fmt: skip
    team.files[identity] = file
    team.contents[identity] = content
    return file
