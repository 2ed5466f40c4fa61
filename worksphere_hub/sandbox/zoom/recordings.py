"""Cloud recordings, asked for by a window of at most a month."""

from datetime import date, timedelta

from starlette.responses import Response

from worksphere_hub.sandbox.wire import Call, Json, answer, empty
from worksphere_hub.sandbox.zoom import meetings
from worksphere_hub.sandbox.zoom.answers import Caller, invalid, refusal
from worksphere_hub.sandbox.zoom.state import Meeting

_MONTH = timedelta(days=31)


def list_recordings(caller: Caller, call: Call) -> Response:
    """GET /users/{userId}/recordings?from&to"""
    host = caller.user(call.part("user"))
    first, last = _window(caller, call)
    rows = [
        view(one)
        for one in caller.zoom.state.meetings.values()
        if one.recording and one.view["host_id"] == host["id"] and first <= one.start.date() <= last
    ]
    found, beside = caller.zoom.pages.cut(call, rows)
    return answer({"from": first.isoformat(), "to": last.isoformat(), **beside, "meetings": found})


def read(caller: Caller, call: Call) -> Response:
    """GET /meetings/{meetingId}/recordings"""
    return answer(view(_recorded(caller, call)))


def delete(caller: Caller, call: Call) -> Response:
    """DELETE /meetings/{meetingId}/recordings"""
    meeting = _recorded(caller, call)
    told = {key: value for key, value in view(meeting).items() if key != "recording_files"}
    meeting.recording.clear()
    action = "trashed" if call.query.get("action", "trash") == "trash" else "deleted"
    caller.zoom.webhooks.emit(f"recording.{action}", {"object": told}, caller)
    return empty()


def view(meeting: Meeting) -> Json:
    """A meeting with its recordings."""
    kept = {
        key: meeting.view[key]
        for key in ("uuid", "id", "host_id", "topic", "type", "start_time", "timezone", "duration")
    }
    return {
        **kept, "total_size": sum(one["file_size"] for one in meeting.recording),
        "recording_count": len(meeting.recording), "share_url": f"https://zoom.us/rec/share/{meeting.view['id']}",
        "recording_files": list(meeting.recording),
    }  # fmt: skip


def _recorded(caller: Caller, call: Call) -> Meeting:
    meeting = meetings.find(caller, call)
    if not meeting.recording:
        raise refusal(404, 3301, "There is no recording for this meeting.")
    return meeting


def _window(caller: Caller, call: Call) -> tuple[date, date]:
    """The days asked for: yesterday and today unless said. More than a month is refused, or cut, as the seed says."""
    today = caller.zoom.world.clock.now().date()
    try:
        last = date.fromisoformat(call.query.get("to") or today.isoformat())
        first = date.fromisoformat(call.query.get("from") or (today - timedelta(days=1)).isoformat())
    except ValueError as error:
        raise invalid("from", "Invalid field: a date is written yyyy-mm-dd.") from error
    if first > last:
        raise invalid("from", "The start date must not be after the end date.")
    if last - first > _MONTH:
        # Whether Zoom refuses or silently answers for a month only could not be confirmed.
        if caller.zoom.seed.get("recordings_range") != "clamp":
            raise invalid("from", "The date range must not be longer than one month.")
        first = last - _MONTH
    return first, last
