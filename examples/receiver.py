"""A webhook receiver in the standard library: prints what arrives and checks the signature if given the secret.

python3 examples/receiver.py [PORT] [SECRET]
"""

import base64
import hashlib
import hmac
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
SECRET = sys.argv[2] if len(sys.argv) > 2 else None


def signature_is_good(headers: dict[str, str], body: bytes) -> bool:
    """Check a Standard Webhooks signature, and that the message is not older than five minutes."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode((SECRET or "").removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    offered = headers["webhook-signature"].split(" ")
    return fresh and any(hmac.compare_digest(expected, one) for one in offered)


class Receiver(BaseHTTPRequestHandler):
    """Answers every POST with 204."""

    def do_POST(self) -> None:
        """Take one message."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        verdict = "" if SECRET is None else " signature good" if signature_is_good(headers, body) else " SIGNATURE BAD"
        print(f"{headers.get('webhook-id')}{verdict}\n  {body.decode()}", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing more than the line above."""


print(f"Listening on http://127.0.0.1:{PORT}", flush=True)
ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
