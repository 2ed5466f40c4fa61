"""Files and shared drives. Files are read whole once, and by the feed of changes from then on."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from worksphere_hub.connectors.google_drive.calls import DRIVE, EVERYWHERE, FILE, call, pages
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing, Rejected, StateExpired
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

_TEXT = {"type": ["string", "null"]}
_CHANGES = f"nextPageToken,newStartPageToken,changes(removed,fileId,file({FILE}))"
_PAGE = 1_000


class Files(Stream):
    """Files and folders, without their contents; what is in the bin is gone."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """All that the account sees, or with `only={"drive": id}` one shared drive; then the changes.

        The feed's place is asked for before the first page, so that nothing falls between the two.
        """
        drive = (only or {}).get("drive")
        where: dict[str, str] = {"driveId": drive} if drive else {}
        token = (state or {}).get("token")
        reading = self._changes(api, token, where) if token else self._all(api, where)
        async for page in reading:
            yield page

    async def _all(self, api: Api, where: Mapping[str, str]) -> AsyncIterator[Page]:
        token = await start_token(api, where)
        corpora = {"corpora": "drive"} if where else {"corpora": "allDrives"}
        query = {**EVERYWHERE, **where, **corpora, "q": "trashed = false", "pageSize": _PAGE}
        async for found in pages(api, f"{DRIVE}/files", "files", {**query, "fields": f"nextPageToken,files({FILE})"}):
            yield Page(found["files"], {})
        yield Page([], {"token": token})

    async def _changes(self, api: Api, token: str, where: Mapping[str, str]) -> AsyncIterator[Page]:
        query = {**EVERYWHERE, **where, "includeRemoved": "true", "pageSize": _PAGE, "fields": _CHANGES}
        while True:
            try:
                found = await call(api, "GET", f"{DRIVE}/changes", query={**query, "pageToken": token})
            except (Missing, Rejected) as failure:
                raise StateExpired(failure.detail, status=failure.status) from None
            kept: list[dict[str, Any]] = []
            gone: list[tuple[str]] = []
            for change in found["changes"]:
                file = change.get("file")
                if change.get("removed") or file is None or file.get("trashed"):
                    gone.append((change["fileId"],))
                else:
                    kept.append(file)
            token = found.get("nextPageToken") or found["newStartPageToken"]
            yield Page(kept, {"token": token}, gone)
            if "nextPageToken" not in found:
                return


class Drives(Stream):
    """Shared drives that the account is a member of."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Always all of them."""
        del state, only
        query = {"pageSize": 100, "fields": "nextPageToken,drives(id,name,createdTime,hidden)"}
        async for found in pages(api, f"{DRIVE}/drives", "drives", query):
            yield Page(found["drives"], {})


async def start_token(api: Api, where: Mapping[str, str]) -> str:
    """Where the feed of changes stands now."""
    found = await call(api, "GET", f"{DRIVE}/changes/startPageToken", query={**where, "supportsAllDrives": "true"})
    return found["startPageToken"]


def streams() -> dict[str, Stream]:
    """Google Drive's streams by name."""
    return {
        "files": Files(
            "files",
            Kind(
                "Files and folders",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "name": _TEXT, "mimeType": _TEXT, "description": _TEXT,
                 "parents": {"type": ["array", "null"]}, "driveId": _TEXT, "createdTime": _TEXT, "modifiedTime": _TEXT,
                 "size": _TEXT, "md5Checksum": _TEXT, "version": _TEXT, "webViewLink": _TEXT,
                 "trashed": {"type": "boolean"}, "shared": {"type": ["boolean", "null"]},
                 "owners": {"type": ["array", "null"]}, "lastModifyingUser": {"type": ["object", "null"]}}},
                incremental=True,
                deletes=True,
                scopes=("https://www.googleapis.com/auth/drive.metadata.readonly",),
            ),
        ),
        "drives": Drives(
            "drives",
            Kind(
                "Shared drives",
                ("id",),
                {"type": "object", "properties": {"id": _TEXT, "name": _TEXT, "createdTime": _TEXT,
                 "hidden": {"type": ["boolean", "null"]}}},
                scopes=("https://www.googleapis.com/auth/drive.readonly",),
            ),
        ),
    }  # fmt: skip
