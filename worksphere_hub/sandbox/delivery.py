"""Hand an answer over: whole, or in the way a fault wants it."""

import asyncio
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Send

from worksphere_hub.sandbox.faults import Fault

_PIECES = 10


class HungUp(Exception):
    """The connection is dropped on purpose: the server closes it when the application ends like this."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer as it goes over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "Sent":
        """A response, rendered."""
        return cls(response.status_code, list(response.raw_headers), bytes(response.body))


async def hand_over(sent: Sent | None, fault: Fault | None, receive: Receive, send: Send) -> None:
    """Send it, or let the fault have its way. Raises HungUp."""
    kind = fault.kind if fault else ""
    if kind == "timeout":
        await _until_gone(receive)
    elif sent is None or kind == "disconnect":
        # The server would answer 500 for an application that ends without an answer; its own end of the line is
        # behind the channel it gave us.
        send.__self__.transport.abort()  # pyright: ignore[reportFunctionMemberAccess]
    elif kind == "truncate":
        await _truncate(sent, send)
    else:
        await _send(sent, send, fault.seconds if fault and kind == "slow" else None)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(sent: Sent, send: Send, pause: float | None) -> None:
    await send({"type": "http.response.start", "status": sent.status, "headers": sent.headers})
    if pause is not None:
        size = max(1, len(sent.body) // _PIECES)
        for start in range(0, len(sent.body) - size, size):
            await send({"type": "http.response.body", "body": sent.body[start : start + size], "more_body": True})
            await asyncio.sleep(pause)
        rest = len(range(0, len(sent.body) - size, size)) * size
        await send({"type": "http.response.body", "body": sent.body[rest:]})
        return
    await send({"type": "http.response.body", "body": sent.body})


async def _truncate(sent: Sent, send: Send) -> None:
    await send({"type": "http.response.start", "status": sent.status, "headers": sent.headers})
    await send({"type": "http.response.body", "body": sent.body[: len(sent.body) // 2], "more_body": True})
    raise HungUp
