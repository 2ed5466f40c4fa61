"""Requests at the door."""

import hashlib
import hmac
import json

GITHUB_SECRET = "It's a Secret to Everybody"
HELLO = b"Hello, World!"
HELLO_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


async def test_a_verified_request_is_stored_processed_and_published_once(reception):
    source = await reception.source("github", secret=GITHUB_SECRET)
    headers = {"x-hub-signature-256": HELLO_SIGNATURE, "x-github-delivery": "d-1"}
    first = await reception.send(source, HELLO, headers)
    assert (first.status, first.body) == (200, b"")
    again = await reception.send(source, HELLO, headers)
    assert again.status == 200
    assert again.headers["hub-duplicate"] == "true"
    assert again.headers["hub-message"] == first.headers["hub-message"]
    assert await reception.process() == 1
    (event,) = await reception.events()
    assert event["type"] == "provider.event"
