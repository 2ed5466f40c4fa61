"""Read a request's body in a bare ASGI handler, never more than its limit."""

from starlette.types import Message, Receive, Scope

from worksphere_hub.http.errors import BodyTooLarge, ClientGone
from worksphere_hub.http.headers import RawHeaders

_DISCARDED_BYTES = 8 * 1_048_576


def announced_length(scope: Scope) -> int:
    """Return what Content-Length says, in bytes; 0 when it says nothing or nonsense."""
    headers: RawHeaders = scope["headers"]
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else 0
    return 0


async def discard_body(scope: Scope, receive: Receive) -> None:
    """Read away a refused body, up to 8 MiB, before it is answered to a client that wants the connection closed.

    It would otherwise be cut off in mid-sending and never see why. (Where the connection stays open, the protocol
    reads the rest away after the answer.) One that waits to be told to go on (Expect: 100-continue) is not told to.
    """
    headers = dict[bytes, bytes](scope["headers"])
    if b"expect" in headers or b"close" not in headers.get(b"connection", b"").lower():
        return
    size = 0
    while size <= _DISCARDED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


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


async def read_or_discard(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read a whole body like `read_body`; one that is too large is read away before that is raised.

    What has arrived whole is not read again: nothing more would come, and whoever waited for it would wait for ever.
    """
    whole = False

    async def watched() -> Message:
        nonlocal whole
        message = await receive()
        whole = not message.get("more_body")
        return message

    try:
        return await read_body(watched, limit)
    except BodyTooLarge:
        if not whole:
            await discard_body(scope, receive)
        raise
