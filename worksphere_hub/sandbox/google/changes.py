"""changes.*: the feed since a page token."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.google.answers import invalid
from worksphere_hub.sandbox.google.files import SEES, SHORT
from worksphere_hub.sandbox.google.state import Change
from worksphere_hub.sandbox.wire import Call, Json, answer, truthy, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google


class Changes:
    """What happened to files, in order; of a file that changed often the last change alone."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._state = google.state

    def start(self, caller: "Caller", call: Call) -> Response:
        """GET /changes/startPageToken: never ends."""
        caller.must_have(*SEES)
        if drive := call.query.get("driveId"):
            self._google.drives.member(caller, drive)
        return answer({"kind": "drive#startPageToken", "startPageToken": str(len(self._state.changes) + 1)})

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET /changes"""
        caller.must_have(*SEES)
        first = whole(call.query.get("pageToken"), 0)
        if not 1 <= first <= len(self._state.changes) + 1:
            raise invalid("pageToken")
        size = max(1, min(whole(call.query.get("pageSize"), 100), 1000))
        if drive := call.query.get("driveId"):
            self._google.drives.member(caller, drive)
        last: dict[str, Change] = {change.file: change for change in self._state.changes}
        rows = [
            change
            for change in self._state.changes[first - 1 :]
            if last[change.file] is change and self._wanted(caller, call, change)
        ]
        body: Json = {"kind": "drive#changeList", "changes": [self._view(caller, one) for one in rows[:size]]}
        if len(rows) > size:
            body["nextPageToken"] = str(rows[size].number)
        else:
            body["newStartPageToken"] = str(len(self._state.changes) + 1)
        usual = "kind,type,changeType,time,removed,fileId,driveId"
        return self._google.partial(call, body, f"kind,nextPageToken,newStartPageToken,changes({usual},file({SHORT}))")

    def _wanted(self, caller: "Caller", call: Call, change: Change) -> bool:
        query = call.query
        file = self._state.files.get(change.file)
        if caller.user not in change.watchers or (
            file is not None and not change.removed and not self._mine(caller, change)
        ):
            return False
        if change.removed and query.get("includeRemoved") == "false":
            return False
        if drive := query.get("driveId"):
            return change.drive == drive
        if change.drive is not None:
            both = truthy(query.get("includeItemsFromAllDrives")) and truthy(query.get("supportsAllDrives"))
            return both and not truthy(query.get("restrictToMyDrive"))
        return True

    def _mine(self, caller: "Caller", change: Change) -> bool:
        """Whether the file is within what this app may see; one that was taken away shows as removed."""
        file = self._state.files[change.file]
        return self._google.files.sees(caller, file) or self._state.rank(file, caller.user) == 0

    def _view(self, caller: "Caller", change: Change) -> Json:
        file = self._state.files.get(change.file)
        gone = change.removed or file is None or not self._google.files.sees(caller, file)
        shown: Json = {
            "kind": "drive#change", "type": "file", "changeType": "file", "time": change.time, "removed": gone,
            "fileId": change.file, **({"driveId": change.drive} if change.drive else {}),
        }  # fmt: skip
        if file is not None and not gone:
            shown["file"] = self._google.files.view(caller, file)
        return shown
