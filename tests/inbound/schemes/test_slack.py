"""Slack, beside its own library."""

import pytest
from slack_sdk.signature import SignatureVerifier

from tests.inbound.schemes.samples import BODY, SECRET, _FixedClock, slack, with_header
from worksphere_hub.inbound.schemes.catalogue import verify
from worksphere_hub.inbound.schemes.scheme import Refused

CHALLENGE = (
    b'{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}'
)


def test_the_library_agrees_and_the_id_is_the_events():
    sample = slack()
    assert SignatureVerifier(SECRET, _FixedClock()).is_valid_request(BODY, dict(sample.received.headers))
    assert verify(sample.scheme, sample.received, sample.secrets).event_id == "Ev1"


def test_its_challenge_is_answered_once_it_is_verified():
    sample = slack(CHALLENGE)
    found = verify(sample.scheme, sample.received, sample.secrets)
    assert found.answer is not None
    assert found.answer.body == b"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    assert found.answer.content_type.startswith("text/plain")
    assert found.proven
    with pytest.raises(Refused):
        verify(sample.scheme, with_header(sample, "x-slack-signature", "v0=" + "0" * 64), sample.secrets)


def test_an_interaction_is_named_by_what_was_signed():
    sample = slack(b"payload=%7B%22type%22%3A%22block_actions%22%7D")
    assert (verify(sample.scheme, sample.received, sample.secrets).event_id or "").startswith("sha256:")
