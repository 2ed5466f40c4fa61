"""HMAC as a provider likes it."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.inbound.schemes.samples import BODY, SECRET, generic, plain, received, with_header
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused, WeakSecret


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sig=", "sha256="])
def test_every_spelling(algorithm, encoding, prefix):
    digest = hmac.new(SECRET.encode(), BODY, getattr(hashlib, algorithm)).digest()
    text = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    config = {"header": "X-My-Signature", "prefix": prefix, "encoding": encoding, "algorithm": algorithm}
    scheme = scheme_of("hmac", config)
    assert verify(scheme, received(BODY, {"x-my-signature": prefix + text}), (SECRET,)).event_id is None
    with pytest.raises(Refused, match="signature_wrong"):
        verify(scheme, received(BODY, {"x-my-signature": "x" + prefix + text}), (SECRET,))


def test_ids_come_from_where_the_configuration_says():
    assert verify(plain().scheme, plain().received, plain().secrets).event_id == "evt_1"
    assert verify(generic().scheme, generic().received, generic().secrets).event_id == "id-1"


def test_a_timed_message_without_an_id_is_named_by_what_was_signed():
    config = {"header": "X-Sig", "timestamp_header": "X-Time", "template": "{timestamp}{body}"}
    digest = hmac.new(SECRET.encode(), b"1760000000" + BODY, hashlib.sha256).hexdigest()
    request = received(BODY, {"x-sig": digest, "x-time": "1760000000"})
    assert (verify(scheme_of("hmac", config), request, (SECRET,)).event_id or "").startswith("sha256:")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"header": "bad header"},
        {"header": "X", "template": "no place"},
        {"header": "X", "template": "{body}{body}"},
        {"header": "X", "template": "{body}{secret}"},
        {"header": "X", "template": "{timestamp}{body}"},
        {"header": "X", "timestamp_header": "X-T"},
        {"header": "X", "template": "{id}{body}"},
        {"header": "X", "algorithm": "md5"},
        {"header": "X", "id_pointer": "no/slash"},
    ],
)
def test_a_configuration_that_proves_too_little_is_refused(config):
    with pytest.raises(ValidationError):
        scheme_of("hmac", config)


def test_encoded_secrets_are_as_long_as_they_decode():
    for encoding, short in (("hex", "00" * 11), ("hex", "zz" * 20), ("base64", "AAAAAAAAAAAA"), ("base64", "%" * 20)):
        with pytest.raises(WeakSecret):
            scheme_of("hmac", {"header": "X", "key_encoding": encoding}).check_secret(short)
    scheme_of("hmac", {"header": "X", "key_encoding": "base64"}).check_secret(base64.b64encode(bytes(32)).decode())


def test_an_id_that_is_signed_has_to_be_ascii():
    sample = generic()
    with pytest.raises(Refused, match="signature_malformed"):
        verify(sample.scheme, with_header(sample, "x-id", "é"), sample.secrets)


def test_a_challenge_is_echoed_and_proves_nothing():
    scheme = scheme_of(
        "hmac", {"header": "X-Hub-Signature-256", "prefix": "sha256=", "echo_parameter": "hub.challenge"}
    )
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=x"
    found = verify(scheme, received(b"", {}, method="GET", query=query), (SECRET,))
    assert found.answer is not None
    assert found.answer.body == b"1158201444"
    assert not found.proven
    for request in (
        received(b"{}", {}, query=query),
        received(b"", {}, query="hub.mode=subscribe"),
        received(b"", {}, query="hub.challenge=" + "x" * 5000),
    ):
        with pytest.raises(Refused):
            verify(scheme, request, (SECRET,))
    assert replace(received(b"", {}), query=query).parameter("hub.mode") == "subscribe"
