import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from worksphere_hub.security import signing
from worksphere_hub.security.signing import (
    SecretRefused,
    SignatureMalformed,
    SignatureMissing,
    SignatureOutOfTime,
    SignatureRefused,
    SignatureWrong,
)

# The vector every Standard Webhooks library carries in its own tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
KEY = signing.parse_secret(SECRET)
OTHER = signing.parse_secret(signing.new_secret())


def signed(**changes: str) -> dict[str, str]:
    headers = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_published_vector():
    assert signing.sign([KEY], MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE
    assert signing.verify([KEY], signed(), BODY, now=TIMESTAMP) == MESSAGE_ID


def test_one_signature_per_key_in_order():
    both = signing.sign([KEY, OTHER], MESSAGE_ID, TIMESTAMP, BODY).split(" ")
    assert both[0] == SIGNATURE
    assert both[1] == signing.sign([OTHER], MESSAGE_ID, TIMESTAMP, BODY)


@pytest.mark.parametrize("keys", [[KEY], [OTHER], [OTHER, KEY]])
def test_rotation_overlap_lets_either_key_verify(keys):
    headers = signed(webhook_signature=signing.sign([KEY, OTHER], MESSAGE_ID, TIMESTAMP, BODY))
    assert signing.verify(keys, headers, BODY, now=TIMESTAMP + 299) == MESSAGE_ID


@given(body=st.text().map(str.encode), message_id=st.from_regex(r"evt_[0-9a-f]{32}", fullmatch=True))
def test_reference_library_accepts_ours(body, message_id):
    now = int(time.time())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signing.sign([OTHER, KEY], message_id, now, body),
    }
    Webhook(SECRET).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers, json_parse=False)


@given(body=st.text(), message_id=st.from_regex(r"msg_[0-9A-Za-z]{1,40}", fullmatch=True))
def test_ours_accepts_reference_library(body, message_id):
    stamp = datetime.fromtimestamp(TIMESTAMP, UTC)
    theirs = Webhook(SECRET).sign(message_id, stamp, body)
    headers = signed(webhook_id=message_id, webhook_signature=theirs)
    assert signing.verify([KEY], headers, body.encode(), now=TIMESTAMP) == message_id


def test_reference_library_accepts_our_secrets():
    text = signing.new_secret()
    now = int(time.time())
    signature = signing.sign([signing.parse_secret(text)], "msg_1", now, b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}
    assert Webhook(text).verify(b"{}", headers) == {}


def test_header_names_in_any_case():
    headers = {name.title(): value for name, value in signed().items()}
    assert signing.verify([KEY], headers, BODY, now=TIMESTAMP) == MESSAGE_ID


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_tolerance_includes_its_edges(offset):
    signing.verify([KEY], signed(), BODY, now=TIMESTAMP + offset)


@pytest.mark.parametrize("offset", [-301, 301, -(10**6), 10**6])
def test_outside_the_tolerance_is_refused_although_the_signature_fits(offset):
    with pytest.raises(SignatureOutOfTime):
        signing.verify([KEY], signed(), BODY, now=TIMESTAMP + offset)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_or_empty_header_is_named(name):
    absent = signed()
    del absent[name]
    for headers in (absent, signed() | {name: ""}):
        with pytest.raises(SignatureMissing, match=name):
            signing.verify([KEY], headers, BODY, now=TIMESTAMP)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": "msg.1"},
        {"webhook_id": "msg_\u00e9"},
        {"webhook_timestamp": f"0{TIMESTAMP}"},
        {"webhook_timestamp": f"+{TIMESTAMP}"},
        {"webhook_timestamp": f"{TIMESTAMP}.0"},
        {"webhook_timestamp": f" {TIMESTAMP}"},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "1e9"},
        {"webhook_timestamp": "9" * 5000},
        {"webhook_timestamp": "\uff11\uff16\uff11"},
        {"webhook_signature": " ".join([SIGNATURE] * 21)},
    ],
)
def test_unreadable_headers_are_refused(changes):
    with pytest.raises(SignatureMalformed):
        signing.verify([KEY], signed(**changes), BODY, now=TIMESTAMP)


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE.replace("v1,", "v1a,"),
        SIGNATURE.replace("v1,", "v2,"),
        SIGNATURE.removeprefix("v1,"),
        SIGNATURE[:-1],
        SIGNATURE + "=",
        SIGNATURE.replace("g0h", "g0i"),
        "v1,",
        ",",
        "v1,\u00e9\ud800",
        " ",
    ],
)
def test_a_signature_that_does_not_fit_is_refused(signature):
    with pytest.raises(SignatureWrong):
        signing.verify([KEY], signed(webhook_signature=signature), BODY, now=TIMESTAMP)


def test_another_version_beside_a_good_one_does_no_harm():
    headers = signed(webhook_signature=f"v1a,abcd {SIGNATURE} junk")
    assert signing.verify([KEY], headers, BODY, now=TIMESTAMP) == MESSAGE_ID


def test_no_key_never_verifies_and_never_signs():
    with pytest.raises(SignatureWrong):
        signing.verify([], signed(), BODY, now=TIMESTAMP)
    with pytest.raises(ValueError, match="at least one key"):
        signing.sign([], MESSAGE_ID, TIMESTAMP, BODY)


@pytest.mark.parametrize("message_id", ["", "a.b"])
def test_an_ambiguous_message_id_is_never_signed(message_id):
    with pytest.raises(ValueError, match="without a dot"):
        signing.sign([KEY], message_id, TIMESTAMP, BODY)


@given(
    position=st.integers(0, len(BODY) - 1),
    bit=st.integers(0, 7),
    id_suffix=st.text("abc", min_size=1),
    shift=st.integers(1, 200),
)
def test_any_change_of_body_id_or_time_breaks_it(position, bit, id_suffix, shift):
    body = bytearray(BODY)
    body[position] ^= 1 << bit
    for headers, content in (
        (signed(), bytes(body)),
        (signed(webhook_id=MESSAGE_ID + id_suffix), BODY),
        (signed(webhook_timestamp=str(TIMESTAMP + shift)), BODY),
    ):
        with pytest.raises(SignatureWrong):
            signing.verify([KEY], headers, content, now=TIMESTAMP)


def test_secrets_are_32_random_bytes():
    minted = {signing.new_secret() for _ in range(100)}
    assert len(minted) == 100
    assert all(len(signing.parse_secret(text)) == 32 for text in minted)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_imported_secrets_with_and_without_padding(size):
    key = bytes(range(size))
    text = signing.KEY_PREFIX + base64.b64encode(key).decode()
    assert signing.parse_secret(text) == signing.parse_secret(text.rstrip("=")) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_====",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        "whsec_\u00e9\u00e9\u00e9\u00e9",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_unusable_secrets_are_refused_without_repeating_them(text):
    with pytest.raises(SecretRefused) as refusal:
        signing.parse_secret(text)
    assert refusal.value.problems[0].field == "secret"
    assert "MfKQ9" not in str(refusal.value)


def test_refusals_share_one_parent_and_status():
    kinds = [SignatureMissing, SignatureMalformed, SignatureOutOfTime, SignatureWrong]
    assert all(issubclass(kind, SignatureRefused) and kind.status == 401 for kind in kinds)
    assert len({kind.code for kind in kinds}) == 4
