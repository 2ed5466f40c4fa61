"""v1a: what is signed verifies with the public key alone, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.security.signing import SignatureWrong, sign, verify
from worksphere_hub.security.signing_ed25519 import (
    KeyRefused,
    new_signing_key,
    parse_public_key,
    parse_signing_key,
)

# Svix's own vector (its server's tests), the one public vector of v1a.
SVIX_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
SVIX_SIGNATURE = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

KEY = parse_signing_key(new_signing_key())
OTHER = parse_signing_key(new_signing_key())


def headers(signature, message_id="msg_1", timestamp=1_614_265_330):
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def test_the_public_vector():
    key = parse_signing_key(SVIX_KEY)
    content = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    assert key.signature(content) == SVIX_SIGNATURE
    assert key.public.fits(base64.b64decode(SVIX_SIGNATURE.partition(",")[2]), content)


@given(st.binary(max_size=200))
def test_what_is_signed_verifies_beside_other_kinds_of_signatures(body):
    signed = sign([b"k" * 32], "msg_1", 1_614_265_330, body, [OTHER, KEY])
    assert len(signed.split()) == 3
    verify([], headers(signed), body, now=1_614_265_330, public_keys=[parse_public_key(KEY.public_text)])
    verify([b"k" * 32], headers(signed), body, now=1_614_265_330)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_change_is_noticed(body, data):
    signed = sign([], "msg_1", 1_614_265_330, body, [KEY])
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    for wrong in (
        (headers(signed), changed),
        (headers(signed, "msg_2"), body),
        (headers(signed, timestamp=1_614_265_331), body),
    ):
        with pytest.raises(SignatureWrong):
            verify([], *wrong, now=1_614_265_330, public_keys=[KEY.public])
    with pytest.raises(SignatureWrong):
        verify([], headers(signed), body, now=1_614_265_330, public_keys=[OTHER.public])


@pytest.mark.parametrize("signature", ["v1a,", "v1a,!!!", "v1a,AAAA", "v1a", "v1," + "A" * 88])
def test_junk_is_no_signature(signature):
    with pytest.raises(SignatureWrong):
        verify([], headers(signature), b"{}", now=1_614_265_330, public_keys=[KEY.public])


def test_keys_are_read_as_they_are_written_and_show_nothing():
    text = new_signing_key()
    key = parse_signing_key(text)
    assert parse_public_key(key.public_text).raw == key.public.raw
    seed = base64.b64decode(text.removeprefix("whsk_"))[:32]
    assert parse_signing_key("whsk_" + base64.b64encode(seed).decode()).public_text == key.public_text
    assert text[5:20] not in repr(key) + str(key)


@pytest.mark.parametrize("text", ["", "whpk_AAAA", "whsk_", "whsk_!", "whsk_" + "A" * 42, "whsk_" + "A" * 86])
def test_what_is_no_signing_key_is_refused(text):
    with pytest.raises(KeyRefused):
        parse_signing_key(text)


def test_the_jwk_is_named_by_its_thumbprint():
    # RFC 8037, appendix A.3: the key and its thumbprint.
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    jwk = parse_public_key("whpk_" + base64.b64encode(raw).decode()).jwk()
    assert jwk["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
