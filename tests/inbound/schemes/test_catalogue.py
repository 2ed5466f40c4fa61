"""What holds for every scheme: the true request and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.inbound.schemes.samples import BODY, COVERING, NOW, SAMPLES, SECRET, WHSEC, Sample, with_header
from worksphere_hub.inbound.schemes.catalogue import config_of, scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused, Verified

EACH = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
COVERED = [sample for sample in SAMPLES if sample.covers_body]
TIMED = [sample for sample in SAMPLES if sample.timed]
# Schemes whose word before the credential may be spelt either way.
SPELT_EITHER_WAY = {"basic": len("Basic ")}


def check(sample: Sample, **changes) -> Verified:
    return verify(sample.scheme, replace(sample.received, **changes), sample.secrets)


def refused(sample: Sample, **changes) -> str:
    with pytest.raises(Refused) as caught:
        check(sample, **changes)
    return caught.value.reason


def test_every_scheme_has_a_sample():
    # The proof of `graph` and `salesforce` is in the body: they have tests of their own.
    names = {sample.scheme.scheme for sample in SAMPLES}
    assert names == {
        "standard", "github", "stripe", "slack", "zoom", "shopify", "twilio", "hmac", "basic", "api_key", "mtls"
    }  # fmt: skip


@EACH
def test_the_true_request_is_verified(sample):
    found = check(sample)
    assert found.answer is None
    if sample.name != "mtls":
        assert found.event_id


@EACH
def test_every_part_of_the_proof_is_needed(sample):
    for name in sample.proof:
        with pytest.raises(Refused) as caught:
            verify(sample.scheme, with_header(sample, name, None), sample.secrets)
        assert caught.value.reason in {"signature_missing", "credential_missing"}


@EACH
def test_a_proof_that_is_given_twice_is_refused(sample):
    twice = (*sample.received.headers, *sample.received.headers)
    assert refused(sample, headers=twice) == "signature_malformed"


@EACH
def test_another_secret_and_no_secret_are_refused(sample):
    other = (WHSEC[:-8] + "AAAAAAA=",) if sample.scheme.scheme == "standard" else ("another secret of characters",)
    if sample.name == "hmac plain":
        other = ("00" * 20,)
    if sample.scheme.takes_secret:
        with pytest.raises(Refused):
            verify(sample.scheme, sample.received, other)
        with pytest.raises(Refused, match="no_secret"):
            verify(sample.scheme, sample.received, ())
        verify(sample.scheme, sample.received, (*other, *sample.secrets))


@pytest.mark.parametrize("sample", TIMED, ids=lambda sample: sample.name)
def test_what_is_stale_or_ahead_is_refused(sample):
    assert check(sample, now=NOW + 299.0)
    assert refused(sample, now=NOW + 302.0) == "out_of_time"
    assert refused(sample, now=NOW - 302.0) == "out_of_time"
    assert refused(sample, now=NOW + 11.0, tolerance=10) == "out_of_time"


@pytest.mark.parametrize("sample", COVERED, ids=lambda sample: sample.name)
@settings(max_examples=60)
@given(data=st.data())
def test_any_changed_byte_of_the_body_is_refused(sample, data):
    place = data.draw(st.integers(0, len(BODY) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != BODY[place]))
    refused(sample, body=BODY[:place] + bytes([byte]) + BODY[place + 1 :])
    refused(sample, body=BODY[:place])
    refused(sample, body=BODY + bytes([byte]))


@EACH
@settings(max_examples=60)
@given(data=st.data())
def test_any_changed_byte_of_the_proof_is_refused(sample, data):
    name = data.draw(st.sampled_from(sample.proof))
    value = sample.received.header(name) or ""
    place = data.draw(st.integers(SPELT_EITHER_WAY.get(sample.name, 0), len(value) - 1))
    byte = data.draw(st.integers(0x20, 0xFF).filter(lambda value_: value_ != ord(value[place])))
    for changed in (value[:place] + chr(byte) + value[place + 1 :], value[:place], value + "0"):
        with pytest.raises(Refused):
            verify(sample.scheme, with_header(sample, name, changed), sample.secrets)


@pytest.mark.parametrize("make", COVERING, ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe\x00not utf-8", b"[" * 100_000, b'{"id":"\\ud800"}'],
    ids=["none", "not utf-8", "deep", "half a pair"],
)
def test_bodies_of_any_bytes_are_verified(make, body):
    sample = make(body)
    assert check(sample).answer is None
    refused(sample, body=body + b" ")


@settings(max_examples=200)
@given(
    sample=st.sampled_from(SAMPLES),
    headers=st.lists(st.tuples(st.sampled_from([name for s in SAMPLES for name in s.proof]), st.text(max_size=40))),
    body=st.binary(max_size=60),
    query=st.text(alphabet=st.characters(max_codepoint=255), max_size=40),
)
def test_rubbish_is_refused_and_breaks_nothing(sample, headers, body, query):
    with pytest.raises(Refused):
        check(sample, headers=tuple(headers), body=body, query=query)


def test_a_scheme_is_stored_and_read_back():
    for sample in SAMPLES:
        assert scheme_of(sample.scheme.scheme, config_of(sample.scheme)) == sample.scheme


@pytest.mark.parametrize("name", ["standard", "github", "stripe", "slack", "zoom", "shopify", "twilio", "mtls"])
def test_an_unknown_setting_is_refused(name):
    with pytest.raises(ValidationError):
        scheme_of(name, {"nonsense": 1, "header": "a", "identities": ["abcd"]})


def test_secrets_that_anybody_could_guess_are_refused():
    for sample in SAMPLES:
        for weak in ("", "short", "x" * 600, "with a line\nbreak in it"):
            with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
                sample.scheme.check_secret(weak)
        if sample.scheme.takes_secret:
            sample.scheme.check_secret(sample.secrets[0])
    assert SECRET
