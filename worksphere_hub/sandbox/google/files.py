"""files.*: list, search, read, download, make, change, copy, delete."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.google import search
from worksphere_hub.sandbox.google.answers import invalid, no_file, not_allowed, refusal
from worksphere_hub.sandbox.google.state import FOLDER, OWN, File
from worksphere_hub.sandbox.wire import Call, Json, answer, empty, truthy, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google

SHORT = "kind,id,name,mimeType,resourceKey,driveId,teamDriveId"
_SETTABLE = {
    "name", "mimeType", "description", "starred", "trashed", "properties", "appProperties", "modifiedTime",
    "createdTime", "originalFilename", "folderColorRgb", "writersCanShare", "copyRequiresWriterPermission",
}  # fmt: skip
_ORDERS = {
    "createdTime",
    "modifiedTime",
    "name",
    "name_natural",
    "folder",
    "quotaBytesUsed",
    "recency",
    "viewedByMeTime",
}
WRITES = ("drive", "drive.file")
READS = (*WRITES, "drive.readonly")
SEES = (*READS, "drive.metadata.readonly", "drive.metadata")


class Files:
    """The files as somebody sees them through an app."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._state = google.state

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET /files"""
        query = call.query
        shared = truthy(query.get("includeItemsFromAllDrives")) and truthy(query.get("supportsAllDrives"))
        corpora = query.get("corpora") or ("drive" if query.get("driveId") else "user")
        if corpora == "drive" and not (query.get("driveId") and shared):
            raise refusal(403, "teamDrivesParameterMismatch", "driveId, includeItemsFromAllDrives and supportsAllDrives must be given with corpora drive.")  # fmt: skip # noqa: E501 - the vendor's sentence
        try:
            test = search.parse(query["q"]) if query.get("q") else None
        except search.WrongSearch as error:
            raise invalid("q") from error
        rows = [
            file
            for file in self._state.files.values()
            if self._in_corpus(file, corpora, query.get("driveId"), shared=shared)
            and self.sees(caller, file)
            and (test is None or test(self._searched(caller, file)))
        ]
        rows = _ordered(rows, query.get("orderBy") or "modifiedTime desc")
        size = max(1, min(whole(query.get("pageSize"), 100), 1000))
        begin = self._google.offset(call)
        beside: Json = {"kind": "drive#fileList", "incompleteSearch": False}
        if begin + size < len(rows):
            beside["nextPageToken"] = self._google.page_token(call, begin + size)
        found = [self.view(caller, file) for file in rows[begin : begin + size]]
        usual = f"kind,incompleteSearch,nextPageToken,files({SHORT})"
        return self._google.partial(call, {**beside, "files": found}, usual)

    def get(self, caller: "Caller", call: Call) -> Response:
        """GET /files/{id}, with alt=media its bytes."""
        file = self.find(caller, call)
        if call.query.get("alt") == "media":
            return self._media(caller, call, file)
        return self._google.partial(call, self.view(caller, file), SHORT)

    def export(self, caller: "Caller", call: Call) -> Response:
        """GET /files/{id}/export: a document of Google's in another format."""
        caller.must_have(*READS)
        file = self.find(caller, call)
        if not file.view["mimeType"].startswith(OWN) or file.view["mimeType"] == FOLDER:
            raise refusal(403, "fileNotExportable", "Export only supports Docs Editors files.")
        return Response(file.content, 200, media_type=call.query.get("mimeType", "text/plain"))

    def create(self, caller: "Caller", call: Call) -> Response:
        """POST /files: metadata alone."""
        file = self.make(caller, call, call.object() if call.body else {}, b"", None)
        return self._google.partial(call, self.view(caller, file), SHORT)

    def make(self, caller: "Caller", call: Call, wanted: Json, content: bytes, kind: str | None) -> File:
        """A new file of these metadata and bytes."""
        caller.must_have(*WRITES)
        identity = wanted.get("id")
        if identity and identity in self._state.files:
            raise refusal(409, "fileIdInUse", "A file already exists with the provided ID.")
        view = {key: value for key, value in wanted.items() if key in {*_SETTABLE, "id"}}
        view.setdefault("mimeType", kind or "application/octet-stream")
        parent = (wanted.get("parents") or [None])[0]
        if parent in self._state.drives:
            self._google.drives.member(caller, parent)
            view |= {"parents": [parent], "driveId": parent}
        elif parent and parent not in {"root", self._state.root(caller.user)}:
            folder = self._reached(caller, call, parent)
            view |= {"parents": [parent], **({"driveId": folder.drive} if folder.drive else {})}
        file = self._state.add(view, caller.user, content, caller.app.client_id)
        self._google.changed(file, "add")
        return file

    def update(self, caller: "Caller", call: Call) -> Response:
        """PATCH /files/{id}: metadata alone."""
        file = self.change(caller, call, call.object() if call.body else {}, None, None)
        return self._google.partial(call, self.view(caller, file), SHORT)

    def change(self, caller: "Caller", call: Call, wanted: Json, content: bytes | None, kind: str | None) -> File:
        """Other metadata, other bytes, other parents."""
        caller.must_have(*WRITES)
        file = self.find(caller, call)
        if self._state.rank(file, caller.user) < 3:
            raise not_allowed()
        before = self._state.watchers(file)
        was_trashed = file.view["trashed"]
        file.view |= {key: value for key, value in wanted.items() if key in _SETTABLE}
        file.view |= {"modifiedTime": wanted.get("modifiedTime") or iso(self._state.clock.now())}
        file.view["lastModifyingUser"] = self._state.person(caller.user)
        what = ["properties"] if wanted else []
        if content is not None:
            file.view["mimeType"] = kind or file.view["mimeType"]
            self._state.fill(file, content)
            what.append("content")
        if self._moved(call, file):
            what.append("parents")
        if file.view["trashed"] != was_trashed:
            file.view["explicitlyTrashed"] = file.view["trashed"]
            what = ["trash" if file.view["trashed"] else "untrash"]
        self._google.changed(file, *what, before=before)
        return file

    def copy(self, caller: "Caller", call: Call) -> Response:
        """POST /files/{id}/copy"""
        caller.must_have(*WRITES)
        file = self.find(caller, call)
        wanted = call.object() if call.body else {}
        copied = {"name": f"Copy of {file.view['name']}", "mimeType": file.view["mimeType"], **wanted}
        made = self.make(caller, call, copied, file.content, None)
        return self._google.partial(call, self.view(caller, made), SHORT)

    def delete(self, caller: "Caller", call: Call) -> Response:
        """DELETE /files/{id}: for good, with what is in it."""
        caller.must_have(*WRITES)
        file = self.find(caller, call)
        if self._state.rank(file, caller.user) < (5 if file.drive else 6):
            raise not_allowed()
        gone, waiting = [file], [file.id]
        while waiting:
            parent = waiting.pop()
            below = [one for one in self._state.files.values() if parent in one.parents]
            gone += below
            waiting += [one.id for one in below]
        watchers = {one.id: self._state.watchers(one) for one in gone}
        for one in gone:
            self._state.files.pop(one.id, None)
            self._google.changed(one, "remove", removed=True, before=watchers[one.id])
        return empty()

    def generate_ids(self, caller: "Caller", call: Call) -> Response:
        """GET /files/generateIds"""
        caller.must_have(*WRITES)
        count = max(1, min(whole(call.query.get("count"), 10), 1000))
        ids = [f"1{self._state.identities.text('file', 32)}" for _ in range(count)]
        return answer({"kind": "drive#generatedIds", "space": "drive", "ids": ids})

    def find(self, caller: "Caller", call: Call) -> File:
        """The file of a path. Answers 404, for one of a shared drive too unless the caller supports those."""
        return self._reached(caller, call, call.part("file"))

    def sees(self, caller: "Caller", file: File) -> bool:
        """Whether somebody may see a file through this app."""
        if caller.scopes & {"drive", "drive.readonly", "drive.metadata.readonly", "drive.metadata"}:
            return self._state.rank(file, caller.user) > 0
        return file.app == caller.app.client_id and self._state.rank(file, caller.user) > 0

    def view(self, caller: "Caller", file: File) -> Json:
        """A file as somebody sees it."""
        mine = (file.permissions.get(caller.user) or {}).get("role") == "owner"
        shown = {
            **file.view,
            "permissionIds": list(file.permissions),
            "isAppAuthorized": file.app == caller.app.client_id,
        }
        if self._state.rank(file, caller.user) >= 3 and file.drive is None:
            shown["permissions"] = list(file.permissions.values())
        if file.drive is None:
            shown["ownedByMe"] = mine
            if not mine:
                shown |= {"sharedWithMeTime": file.view["createdTime"], "parents": self._seen_parents(caller, file)}
        return {key: value for key, value in shown.items() if value is not None}

    def _reached(self, caller: "Caller", call: Call, identity: str) -> File:
        file = self._state.files.get(identity)
        reachable = file is not None and (file.drive is None or truthy(call.query.get("supportsAllDrives")))
        if file is None or not reachable or not self.sees(caller, file):
            raise no_file(identity)
        return file

    def _seen_parents(self, caller: "Caller", file: File) -> Any:
        parents = [one for one in file.parents if one in self._state.files]
        seen = [one for one in parents if self._state.rank(self._state.files[one], caller.user)]
        return seen or None

    def _in_corpus(self, file: File, corpora: str, drive: str | None, *, shared: bool) -> bool:
        if corpora == "drive":
            return file.drive == drive
        return file.drive is None or (corpora == "allDrives" and shared) or (corpora == "user" and shared)

    def _searched(self, caller: "Caller", file: File) -> Json:
        roles = {
            role: {one.get("emailAddress") for one in file.permissions.values() if one["role"] == role}
            for role in ("owner", "writer", "reader")
        }
        parents = set(file.parents)
        if self._state.root(caller.user) in parents:
            parents.add("root")
        text = f"{file.view['name']} {file.content.decode('utf-8', 'replace')}"
        lists: Json = {"parents": parents, "owners": roles["owner"], "writers": roles["owner"] | roles["writer"]}
        lists["readers"] = lists["writers"] | roles["reader"]
        return {**self.view(caller, file), "_search": {**lists, "text": text}}

    def _moved(self, call: Call, file: File) -> bool:
        added = [one for one in call.query.get("addParents", "").split(",") if one]
        if added:
            # A file has one parent by now; whatever was there is left with it.
            file.view["parents"] = added[:1]
        return bool(added)

    def _media(self, caller: "Caller", call: Call, file: File) -> Response:
        caller.must_have(*READS)
        if file.view["mimeType"].startswith(OWN):
            raise refusal(403, "fileNotDownloadable", "Only files with binary content can be downloaded. Use Export with Docs Editors files.")  # fmt: skip # noqa: E501 - the vendor's sentence
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", ""))
        if wanted is None:
            return Response(file.content, 200, media_type=file.view["mimeType"])
        first, last = int(wanted[1]), min(int(wanted[2] or len(file.content)), len(file.content) - 1)
        if first > last:
            return Response(b"", 416, {"content-range": f"bytes */{len(file.content)}"})
        headers = {"content-range": f"bytes {first}-{last}/{len(file.content)}"}
        return Response(file.content[first : last + 1], 206, headers, file.view["mimeType"])


def _ordered(files: "list[File]", order: str) -> "list[File]":
    keys: dict[str, Callable[[File], Any]] = {
        "folder": lambda file: file.view["mimeType"] != FOLDER,
        "name_natural": lambda file: file.view["name"].lower(),
        "name": lambda file: file.view["name"].lower(),
        "recency": lambda file: file.view["modifiedTime"],
        "quotaBytesUsed": lambda file: int(file.view.get("quotaBytesUsed", 0)),
    }
    for part in reversed(order.split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in _ORDERS:
            raise invalid("orderBy")
        key = keys.get(name, lambda file, name=name: str(file.view.get(name, "")))
        files = sorted(files, key=key, reverse=direction.strip() == "desc")
    return files
