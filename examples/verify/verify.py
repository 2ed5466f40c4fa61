"""Verify one webhook message by Standard Webhooks, with the standard library alone."""

import base64
import binascii
import hashlib
import hmac
import os
import re
import sys
import time

TOLERANCE = 300  # seconds


def refusal(secret: str, headers: dict[str, str], body: bytes, now: float) -> str | None:
    """Say why a message is refused; None if it is good. Header names are in lower case."""
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return "secret"
    if not secret.startswith("whsec_") or len(key) < 24:
        return "secret"
    message_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not (message_id and timestamp and signatures):
        return "missing"
    if "." in message_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        return "malformed"
    if abs(now - int(timestamp)) > TOLERANCE:
        return "time"
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    fits = False
    for given in signatures.split(" "):
        fits |= hmac.compare_digest(expected, given.encode())
    return None if fits else "signature"


if __name__ == "__main__":
    head, _, raw = sys.stdin.buffer.read().partition(b"\n\n")
    pairs = (line.partition(":") for line in head.decode().splitlines())
    reason = refusal(
        os.environ["WEBHOOK_SECRET"],
        {name.strip().lower(): value.strip() for name, _, value in pairs},
        raw,
        float(os.environ.get("WEBHOOK_NOW", time.time())),
    )
    print("ok" if reason is None else f"refused: {reason}")
