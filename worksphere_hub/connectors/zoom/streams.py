"""What can be read from Zoom. It tells of no changes, so what is new comes by events and by reading again."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from worksphere_hub.connectors.zoom.calls import pages, uuid_in_path
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["integer", "null"]}
_USER_STATES = ("active", "inactive", "pending")
# A window of recordings may have a month; these many days are one in every month.
_WINDOW = timedelta(days=28)
# Recordings are finished up to a day after their meeting, and kept for some months unless somebody decides otherwise.
_OVERLAP = timedelta(days=2)
_FARTHEST = timedelta(days=180)


class Users(Stream):
    """Users of the account, whatever their state; of an app that acts for one person, that person."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always everybody."""
        del state, only
        for status in _USER_STATES:
            async for found in pages(api, "/users", "users", status=status):
                yield Page(found, {})


class Meetings(Stream):
    """Meetings that are scheduled, by host."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `host`."""
        del state
        for host in await _hosts(api, only):
            async for found in pages(api, f"/users/{host}/meetings", "meetings", type="scheduled"):
                yield Page([{**meeting, "host_id": meeting.get("host_id", host)} for meeting in found], {})


class Recordings(Stream):
    """Recordings in the cloud, by windows of a month."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """From two days before where the last read ended, half a year back at first; `only` may name a `host`."""
        today = _today(only)
        begin = today - _FARTHEST
        if state and state.get("until"):
            begin = max(begin, date.fromisoformat(state["until"]) - _OVERLAP)
        hosts = await _hosts(api, only)
        while True:
            end = min(begin + _WINDOW, today)
            for host in hosts:
                window = {"from": begin.isoformat(), "to": end.isoformat()}
                async for found in pages(api, f"/users/{host}/recordings", "meetings", **window):
                    yield Page(found, dict(state or {}))
            state = {"until": end.isoformat()}
            yield Page([], state)
            if end >= today:
                return
            begin = end


class Participants(Stream):
    """Who was in meetings that are over: those of the hosts' last ones."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them; `only` may name a `host`, or a `meeting` by its uuid."""
        del state
        given = (only or {}).get("meeting")
        for uuid in [given] if given else [uuid async for uuid in _past(api, only)]:
            async for found in _of_meeting(api, uuid):
                yield Page([{**one, "meeting_uuid": uuid, "number": number} for number, one in found], {})


async def _of_meeting(api: Api, uuid: str) -> AsyncIterator[list[tuple[int, dict[str, Any]]]]:
    """Participants have no id of their own (guests have none at all): their place in the list is one, and stays."""
    count = 0
    try:
        async for found in pages(api, f"/past_meetings/{uuid_in_path(uuid)}/participants", "participants"):
            yield list(enumerate(found, count))
            count += len(found)
    except Missing:
        # Zoom forgets them after some months, the meeting itself stays.
        return


async def _past(api: Api, only: Mapping[str, Any] | None) -> AsyncIterator[str]:
    for host in await _hosts(api, only):
        async for found in pages(api, f"/users/{host}/meetings", "meetings", type="previous_meetings"):
            for meeting in found:
                yield meeting["uuid"]


async def _hosts(api: Api, only: Mapping[str, Any] | None) -> list[str]:
    if only and only.get("host"):
        return [str(only["host"])]
    if api.captured.get("acts_for") == "user":
        return ["me"]
    return [user["id"] async for found in pages(api, "/users", "users", status="active") for user in found]


def _today(only: Mapping[str, Any] | None) -> date:
    given = (only or {}).get("today")
    return date.fromisoformat(given) if given else datetime.now(UTC).date()


def streams() -> dict[str, Stream]:
    """Zoom's streams by name."""
    return {
        "users": Users(
            "users",
            Kind(
                "Users",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "email": _TEXT, "first_name": _TEXT, "last_name": _TEXT,
                 "display_name": _TEXT, "type": _NUMBER, "status": _TEXT, "timezone": _TEXT, "created_at": _TEXT}},
                scopes=("user:read:list_users:admin",),
            ),
        ),
        "meetings": Meetings(
            "meetings",
            Kind(
                "Meetings",
                ("id",),
                {"type": "object", "properties": {"id": _NUMBER, "uuid": _TEXT, "host_id": _TEXT, "topic": _TEXT,
                 "start_time": _TEXT, "duration": _NUMBER, "timezone": _TEXT, "join_url": _TEXT, "created_at": _TEXT}},
                scopes=("meeting:read:list_meetings",),
            ),
        ),
        "recordings": Recordings(
            "recordings",
            Kind(
                "Recordings",
                ("uuid",),
                {"type": "object", "properties": {"uuid": _TEXT, "id": _NUMBER, "host_id": _TEXT, "topic": _TEXT,
                 "start_time": _TEXT, "total_size": _NUMBER, "recording_count": _NUMBER,
                 "recording_files": {"type": "array"}}},
                incremental=True,
                scopes=("cloud_recording:read:list_user_recordings",),
            ),
        ),
        "participants": Participants(
            "participants",
            Kind(
                "Participants of past meetings",
                ("meeting_uuid", "number"),
                {"type": "object", "properties": {"meeting_uuid": _TEXT, "number": _NUMBER, "name": _TEXT,
                 "user_email": _TEXT, "join_time": _TEXT, "leave_time": _TEXT, "duration": _NUMBER}},
                scopes=("meeting:read:list_past_participants",),
            ),
        ),
    }  # fmt: skip
