"""Meetings: scheduled ones, and what there is to say of those that have been."""

from urllib.parse import unquote

from starlette.responses import Response

from worksphere_hub.sandbox.clock import iso, parse_iso
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, empty, whole
from worksphere_hub.sandbox.zoom.answers import Caller, invalid, refusal
from worksphere_hub.sandbox.zoom.state import Meeting

_LISTED = (
    "uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone", "agenda", "created_at", "join_url",
)  # fmt: skip
_CHANGEABLE = {"topic", "type", "start_time", "duration", "timezone", "agenda", "password", "settings"}
_TYPES = {"scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings"}
_DAY_LIMIT = 100


def list_meetings(caller: Caller, call: Call) -> Response:
    """GET /users/{userId}/meetings"""
    host = caller.user(call.part("user"))
    kind = call.query.get("type", "scheduled")
    if kind not in _TYPES:
        raise invalid("type", "Invalid field.")
    own = [one for one in caller.zoom.state.meetings.values() if one.view["host_id"] == host["id"]]
    rows = [
        {key: one.view[key] for key in _LISTED}
        for one in sorted(own, key=lambda one: one.start)
        if one.past == (kind == "previous_meetings") and kind != "live"
    ]
    found, beside = caller.zoom.pages.cut(call, rows)
    return answer({**beside, "meetings": found})


def create(caller: Caller, call: Call) -> Response:
    """POST /users/{userId}/meetings"""
    host = caller.user(call.part("user"))
    wanted = _checked(call.object())
    _count(caller, host)
    meeting = caller.zoom.state.add_meeting(host, wanted, caller.zoom.world.clock.now())
    caller.zoom.webhooks.emit("meeting.created", {"object": _told(meeting)}, caller)
    return answer(meeting.view, 201)


def read(caller: Caller, call: Call) -> Response:
    """GET /meetings/{meetingId}"""
    return answer(find(caller, call).view)


def update(caller: Caller, call: Call) -> Response:
    """PATCH /meetings/{meetingId}"""
    meeting = find(caller, call)
    changes = {key: value for key, value in _checked(call.object()).items() if key in _CHANGEABLE}
    _count(caller, caller.zoom.state.users[meeting.view["host_id"]])
    old = {"id": meeting.view["id"], **{key: meeting.view[key] for key in changes}}
    if "settings" in changes:
        changes["settings"] = {**meeting.view["settings"], **changes["settings"]}
    meeting.view |= changes
    stamp = int(caller.zoom.world.clock.epoch() * 1000)
    told = {"object": {"id": meeting.view["id"], **changes}, "old_object": old, "scope": "single", "time_stamp": stamp}
    caller.zoom.webhooks.emit("meeting.updated", told, caller)
    return empty()


def delete(caller: Caller, call: Call) -> Response:
    """DELETE /meetings/{meetingId}"""
    meeting = find(caller, call)
    del caller.zoom.state.meetings[meeting.view["id"]]
    caller.zoom.webhooks.emit("meeting.deleted", {"object": _told(meeting)}, caller)
    return empty()


def past(caller: Caller, call: Call) -> Response:
    """GET /past_meetings/{meetingUUID}"""
    meeting = _past(caller, call)
    kept = {key: meeting.view[key] for key in ("uuid", "id", "host_id", "type", "topic", "start_time", "duration")}
    host = caller.zoom.state.users[meeting.view["host_id"]]
    minutes = sum(one["duration"] for one in meeting.participants) // 60
    ends = meeting.participants[0]["leave_time"] if meeting.participants else meeting.view["start_time"]
    who = {
        "user_name": host["display_name"],
        "user_email": host["email"],
        "participants_count": len(meeting.participants),
    }
    return answer({**kept, **who, "end_time": ends, "total_minutes": minutes})


def participants(caller: Caller, call: Call) -> Response:
    """GET /past_meetings/{meetingUUID}/participants"""
    found, beside = caller.zoom.pages.cut(call, _past(caller, call).participants)
    return answer({**beside, "participants": found})


def find(caller: Caller, call: Call) -> Meeting:
    """The meeting of a path. Answers 404, for one of a user that is out of reach too."""
    number = call.part("meeting")
    meeting = caller.zoom.state.meetings.get(whole(number, -1))
    if meeting is not None:
        try:
            caller.user(meeting.view["host_id"])
        except Answered:
            meeting = None
    if meeting is None:
        raise refusal(404, 3001, f"Meeting does not exist: {number}.")
    return meeting


def _past(caller: Caller, call: Call) -> Meeting:
    """By uuid: one that begins with `/` or has `//` in it must come encoded twice, as Zoom wants it."""
    given = call.part("uuid")
    meeting = None if given.startswith("/") or "//" in given else caller.zoom.state.past(unquote(given))
    if meeting is None:
        raise refusal(404, 3001, f"Meeting does not exist: {given}.")
    return meeting


def _count(caller: Caller, host: Json) -> None:
    """A hundred meetings may be made or changed a day for one user."""
    day = caller.zoom.world.clock.now().date().isoformat()
    if caller.zoom.world.limits and caller.zoom.world.rates.take(f"zoom:{host['id']}:{day}", _DAY_LIMIT, 86_400):
        raise Answered(caller.zoom.day_over("Light", _DAY_LIMIT))


def _checked(wanted: Json) -> Json:
    if "type" in wanted and wanted["type"] not in {1, 2, 3, 8}:
        raise invalid("type", "Invalid field.")
    if len(str(wanted.get("topic", ""))) > 200:
        raise invalid("topic", "The value that you entered for the topic field must be no more than 200 characters.")
    if wanted.get("start_time"):
        try:
            wanted["start_time"] = iso(parse_iso(str(wanted["start_time"])), digits=0)
        except ValueError as error:
            raise invalid("start_time", "Invalid field.") from error
    return wanted


def _told(meeting: Meeting) -> Json:
    return {
        key: meeting.view[key]
        for key in ("uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone")
    }
