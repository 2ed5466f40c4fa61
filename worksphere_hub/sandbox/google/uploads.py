"""Uploads: the bytes alone, metadata and bytes together, and in pieces that may be taken up again."""

import json
import re
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from worksphere_hub.sandbox.google.answers import invalid, refusal
from worksphere_hub.sandbox.google.files import SHORT
from worksphere_hub.sandbox.google.state import File
from worksphere_hub.sandbox.wire import Call, Json, empty

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google

_PIECE = 256 * 1024
_SESSION_SECONDS = 7 * 86_400
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True)
class Session:
    """A resumable upload: what will be made or changed, and what has come so far."""

    call: Call
    caller: "Caller"
    wanted: Json
    kind: str | None
    expires_at: float
    got: bytearray = field(default_factory=bytearray)
    done: File | None = None


class Uploads:
    """/upload/drive/v3/files"""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._sessions: dict[str, Session] = {}

    def begin(self, caller: "Caller", call: Call) -> Response:
        """POST for a new file, PATCH for one that is there."""
        kind = call.query.get("uploadType")
        if kind == "media":
            return self._finish(caller, call, {}, call.body, call.kind() or None)
        if kind == "multipart":
            wanted, content, media = _parts(call)
            return self._finish(caller, call, wanted, content, media)
        if kind != "resumable":
            raise invalid("uploadType")
        identity = self._google.identities.text("upload", 40)
        media = call.headers.get("x-upload-content-type") or call.headers.get("content-type")
        wanted = call.object() if call.body else {}
        if call.method == "PATCH":
            self._google.files.find(caller, call)
        expires = self._google.world.clock.epoch() + _SESSION_SECONDS
        self._sessions[identity] = Session(call, caller, wanted, media, expires)
        where = f"{call.base}{call.path}?uploadType=resumable&upload_id={identity}"
        return empty(200, {"location": where, "x-guploader-uploadid": identity})

    def proceed(self, call: Call) -> Response:
        """PUT: the next piece, or the question how far it got. The session's address is its credential."""
        session = self._sessions.get(call.query.get("upload_id", ""))
        if session is None or session.expires_at <= self._google.world.clock.epoch():
            raise refusal(404, "notFound", "Upload session not found.")
        if session.done is not None:
            return self._shown(session.call, session.caller, session.done)
        total = self._take(session, call)
        if total is None or len(session.got) < total:
            held = {"range": f"bytes=0-{len(session.got) - 1}"} if session.got else {}
            return empty(308, held)
        session.done = self._made(session.caller, session.call, session.wanted, bytes(session.got), session.kind)
        return self._shown(session.call, session.caller, session.done)

    def _take(self, session: Session, call: Call) -> int | None:
        """Put a piece to the others; answers how long it will be in all, if that was said."""
        given = call.headers.get("content-range")
        if given is None:
            session.got[:] = call.body
            return len(call.body)
        match = _RANGE.fullmatch(given)
        if match is None:
            raise invalid("Content-Range", "Failed to parse Content-Range header.")
        total = None if match[3] == "*" else int(match[3])
        if match[1] is None:
            return total
        first, last = int(match[1]), int(match[2])
        if first > len(session.got) or last - first + 1 != len(call.body):
            raise invalid("Content-Range", "Invalid request. The piece does not follow what has been received.")
        if len(call.body) % _PIECE and (total is None or last + 1 < total):
            raise invalid("Content-Range", "Invalid request. Pieces but the last are multiples of 256 KiB.")
        del session.got[first:]
        session.got += call.body
        return total

    def _finish(self, caller: "Caller", call: Call, wanted: Json, content: bytes, kind: str | None) -> Response:
        return self._shown(call, caller, self._made(caller, call, wanted, content, kind))

    def _made(self, caller: "Caller", call: Call, wanted: Json, content: bytes, kind: str | None) -> File:
        files = self._google.files
        work = files.change if call.method == "PATCH" else files.make
        return work(caller, call, wanted, content, wanted.get("mimeType") or kind)

    def _shown(self, call: Call, caller: "Caller", file: File) -> Response:
        return self._google.partial(call, self._google.files.view(caller, file), SHORT)


def _parts(call: Call) -> tuple[Json, bytes, str | None]:
    """Metadata and bytes of a multipart/related body."""
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + call.body)
    parts: Any = message.get_payload()
    if not message.is_multipart() or len(parts) != 2:
        raise invalid("uploadType", "Bad multipart body: metadata and media are wanted.")
    described, media = (bytes(part.get_payload(decode=True)) for part in parts)
    return json.loads(described), media, str(parts[1].get_content_type())
