"""The receiver of the benchmark: answers 204 and notes when each event arrived. A process of its own.

GET /stats answers {"count", "latencies_ms"} and GET /reset starts counting anew.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: ?(\d+)", re.IGNORECASE)
_SENT = re.compile(rb'"sent_ns":(\d+)')
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Counts:
    """What has arrived."""

    def __init__(self) -> None:
        self.count = 0
        self.latencies: list[float] = []


class Sink(asyncio.Protocol):
    """As little HTTP as will do: the benchmark measures the hub, not this."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request in the buffer."""
        self.buffer += data
        while True:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            found = _LENGTH.search(self.buffer, 0, head + 2)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < end:
                return
            request, self.buffer = self.buffer[:end], self.buffer[end:]
            self.answer(request)

    def answer(self, request: bytes) -> None:
        """Count an event, or tell the counts."""
        if request.startswith(b"POST"):
            self.counts.count += 1
            sent = _SENT.search(request)
            if sent:
                self.counts.latencies.append((time.time_ns() - int(sent[1])) / 1e6)
            self.transport.write(_NO_CONTENT)
            return
        if request.startswith(b"GET /reset"):
            self.counts.__init__()
        body = json.dumps({"count": self.counts.count, "latencies_ms": self.counts.latencies}).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def main(port: int) -> None:
    """Serve for ever."""
    counts = Counts()
    server = await asyncio.get_running_loop().create_server(lambda: Sink(counts), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
