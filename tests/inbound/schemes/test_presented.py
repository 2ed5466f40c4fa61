"""Proof that is shown."""

import base64
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.inbound.schemes.samples import BODY, SECRET, api_key, basic, mtls, received, with_header
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused, WeakSecret


def credentials(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def test_basic_takes_its_word_in_any_case():
    sample = basic()
    for word in ("Basic", "basic", "BASIC"):
        request = with_header(sample, "authorization", f"{word} {credentials('hub', SECRET)}")
        assert verify(sample.scheme, request, sample.secrets).event_id == "evt_1"


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {credentials('hub', SECRET)}", f"Basic {credentials('other', SECRET)}",
        f"Basic {credentials('hub', SECRET + 'x')}", f"Basic {credentials('hub', '')}", "Basic", "Basic %%%",
        credentials("hub", SECRET),
    ],
)  # fmt: skip
def test_other_credentials_are_refused(value):
    with pytest.raises(Refused, match="credential_wrong"):
        verify(basic().scheme, with_header(basic(), "authorization", value), (SECRET,))


def test_a_key_in_the_query_is_verified_and_hidden():
    scheme = scheme_of("api_key", {"parameter": "key"})
    assert verify(scheme, received(BODY, {}, query=f"key={SECRET.replace(' ', '+')}"), (SECRET,)).event_id is None
    for query in ("key=wrong", "key=", "other=1", "key=a&key=b"):
        with pytest.raises(Refused):
            verify(scheme, received(BODY, {}, query=query), (SECRET,))
    assert scheme.hidden_parameters() == {"key"}
    assert api_key().scheme.hidden_headers() == {"x-goog-channel-token"}


def test_a_key_has_one_place():
    for config in ({}, {"header": "X", "parameter": "y"}):
        with pytest.raises(ValidationError):
            scheme_of("api_key", config)


def test_what_stands_before_a_key_is_a_part_of_it():
    scheme = scheme_of("api_key", {"header": "Authorization", "prefix": "Bearer "})
    assert verify(scheme, received(BODY, {"authorization": f"Bearer {SECRET}"}), (SECRET,))
    with pytest.raises(Refused):
        verify(scheme, received(BODY, {"authorization": SECRET}), (SECRET,))


def test_a_certificate_is_believed_from_a_trusted_proxy_alone():
    sample = mtls()
    assert verify(sample.scheme, sample.received, ())
    with pytest.raises(Refused, match="untrusted_peer"):
        verify(sample.scheme, replace(sample.received, by_proxy=False), ())
    with pytest.raises(Refused, match="credential_wrong"):
        verify(sample.scheme, with_header(sample, "x-client-fingerprint", "ab:cd:00"), ())


def test_a_certificate_needs_no_secret_and_a_list():
    with pytest.raises(WeakSecret):
        mtls().scheme.check_secret(SECRET)
    with pytest.raises(ValidationError):
        scheme_of("mtls", {"header": "X", "identities": []})
