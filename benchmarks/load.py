"""The load generator of the benchmarks, a process of its own: keep-alive connections, each with one request at a time.

    python -m benchmarks.load PORT CONNECTIONS SECONDS RATE TYPES GROUP KEY[,KEY...]

RATE is requests a second over all connections, 0 for as fast as the answers come. The events are of TYPES types,
GROUP.0, GROUP.1 and so on, in turn, and of the organizations of the keys, in turn. Prints a JSON line:
{"answered", "refused", "seconds"}.
"""

import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass
from typing import cast

import uvloop

PADDING = "x" * 850  # makes the message about 1 kB


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self) -> None:
        self.buffer = b""
        self.waiter: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Wake the waiter once the answer is whole."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[start + 15 : self.buffer.index(b"\r\n", start)]) if start >= 0 else 0
        if len(self.buffer) >= head + 4 + length and self.waiter and not self.waiter.done():
            status = int(self.buffer[9:12])
            self.buffer = b""
            self.waiter.set_result(status)

    async def post(self, request: bytes) -> int:
        """Send one request; answers the status."""
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiter


def request_of(event_type: str, key: str) -> bytes:
    """A publish request, stamped with the moment it is sent."""
    body = f'{{"type":"{event_type}","data":{{"sent_ns":{time.time_ns()},"padding":"{PADDING}"}}}}'.encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Wanted:
    """What to send, and how much of it."""

    port: int
    connections: int
    seconds: float
    rate: float
    types: int
    group: str
    keys: list[str]


async def main(wanted: Wanted) -> None:
    """Generate the load."""
    loop = asyncio.get_running_loop()
    answered = refused = 0
    start = time.monotonic()
    end = start + wanted.seconds
    numbers = itertools.count()

    async def client(number: int) -> None:
        nonlocal answered, refused
        _, connection = await loop.create_connection(Connection, "127.0.0.1", wanted.port)
        pause = wanted.connections / wanted.rate if wanted.rate else 0.0
        due = start + pause * number / wanted.connections
        while time.monotonic() < end:
            if wanted.rate:
                # Kept to its own timetable: a slow answer does not lower the load it is measured under.
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due += pause
            count = next(numbers)
            event_type = f"{wanted.group}.{count % wanted.types}"
            status = await connection.post(request_of(event_type, wanted.keys[count % len(wanted.keys)]))
            if status in {202, 204}:
                answered += 1
            else:
                refused += 1
        connection.transport.close()

    await asyncio.gather(*(client(number) for number in range(wanted.connections)))
    print(json.dumps({"answered": answered, "refused": refused, "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    _, _port, _connections, _seconds, _rate, _types, _group, _keys = sys.argv
    uvloop.run(
        main(
            Wanted(int(_port), int(_connections), float(_seconds), float(_rate), int(_types), _group, _keys.split(","))
        )
    )
