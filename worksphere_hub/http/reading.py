"""Read a request's body in a bare ASGI handler, never more than its limit."""

from starlette.types import Receive, Scope

from worksphere_hub.http.errors import BodyTooLarge, ClientGone
from worksphere_hub.http.headers import RawHeaders


def announced_length(scope: Scope) -> int:
    """Return what Content-Length says, in bytes; 0 when it says nothing or nonsense."""
    headers: RawHeaders = scope["headers"]
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else 0
    return 0


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a whole body of at most `limit` bytes; stops reading at the first byte too many.

    Raises BodyTooLarge, and ClientGone when the connection ends before the body does. Refuse by
    `announced_length` first where that should cost no read at all.
    """
    message = await receive()
    first: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(first) <= limit:
        return first  # nearly every request: one message, and no copy
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
