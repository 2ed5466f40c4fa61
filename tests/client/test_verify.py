"""A message is what it says, or is refused by kind."""

import pytest

from worksphere_hub.client import SignatureRefused, verify
from worksphere_hub.security import signing
from worksphere_hub.security.signing_ed25519 import KeyRefused, new_signing_key, parse_signing_key

SECRET, OTHER = signing.new_secret(), signing.new_secret()
PAIR = parse_signing_key(new_signing_key())
BODY = b'{"type":"a.b","timestamp":"2026-11-23T10:00:00Z","data":{"n":1}}'


def signed(body=BODY, pairs=()):
    header = signing.sign([signing.parse_secret(SECRET)], "evt_1", 1000, body, pairs)
    return {"Webhook-Id": "evt_1", "Webhook-Timestamp": "1000", "Webhook-Signature": header}


def test_a_message_is_read():
    message = verify(SECRET, signed(), BODY, now=1000)
    assert (message.id, message.type, message.data) == ("evt_1", "a.b", {"n": 1})
    assert message.timestamp == "2026-11-23T10:00:00Z"
    assert message.body == BODY


@pytest.mark.parametrize(
    "keys", [[OTHER, SECRET], PAIR.public_text, [PAIR.public_text, OTHER], (SECRET,)], ids=range(4)
)
def test_one_key_of_several_is_enough_of_either_kind(keys):
    assert verify(keys, signed(pairs=[PAIR]), BODY, now=1000).id == "evt_1"


@pytest.mark.parametrize(
    ("keys", "headers", "body", "now", "code"),
    [
        (OTHER, signed(), BODY, 1000, "signature_wrong"),
        (PAIR.public_text, signed(), BODY, 1000, "signature_wrong"),
        (SECRET, signed(), BODY + b" ", 1000, "signature_wrong"),
        (SECRET, signed(), BODY, 1301, "signature_out_of_time"),
        (SECRET, {}, BODY, 1000, "signature_missing"),
        ([], signed(), BODY, 1000, "signature_wrong"),
    ],
    ids=range(6),
)
def test_anything_else_is_refused(keys, headers, body, now, code):
    with pytest.raises(SignatureRefused) as refused:
        verify(keys, headers, body, now=now)
    assert refused.value.code == code


def test_tolerance_and_clock():
    assert verify(SECRET, signed(), BODY, 400, now=1400)
    with pytest.raises(SignatureRefused):
        verify(SECRET, signed(), BODY)


def test_a_key_that_is_none_is_refused_before_any_message():
    with pytest.raises(signing.SecretRefused):
        verify("secret", signed(), BODY, now=1000)
    with pytest.raises(KeyRefused):
        verify("whpk_AAAA", signed(), BODY, now=1000)


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"{}"])
def test_a_transformed_body_may_have_no_type(body):
    message = verify(SECRET, signed(body), body, now=1000)
    assert (message.type, message.timestamp, message.data) == (None, None, None)
