"""files.*: list, look at, upload in two steps, download, delete."""

import json
from typing import Any

from starlette.responses import Response

from worksphere_hub.sandbox.identity import UPPER
from worksphere_hub.sandbox.slack.methods import Caller, Method, NotOk, whole
from worksphere_hub.sandbox.slack.state import add_file, new_message
from worksphere_hub.sandbox.wire import Json


def list_files(caller: Caller, fields: Json) -> Json:
    """files.list: by page and count, the newest first."""
    rows = [
        file
        for file in sorted(caller.team.files.values(), key=lambda one: one["created"], reverse=True)
        if (not fields.get("channel") or fields["channel"] in file["channels"])
        and (not fields.get("user") or fields["user"] == file["user"])
        and whole(fields.get("ts_from"), 0) <= file["created"] <= whole(fields.get("ts_to"), 2**62)
    ]
    size = max(1, min(whole(fields.get("count"), 100), 1000))
    number = max(1, whole(fields.get("page"), 1))
    paging = {"count": size, "total": len(rows), "page": number, "pages": max(1, -(-len(rows) // size))}
    return {"files": rows[(number - 1) * size : number * size], "paging": paging}


def info(caller: Caller, fields: Json) -> Json:
    """files.info"""
    return {"file": _file(caller, fields), "comments": [], "response_metadata": {"next_cursor": ""}}


def upload_url(caller: Caller, fields: Json) -> Json:
    """files.getUploadURLExternal: where to send the bytes."""
    name, length = str(fields.get("filename") or ""), whole(fields.get("length"), 0)
    if not name:
        raise NotOk("invalid_arguments")
    if length <= 0:
        raise NotOk("file_uploads_disabled" if length < 0 else "missing_argument")
    identity = f"F{caller.slack.identities.text('file', 10, UPPER)}"
    caller.slack.uploads[identity] = {"name": name, "length": length, "user": caller.user, "content": None}
    return {"upload_url": f"{caller.slack.base}/upload/v1/{identity}", "file_id": identity}


def complete(caller: Caller, fields: Json) -> Json:
    """files.completeUploadExternal: files that were sent become files of the workspace, shared to a channel."""
    given: Any = fields.get("files")
    wanted: list[Json] = json.loads(given) if isinstance(given, str) else given or []
    channels = [str(fields["channel_id"])] if fields.get("channel_id") else []
    if any(name not in caller.team.channels for name in channels):
        raise NotOk("channel_not_found")
    if not wanted or any(caller.slack.uploads.get(one["id"], {}).get("content") is None for one in wanted):
        raise NotOk("file_not_found")
    return {"files": [_publish(caller, one, channels, fields) for one in wanted]}


def _publish(caller: Caller, wanted: Json, channels: list[str], fields: Json) -> Json:
    sent = caller.slack.uploads.pop(wanted["id"])
    described = {"id": wanted["id"], "name": sent["name"], "title": wanted.get("title") or sent["name"]}
    described |= {"user": caller.user, "channels": channels}
    file = add_file(caller.team, described, sent["content"], int(caller.slack.world.clock.epoch()))
    for name in channels:
        comment = str(fields.get("initial_comment") or "")
        message = new_message("", caller.user, comment, files=[file], upload=True)
        caller.slack.say(caller.team, caller.team.channels[name], message, str(fields.get("thread_ts") or ""))
        shared = {"type": "file_shared", "file_id": file["id"], "user_id": caller.user, "channel_id": name}
        caller.slack.webhooks.emit(caller.team, "file_shared", {**shared, "file": {"id": file["id"]}})
    return file


def delete(caller: Caller, fields: Json) -> Json:
    """files.delete"""
    file = _file(caller, fields)
    del caller.team.files[file["id"]]
    caller.team.contents.pop(file["id"], None)
    caller.slack.webhooks.emit(caller.team, "file_deleted", {"type": "file_deleted", "file_id": file["id"]})
    return {}


def receive(uploads: dict[str, Json], identity: str, body: bytes) -> Response:
    """The bytes of a file, sent to the address of files.getUploadURLExternal."""
    wanted = uploads.get(identity)
    if wanted is None or len(body) != wanted["length"]:
        return Response("Not OK", 400 if wanted else 404)
    wanted["content"] = body
    return Response(f"OK - {len(body)}", 200)


def _file(caller: Caller, fields: Json) -> Json:
    file = caller.team.files.get(str(fields.get("file") or ""))
    if file is None:
        raise NotOk("file_not_found")
    return file


METHODS = {
    "files.list": Method(list_files, ("files:read",)),
    "files.info": Method(info, ("files:read",), tier=4),
    "files.getUploadURLExternal": Method(upload_url, ("files:write",), tier=4),
    "files.completeUploadExternal": Method(complete, ("files:write",), tier=4),
    "files.delete": Method(delete, ("files:write",)),
}
