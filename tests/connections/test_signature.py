"""HMAC signatures of requests."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import custom
from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.connections.placement import Outgoing, place
from worksphere_hub.connections.signature import stamp
from worksphere_hub.sdk.manifest.auth import Signature

PLACE = [
    {"name": "X-Sign", "value": "${signature.value}"},
    {"name": "X-Time", "value": "${signature.timestamp}"},
    {"name": "X-Key", "value": "${credential.key}"},
]
MESSAGE = "${request.timestamp}${request.method}${request.path}?${request.query}${request.body}"
VALUES = {"credential": {"key": "k", "secret": "s3cret"}}


def signed(body: bytes | None = b"", **given) -> Outgoing:
    declared = {"key": "${credential.secret}", "message": MESSAGE, **given}
    request = Outgoing("POST", "https://api.example.com/v1/orders?a=1", {}, body)
    return place(custom(signature=declared, place=PLACE), request, VALUES, 1_700_000_000.5)


@given(st.binary(max_size=60))
def test_anybody_with_the_key_gets_the_same(body):
    made = signed(body)
    message = b"1700000000POST/v1/orders?a=1" + body
    assert made.headers["x-sign"] == hmac.new(b"s3cret", message, hashlib.sha256).hexdigest()
    assert (made.headers["x-time"], made.headers["x-key"]) == ("1700000000", "k")


@pytest.mark.parametrize(
    ("given", "key", "digest"),
    [
        ({"algorithm": "hmac-sha512", "encoding": "base64"}, b"s3cret", "sha512"),
        ({"algorithm": "hmac-sha1"}, b"s3cret", "sha1"),
        ({"key": "c2VjcmV0", "key_encoding": "base64"}, b"secret", "sha256"),
        ({"key": "736563726574", "key_encoding": "hex"}, b"secret", "sha256"),
    ],
)
def test_other_digests_keys_and_spellings(given, key, digest):
    found = hmac.new(key, b"1700000000POST/v1/orders?a=1", digest).digest()
    spelled = base64.b64encode(found).decode() if given.get("encoding") == "base64" else found.hex()
    assert signed(None, **given).headers["x-sign"] == spelled


def test_stamps():
    def of(kind):
        return stamp(Signature(key="k", message="m", timestamp=kind), 1_700_000_000.5)

    assert (of("seconds"), of("milliseconds"), of("iso")) == ("1700000000", "1700000000500", "2023-11-14T22:13:20Z")


@pytest.mark.parametrize("given", [{"key_encoding": "hex"}, {"key_encoding": "base64"}, {"key": "${credential.none}"}])
def test_a_key_that_is_none_is_said_so(given):
    with pytest.raises(CredentialUnusable) as refused:
        signed(**({"key": "not!a!key"} | given))
    assert "not!a!key" not in str(refused.value)
