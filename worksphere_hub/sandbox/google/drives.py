"""drives.* and about: shared drives, and who one is."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.google.answers import invalid, refusal
from worksphere_hub.sandbox.google.files import SEES
from worksphere_hub.sandbox.wire import Call, Json, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google

_SHORT = "kind,id,name"


class Drives:
    """Shared drives that somebody is a member of."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._state = google.state

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET /drives"""
        caller.must_have("drive", "drive.readonly")
        rows = [_view(one) for one in self._state.drives.values() if caller.user in one["_members"]]
        size, begin = max(1, min(whole(call.query.get("pageSize"), 10), 100)), self._google.offset(call)
        body: Json = {"kind": "drive#driveList", "drives": rows[begin : begin + size]}
        if begin + size < len(rows):
            body["nextPageToken"] = self._google.page_token(call, begin + size)
        return self._google.partial(call, body, f"kind,nextPageToken,drives({_SHORT})")

    def get(self, caller: "Caller", call: Call) -> Response:
        """GET /drives/{id}"""
        caller.must_have("drive", "drive.readonly")
        return self._google.partial(call, _view(self.member(caller, call.part("drive"))), _SHORT)

    def create(self, caller: "Caller", call: Call) -> Response:
        """POST /drives?requestId=: twice with the same id is refused, as it was done already."""
        caller.must_have("drive")
        request = call.query.get("requestId")
        if not request:
            raise invalid("requestId", "Required parameter: requestId")
        if any(one.get("_request") == request for one in self._state.drives.values()):
            raise refusal(409, "alreadyExists", "A shared drive already exists with the provided request ID.")
        identity = f"0A{self._state.identities.text('drive', 17)}"
        drive: Json = {
            "kind": "drive#drive", "id": identity, "name": call.object().get("name", "Untitled"), "hidden": False,
            "createdTime": iso(self._state.clock.now()), "_members": {caller.user: "organizer"}, "_request": request,
        }  # fmt: skip
        self._state.drives[identity] = drive
        return self._google.partial(call, _view(drive), _SHORT)

    def about(self, caller: "Caller", call: Call) -> Response:
        """GET /about: `fields` must be given."""
        caller.must_have(*SEES)
        if not call.query.get("fields"):
            text = "The 'fields' parameter is required for this method."
            raise refusal(400, "required", text, ("parameter", "fields"))
        used = sum(len(one.content) for one in self._state.files.values() if caller.user in one.permissions)
        quota = {"limit": str(15 * 2**30), "usage": str(used), "usageInDrive": str(used), "usageInDriveTrash": "0"}
        me = {**self._state.person(caller.user), "me": True}
        body = {"kind": "drive#about", "user": me, "storageQuota": quota, "appInstalled": True, "canCreateDrives": True}
        return self._google.partial(call, {**body, "maxUploadSize": str(5 * 2**40)}, "*")

    def member(self, caller: "Caller", identity: str) -> Json:
        """A shared drive of the caller's. Answers 404."""
        found = self._state.drives.get(identity)
        if found is None or caller.user not in found["_members"]:
            raise refusal(404, "notFound", f"Shared drive not found: {identity}", ("parameter", "driveId"))
        return found


def _view(drive: Json) -> Json:
    return {key: value for key, value in drive.items() if not key.startswith("_")}
