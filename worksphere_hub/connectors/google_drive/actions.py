"""What can be done at Google Drive."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from worksphere_hub.connectors.google_drive.calls import DRIVE, FILE, call, send
from worksphere_hub.connectors.google_drive.uploads import upload
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import BadSettings, Missing, Rejected

_ALL = {"supportsAllDrives": "true"}
_FOLDER = "application/vnd.google-apps.folder"
_OWN_KINDS = "application/vnd.google-apps."
_DOWNLOAD_BYTES = 10_000_000
_WRITE = "https://www.googleapis.com/auth/drive"
_READ = "https://www.googleapis.com/auth/drive.readonly"


class UploadFile(Action):
    """Upload a file, or a new content for one that is there."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the file."""
        wanted = {name: given[name] for name in ("name", "description") if name in given}
        if "parent" in given and "id" not in given:
            wanted["parents"] = [given["parent"]]
        kind = given.get("mime_type", "application/octet-stream")
        return await upload(api, wanted, _content(given), kind, file=given.get("id"))


class CreateFolder(Action):
    """Make a folder."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the folder."""
        wanted = {"name": given["name"], "mimeType": _FOLDER}
        if "parent" in given:
            wanted["parents"] = [given["parent"]]
        return await call(api, "POST", f"{DRIVE}/files", query={**_ALL, "fields": FILE}, json=wanted, idempotent=False)


class UpdateFile(Action):
    """Rename a file, move it, or put it into the bin and back."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the file."""
        path, query = f"{DRIVE}/files/{given['id']}", {**_ALL, "fields": FILE}
        if "parent" in given:
            now = await call(api, "GET", path, query={**_ALL, "fields": "parents"})
            query |= {"addParents": given["parent"], "removeParents": ",".join(now.get("parents") or [])}
        changes = {name: given[name] for name in ("name", "description", "trashed") if name in given}
        return await call(api, "PATCH", path, query=query, json=changes, idempotent=True)


class GetFile(Action):
    """Look a file up, with its content if wished."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the file, with `content_base64` where it was asked for: 10 MB at most.

        Documents of Google's own have no content; they are exported in the format `as`.
        """
        path = f"{DRIVE}/files/{given['id']}"
        file = await call(api, "GET", path, query={**_ALL, "fields": FILE})
        if not given.get("content"):
            return file
        if int(file.get("size") or 0) > _DOWNLOAD_BYTES:
            raise Rejected(f"This file has {file['size']} bytes; {_DOWNLOAD_BYTES} can be fetched this way.")
        if file["mimeType"].startswith(_OWN_KINDS):
            answer = await send(api, "GET", f"{path}/export", query={"mimeType": given.get("as", "application/pdf")})
        else:
            answer = await send(api, "GET", path, query={**_ALL, "alt": "media"})
        return {**file, "content_base64": base64.b64encode(answer.body).decode()}


class DeleteFile(Action):
    """Delete a file for good, past the bin. One that is gone is gone."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers whether there was one."""
        try:
            await call(api, "DELETE", f"{DRIVE}/files/{given['id']}", query=_ALL, idempotent=True)
        except Missing:
            return {"deleted": False}
        return {"deleted": True}


class ShareFile(Action):
    """Let a person, a group, a domain or anybody see or change a file."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the permission's `id`."""
        wanted = {"type": given["type"], "role": given["role"]}
        wanted |= {name: given[key] for key, name in (("email", "emailAddress"), ("domain", "domain")) if key in given}
        query = {**_ALL, "sendNotificationEmail": "true" if given.get("notify") else "false"}
        path = f"{DRIVE}/files/{given['id']}/permissions"
        made = await call(api, "POST", path, query=query, json=wanted, idempotent=False)
        return {"id": made["id"]}


class UnshareFile(Action):
    """Take a permission back. One that is gone is gone."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers whether there was one."""
        path = f"{DRIVE}/files/{given['id']}/permissions/{given['permission']}"
        try:
            await call(api, "DELETE", path, query=_ALL, idempotent=True)
        except Missing:
            return {"deleted": False}
        return {"deleted": True}


def _content(given: Mapping[str, Any]) -> bytes:
    if "content_base64" not in given:
        return str(given.get("content", "")).encode()
    try:
        return base64.b64decode(given["content_base64"], validate=True)
    except binascii.Error:
        raise BadSettings("content_base64 is not base64.") from None


def actions() -> dict[str, Action]:
    """Google Drive's actions by name."""
    text, flag = {"type": "string", "minLength": 1}, {"type": "boolean"}
    content = {"content": {"type": "string"}, "content_base64": {"type": "string"}}
    described = {"name": text, "description": {"type": "string"}, "parent": text}
    shared = {
        "id": text, "type": {"enum": ["user", "group", "domain", "anyone"]},
        "role": {"enum": ["reader", "commenter", "writer"]}, "email": text, "domain": text, "notify": flag,
    }  # fmt: skip
    made = [
        UploadFile("upload_file", _deed("Upload a file", (), {"id": text, **described, "mime_type": text, **content})),
        CreateFolder("create_folder", _deed("Make a folder", ("name",), described)),
        UpdateFile(
            "update_file", _deed("Change a file", ("id",), {"id": text, **described, "trashed": flag}, twice=True)
        ),
        GetFile(
            "get_file",
            _deed("Look a file up", ("id",), {"id": text, "content": flag, "as": text}, twice=True, scope=_READ),
        ),
        DeleteFile("delete_file", _deed("Delete a file", ("id",), {"id": text}, twice=True)),
        ShareFile("share_file", _deed("Share a file", ("id", "type", "role"), shared)),
        UnshareFile(
            "unshare_file",
            _deed("Take a share back", ("id", "permission"), {"id": text, "permission": text}, twice=True),
        ),
    ]
    return {action.name: action for action in made}


def _deed(
    title: str, required: tuple[str, ...], properties: dict[str, Any], *, twice: bool = False, scope: str = _WRITE
) -> Deed:
    schema = {"type": "object", "required": list(required), "additionalProperties": False, "properties": properties}
    return Deed(title, schema, idempotent=twice, scopes=(scope,))
