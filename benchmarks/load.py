"""The load generator of the benchmark, a process of its own: keep-alive connections, each with one request at a time.

    python -m benchmarks.load PORT PATH CONNECTIONS SECONDS RATE KEY

RATE is requests a second over all connections, 0 for as fast as the answers come. Prints a JSON line:
{"answered", "refused", "seconds"}.
"""

import asyncio
import json
import sys
import time
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


def request_of(path: str, key: str) -> bytes:
    """A publish request, stamped with the moment it is sent."""
    body = f'{{"type":"bench.event","data":{{"sent_ns":{time.time_ns()},"padding":"{PADDING}"}}}}'.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def main(port: int, path: str, connections: int, seconds: float, rate: float, key: str) -> None:
    """Generate the load."""
    loop = asyncio.get_running_loop()
    answered = refused = 0
    start = time.monotonic()
    end = start + seconds

    async def client(number: int) -> None:
        nonlocal answered, refused
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        pause = connections / rate if rate else 0.0
        due = start + pause * number / connections
        while time.monotonic() < end:
            if rate:
                # Kept to its own timetable: a slow answer does not lower the load it is measured under.
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due += pause
            status = await connection.post(request_of(path, key))
            if status in {202, 204}:
                answered += 1
            else:
                refused += 1
        connection.transport.close()

    await asyncio.gather(*(client(number) for number in range(connections)))
    print(json.dumps({"answered": answered, "refused": refused, "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    _, _port, _path, _connections, _seconds, _rate, _key = sys.argv
    uvloop.run(main(int(_port), _path, int(_connections), float(_seconds), float(_rate), _key))
