"""What a tenant holds: people, teams, channels, chats, messages."""

from dataclasses import dataclass, field
from datetime import datetime

from worksphere_hub.sandbox.clock import SandboxClock, iso
from worksphere_hub.sandbox.seeds import moment
from worksphere_hub.sandbox.wire import Json


@dataclass(slots=True)
class Message:
    """A message; `number` grows with each change anywhere, which is what delta goes by."""

    view: Json
    number: int
    replies: "list[Message]" = field(default_factory=list["Message"])


@dataclass(slots=True)
class Thread:
    """What messages are in: a channel of a team, or a chat."""

    id: str
    name: str
    resource: str
    members: list[str]
    team: str | None = None
    kind: str = "standard"
    created: str = ""
    messages: list[Message] = field(default_factory=list[Message])

    def find(self, identity: str) -> Message | None:
        """A message that is no reply."""
        return next((one for one in self.messages if one.view["id"] == identity), None)


@dataclass(slots=True)
class Team:
    """A team."""

    id: str
    name: str
    description: str
    members: list[str]
    created: str
    channels: dict[str, Thread] = field(default_factory=dict[str, Thread])


@dataclass(slots=True)
class State:
    """One tenant."""

    tenant: Json
    clock: SandboxClock
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    teams: dict[str, Team] = field(default_factory=dict[str, Team])
    chats: dict[str, Thread] = field(default_factory=dict[str, Thread])
    changes: int = 0
    last_id: int = 0

    def user(self, email: str) -> Json:
        """The user of an address. Raises KeyError."""
        return next(one for one in self.users.values() if one["mail"] == email)

    def add(
        self, thread: Thread, author: Json, body: Json, parent: Message | None = None, at: datetime | None = None
    ) -> Message:
        """Put a message, or a reply to one, into a thread. Its id is its time, in milliseconds."""
        now = at or self.clock.now()
        # Two of one moment are told apart.
        self.last_id = max(self.last_id + 1, int(now.timestamp() * 1000)) if at is None else int(now.timestamp() * 1000)
        identity = str(self.last_id if at is None else int(now.timestamp() * 1000) + self.changes % 1000)
        stamp = iso(now)
        channel = {"teamId": thread.team, "channelId": thread.id} if thread.team else None
        self.changes += 1
        view: Json = {
            "id": identity,
            "replyToId": parent.view["id"] if parent else None,
            "etag": identity,
            "messageType": "message",
            "createdDateTime": stamp,
            "lastModifiedDateTime": stamp,
            "lastEditedDateTime": None,
            "deletedDateTime": None,
            "subject": body.get("subject"),
            "summary": None,
            "chatId": None if thread.team else thread.id,
            "importance": body.get("importance", "normal"),
            "locale": "en-us",
            "webUrl": f"https://teams.microsoft.com/l/message/{thread.id}/{identity}" if thread.team else None,
            "from": {"application": None, "device": None, "user": self.person(author)},
            "body": {"contentType": body["body"].get("contentType", "text"), "content": body["body"]["content"]},
            "channelIdentity": channel,
            "policyViolation": None,
            "eventDetail": None,
            "attachments": body.get("attachments", []),
            "mentions": body.get("mentions", []),
            "reactions": [],
        }
        made = Message(view, self.changes)
        (parent.replies if parent else thread.messages).append(made)
        return made

    def touch(self, message: Message, **changes: object) -> None:
        """Change a message."""
        self.changes += 1
        message.number = self.changes
        stamp = iso(self.clock.now())
        message.view |= {**changes, "lastModifiedDateTime": stamp, "etag": str(int(self.clock.epoch() * 1000))}

    def person(self, user: Json) -> Json:
        """Somebody as messages name them."""
        return {
            "id": user["id"], "displayName": user["displayName"], "userIdentityType": "aadUser",
            "tenantId": self.tenant["id"],
        }  # fmt: skip


def load(seed: Json, clock: SandboxClock) -> State:
    """The tenant of a seed."""
    state, start = State(seed["tenant"], clock), clock.now()
    for user in seed.get("users", []):
        state.users[user["id"]] = _user(user)
    for wanted in seed.get("teams", []):
        members = [state.user(email)["id"] for email in wanted["members"]]
        team = Team(wanted["id"], wanted["name"], wanted.get("description", ""), members, iso(start))
        state.teams[team.id] = team
        for one in wanted.get("channels", []):
            resource = f"teams('{team.id}')/channels('{one['id']}')/messages"
            thread = Thread(one["id"], one["name"], resource, members, team.id, created=iso(start))
            team.channels[thread.id] = thread
            _messages(state, thread, one.get("messages", []), start)
    for one in seed.get("chats", []):
        members = [state.user(email)["id"] for email in one["members"]]
        chat = Thread(
            one["id"],
            one.get("topic", ""),
            f"chats('{one['id']}')/messages",
            members,
            kind=one["type"],
            created=iso(start),
        )
        state.chats[chat.id] = chat
        _messages(state, chat, one.get("messages", []), start)
    return state


def _user(wanted: Json) -> Json:
    first, _, last = wanted["name"].partition(" ")
    return {
        "id": wanted["id"],
        "displayName": wanted["name"],
        "givenName": first,
        "surname": last,
        "mail": wanted["email"],
        "userPrincipalName": wanted["email"],
        "jobTitle": wanted.get("title"),
        "businessPhones": [],
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": "en-US",
        "_admin": bool(wanted.get("admin")),
    }


def _messages(state: State, thread: Thread, wanted: list[Json], start: datetime, parent: Message | None = None) -> None:
    for one in wanted:
        html = "html" in one
        body = {"body": {"contentType": "html" if html else "text", "content": one["html"] if html else one["text"]}}
        made = state.add(thread, state.user(one["from"]), body, parent, moment(one.get("at"), start))
        _messages(state, thread, one.get("replies", []), start, made)
