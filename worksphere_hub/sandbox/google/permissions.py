"""permissions.*: who may do what with a file."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.google.answers import invalid, not_allowed, refusal
from worksphere_hub.sandbox.google.files import WRITES
from worksphere_hub.sandbox.google.state import File
from worksphere_hub.sandbox.wire import Call, Json, empty

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google

_TYPES = {"user", "group", "domain", "anyone"}
_ROLES = {"owner", "organizer", "fileOrganizer", "writer", "commenter", "reader"}
_SHORT = "kind,id,type,role"


class Permissions:
    """/files/{id}/permissions"""

    def __init__(self, google: "Google") -> None:
        self._google = google

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET"""
        file = self._file(caller, call)
        found = {"kind": "drive#permissionList", "permissions": list(file.permissions.values())}
        return self._google.partial(call, found, f"kind,nextPageToken,permissions({_SHORT})")

    def get(self, caller: "Caller", call: Call) -> Response:
        """GET /{permission}"""
        return self._google.partial(call, self._one(self._file(caller, call), call), _SHORT)

    def create(self, caller: "Caller", call: Call) -> Response:
        """POST"""
        caller.must_have(*WRITES)
        file, wanted = self._file(caller, call), call.object()
        if wanted.get("type") not in _TYPES or wanted.get("role") not in _ROLES:
            raise invalid("permission.type" if wanted.get("type") not in _TYPES else "permission.role")
        if wanted["type"] in {"user", "group"} and not wanted.get("emailAddress"):
            raise invalid("permission.emailAddress", "The specified emailAddress is invalid or not applicable for the given permission type.")  # fmt: skip # noqa: E501 - the vendor's sentence
        before = self._google.state.watchers(file)
        made = self._google.state.share(file, wanted)
        self._google.changed(file, "permissions", before=before)
        return self._google.partial(call, made, _SHORT)

    def update(self, caller: "Caller", call: Call) -> Response:
        """PATCH /{permission}"""
        caller.must_have(*WRITES)
        file = self._file(caller, call)
        permission, wanted = self._one(file, call), call.object()
        if wanted.get("role") not in _ROLES:
            raise invalid("permission.role")
        permission["role"] = wanted["role"]
        self._google.changed(file, "permissions")
        return self._google.partial(call, permission, _SHORT)

    def delete(self, caller: "Caller", call: Call) -> Response:
        """DELETE /{permission}"""
        caller.must_have(*WRITES)
        file = self._file(caller, call)
        permission = self._one(file, call)
        if permission["role"] == "owner":
            raise refusal(403, "insufficientFilePermissions", "The owner of a file cannot be removed.")
        before = self._google.state.watchers(file)
        del file.permissions[permission["id"]]
        file.view["shared"] = len(file.permissions) > 1
        self._google.changed(file, "permissions", before=before)
        return empty()

    def _file(self, caller: "Caller", call: Call) -> File:
        file = self._google.files.find(caller, call)
        if self._google.state.rank(file, caller.user) < 3:
            raise not_allowed()
        return file

    def _one(self, file: File, call: Call) -> Json:
        found = file.permissions.get(call.part("permission"))
        if found is None:
            text = f"Permission not found: {call.part('permission')}."
            raise refusal(404, "notFound", text, ("parameter", "permissionId"))
        return found
