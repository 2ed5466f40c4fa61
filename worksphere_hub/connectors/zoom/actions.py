"""What can be done at Zoom."""

from collections.abc import Mapping
from typing import Any

from worksphere_hub.connectors.zoom.calls import call
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing

_MEETING = {
    "topic": {"type": "string", "maxLength": 200},
    "start_time": {"type": "string", "format": "date-time"},
    "duration": {"type": "integer", "minimum": 1, "maximum": 1_440},
    "timezone": {"type": "string"},
    "agenda": {"type": "string", "maxLength": 2_000},
    "settings": {"type": "object"},
}
_ID = {"type": ["integer", "string"], "pattern": "^[0-9]{9,12}$"}


class CreateMeeting(Action):
    """Schedule a meeting for a host, oneself unless named."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the meeting with its `id`, `join_url` and `start_url`."""
        wanted = {name: given[name] for name in _MEETING if name in given}
        host = given.get("host", "me")
        return await call(api, "POST", f"/users/{host}/meetings", json={"type": 2, **wanted}, idempotent=False)


class UpdateMeeting(Action):
    """Change a scheduled meeting."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the meeting as it is then: Zoom itself answers nothing."""
        changes = {name: given[name] for name in _MEETING if name in given}
        await call(api, "PATCH", f"/meetings/{given['id']}", json=changes, idempotent=True)
        return await call(api, "GET", f"/meetings/{given['id']}")


class GetMeeting(Action):
    """Look a meeting up."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the meeting."""
        return await call(api, "GET", f"/meetings/{given['id']}")


class DeleteMeeting(Action):
    """Call a meeting off. One that is gone is gone."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers whether there was one."""
        try:
            await call(api, "DELETE", f"/meetings/{given['id']}", idempotent=True)
        except Missing:
            return {"deleted": False}
        return {"deleted": True}


def actions() -> dict[str, Action]:
    """Zoom's actions by name."""
    one = {"type": "object", "required": ["id"], "additionalProperties": False}
    return {
        "create_meeting": CreateMeeting(
            "create_meeting",
            Deed(
                "Schedule a meeting",
                {
                    "type": "object",
                    "required": ["topic", "start_time"],
                    "additionalProperties": False,
                    "properties": {"host": {"type": "string"}, **_MEETING},
                },
                scopes=("meeting:write:meeting",),
            ),
        ),
        "update_meeting": UpdateMeeting(
            "update_meeting",
            Deed(
                "Change a meeting",
                {**one, "properties": {"id": _ID, **_MEETING}},
                idempotent=True,
                scopes=("meeting:update:meeting",),
            ),
        ),
        "get_meeting": GetMeeting(
            "get_meeting",
            Deed(
                "Look a meeting up",
                {**one, "properties": {"id": _ID}},
                idempotent=True,
                scopes=("meeting:read:meeting",),
            ),
        ),
        "delete_meeting": DeleteMeeting(
            "delete_meeting",
            Deed(
                "Call a meeting off",
                {**one, "properties": {"id": _ID}},
                idempotent=True,
                scopes=("meeting:delete:meeting",),
            ),
        ),
    }
