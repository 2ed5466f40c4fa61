"""Uploads that go on where they stopped: in pieces, each of which Google says how far it got."""

import re
from typing import Any

from worksphere_hub.connectors.google_drive.calls import FILE, UPLOAD, refusal, send
from worksphere_hub.sdk.api import Answer, Api, Request
from worksphere_hub.sdk.errors import Transient, Unexpected

# A multiple of 256 KiB, as all pieces but the last have to be.
_PIECE = 8 * 1024 * 1024
_TRIES = 5
_RANGE = re.compile(r"bytes=0-(\d+)")
_GOES_ON = 308


async def upload(api: Api, wanted: dict[str, Any], content: bytes, kind: str, *, file: str | None = None) -> Any:
    """Make a file, or give the one with this id another content; answers it. Raises ConnectorFailed."""
    path = f"{UPLOAD}/files/{file}" if file else f"{UPLOAD}/files"
    begun = await send(
        api,
        "PATCH" if file else "POST",
        path,
        query={"uploadType": "resumable", "supportsAllDrives": "true", "fields": FILE},
        json=wanted,
        headers={"x-upload-content-type": kind, "x-upload-content-length": str(len(content))},
        idempotent=False,
    )
    address = begun.headers.get("location")
    if not address:
        raise Unexpected("Google named no address for the upload.", status=begun.status)
    return await _pieces(api, address, content)


async def _pieces(api: Api, address: str, content: bytes) -> Any:
    at = failed = 0
    while True:
        piece = content[at : at + _PIECE]
        said = f"bytes {at}-{at + len(piece) - 1}/{len(content)}" if piece else f"bytes */{len(content)}"
        try:
            answer = await _put(api, address, piece, said)
        except Transient:
            failed += 1
            if failed == _TRIES:
                raise
            answer = await _put(api, address, b"", f"bytes */{len(content)}")
        if answer.status != _GOES_ON:
            return answer.json()
        found = _RANGE.fullmatch(answer.headers.get("range", ""))
        at = int(found[1]) + 1 if found else 0


async def _put(api: Api, address: str, piece: bytes, said: str) -> Answer:
    answer = await api.send(Request("PUT", address, headers={"content-range": said}, body=piece, idempotent=True))
    if answer.status != _GOES_ON and not 200 <= answer.status < 300:
        raise refusal(answer)
    return answer
