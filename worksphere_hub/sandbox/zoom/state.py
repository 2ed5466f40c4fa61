"""What a Zoom account holds: users, meetings, recordings."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worksphere_hub.sandbox.clock import iso, parse_iso
from worksphere_hub.sandbox.identity import Identities
from worksphere_hub.sandbox.seeds import moment
from worksphere_hub.sandbox.wire import Json


@dataclass(slots=True)
class Meeting:
    """A meeting: what Zoom shows of it, who came, what was recorded."""

    view: Json
    past: bool = False
    participants: list[Json] = field(default_factory=list[Json])
    recording: list[Json] = field(default_factory=list[Json])

    @property
    def start(self) -> datetime:
        """When it starts or started."""
        return parse_iso(self.view["start_time"])


@dataclass(slots=True)
class State:
    """One account."""

    account_id: str
    identities: Identities
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    meetings: dict[int, Meeting] = field(default_factory=dict[int, Meeting])

    def user(self, identity: str) -> Json | None:
        """A user by id or e-mail address."""
        return self.users.get(identity) or next(
            (one for one in self.users.values() if one["email"].lower() == identity.lower()), None
        )

    def past(self, identity: str) -> Meeting | None:
        """A meeting that has been, by its uuid or its number."""
        return next(
            (one for one in self.meetings.values() if one.past and identity in {one.view["uuid"], str(one.view["id"])}),
            None,
        )

    def add_user(self, wanted: Json, now: datetime) -> Json:
        """A new user."""
        identity = wanted.get("id") or self.identities.text("user", 22)
        number = int(hashlib.sha256(identity.encode()).hexdigest(), 16)
        first, last = wanted.get("first_name", ""), wanted.get("last_name", "")
        user: Json = {
            "id": identity, "first_name": first, "last_name": last, "display_name": f"{first} {last}".strip(),
            "email": wanted["email"], "type": int(wanted.get("type", 2)), "role_name": wanted.get("role", "Member"),
            "role_id": {"Owner": "0", "Admin": "1"}.get(wanted.get("role", ""), "2"),
            "pmi": 1_000_000_000 + number % 8_999_999_999, "timezone": wanted.get("timezone", "UTC"), "verified": 1,
            "dept": wanted.get("dept", ""), "status": wanted.get("status", "active"), "language": "en-US",
            "created_at": iso(now, digits=0), "account_id": self.account_id, "group_ids": [],
        }  # fmt: skip
        self.users[identity] = user
        return user

    def add_meeting(self, host: Json, wanted: Json, now: datetime) -> Meeting:
        """A new meeting of a host."""
        number = int(self.identities.text("meeting", 10, "123456789") + "0")
        kind = int(wanted.get("type", 2))
        view: Json = {
            "uuid": wanted.get("uuid") or _uuid(self.identities), "id": number, "host_id": host["id"],
            "host_email": host["email"], "topic": wanted.get("topic") or "Zoom Meeting", "type": kind,
            "status": "waiting", "start_time": wanted.get("start_time") or iso(now, digits=0),
            "duration": int(wanted.get("duration", 60)), "timezone": wanted.get("timezone") or host["timezone"],
            "agenda": wanted.get("agenda", ""), "created_at": iso(now, digits=0),
            "start_url": f"https://zoom.us/s/{number}?zak=sandbox", "join_url": f"https://zoom.us/j/{number}",
            "password": wanted.get("password", "123456"),
            "settings": {"host_video": False, "participant_video": False, "join_before_host": False,
                         "mute_upon_entry": False, "waiting_room": True, **wanted.get("settings", {})},
        }  # fmt: skip
        meeting = Meeting(view)
        self.meetings[number] = meeting
        return meeting


def load(seed: Json, identities: Identities, start: datetime) -> State:
    """The account of a seed."""
    state = State(seed["account_id"], identities)
    for number, user in enumerate(seed.get("users", [])):
        state.add_user(user, start - timedelta(days=100 - number))
    for wanted in seed.get("meetings", []):
        begins = moment(wanted.get("start"), start)
        made = state.add_meeting(
            state.users[wanted["host"]], {**wanted, "start_time": iso(begins, digits=0)}, start - timedelta(days=60)
        )
        made.past = bool(wanted.get("past"))
        made.participants = [_participant(identities, one, begins) for one in wanted.get("participants", [])]
        if wanted.get("recording"):
            record(made, wanted["recording"], identities)
    return state


def record(meeting: Meeting, files: list[Json], identities: Identities) -> None:
    """Put recordings of a meeting into the cloud."""
    begins = meeting.start
    ends = begins + timedelta(minutes=meeting.view["duration"])
    for wanted in files:
        identity = identities.uuid("recording")
        kind = wanted.get("type", "MP4")
        meeting.recording.append(
            {
                "id": identity, "meeting_id": meeting.view["uuid"], "recording_start": iso(begins, digits=0),
                "recording_end": iso(ends, digits=0), "file_type": kind, "file_extension": kind,
                "file_size": int(wanted.get("size", 1024)), "status": "completed",
                "recording_type": "audio_transcript" if kind == "TRANSCRIPT" else "shared_screen_with_speaker_view",
                "play_url": f"https://zoom.us/rec/play/{identity}",
                "download_url": f"https://zoom.us/rec/download/{identity}",
            }
        )  # fmt: skip


def _participant(identities: Identities, wanted: Json, begins: datetime) -> Json:
    ends = begins + timedelta(minutes=int(wanted.get("minutes", 1)))
    return {
        "id": identities.text("participant", 22), "user_id": identities.text("participant", 8, "0123456789"),
        "name": wanted["name"], "user_email": wanted.get("email", ""), "join_time": iso(begins, digits=0),
        "leave_time": iso(ends, digits=0), "duration": int((ends - begins).total_seconds()),
    }  # fmt: skip


def _uuid(identities: Identities) -> str:
    return base64.b64encode(identities.text("uuid", 16).encode()).decode()
