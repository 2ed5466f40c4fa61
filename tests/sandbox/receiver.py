"""A webhook receiver on this machine that answers by plan and keeps what came."""

import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict
    body: bytes


class Receiver:
    """`answer` is called with each request and gives status, content type and body; None hangs up."""

    def __init__(self):
        self.got = queue.Queue()
        self.answer = lambda _request: (200, "text/plain", b"")
        self.url = ""

    def next(self):
        """What came next; fails after ten seconds without anything."""
        return self.got.get(timeout=10)

    def everything(self):
        found = []
        while not self.got.empty():
            found.append(self.got.get_nowait())
        return found


@contextmanager
def receiving():
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            planned = receiver.answer(request)
            receiver.got.put(request)
            if planned is None:
                self.close_connection = True
                return
            status, kind, text = planned
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
