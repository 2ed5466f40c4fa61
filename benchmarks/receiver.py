"""The receiver of the benchmarks: answers 204 and notes when each event arrived. A process of its own.

Events are counted by the first part of the path. What is posted to /dead is never answered. GET /stats/GROUP answers
{"count", "latencies_ms", "marks"} of a group, or of all without one, and GET /reset starts counting anew; `marks` are
the times, in seconds since the first, at which each hundred thousand was full.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter, defaultdict
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: ?(\d+)", re.IGNORECASE)
_SENT = re.compile(rb'"sent_ns":(\d+)')
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


MARK = 100_000


class Counts:
    """What has arrived, by the first part of the path."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.first = 0.0
        self.marks: list[float] = []
        self.total = 0

    def add(self, group: str, sent_ns: int | None) -> None:
        """One has arrived."""
        now = time.time_ns()
        if not self.total:
            self.first = now / 1e9
        self.total += 1
        self.counts[group] += 1
        if self.total % MARK == 0:
            self.marks.append(now / 1e9 - self.first)
        if sent_ns:
            self.latencies[group].append((now - sent_ns) / 1e6)

    def told(self, group: str) -> dict[str, object]:
        """What is answered to GET /stats."""
        chosen = [group] if group else list(self.counts)
        return {
            "count": sum(self.counts[each] for each in chosen),
            "latencies_ms": [late for each in chosen for late in self.latencies[each]],
            "marks": self.marks,
        }


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
        method, target, _ = request.split(b" ", 2)
        name, _, rest = target[1:].decode().partition("/")
        if method == b"POST":
            if name == "dead":
                return
            sent = _SENT.search(request)
            self.counts.add(name, int(sent[1]) if sent else None)
            self.transport.write(_NO_CONTENT)
            return
        if name == "reset":
            self.counts.__init__()
        body = json.dumps(self.counts.told(rest)).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def main(port: int) -> None:
    """Serve for ever."""
    counts = Counts()
    server = await asyncio.get_running_loop().create_server(lambda: Sink(counts), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
