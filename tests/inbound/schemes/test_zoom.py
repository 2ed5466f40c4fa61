"""Zoom, as its documentation writes the signature and the validation."""

import hashlib
import hmac
import json

import pytest

from tests.inbound.schemes.samples import NOW, SECRET, received, with_header, zoom
from worksphere_hub.inbound.schemes.catalogue import verify
from worksphere_hub.inbound.schemes.scheme import Refused

VALIDATION = (
    b'{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}'
)


def test_the_validation_is_answered_under_the_secret_that_signed():
    sample = zoom(VALIDATION)
    found = verify(sample.scheme, sample.received, ("another secret of characters", SECRET))
    assert found.answer is not None
    assert json.loads(found.answer.body) == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
        "encryptedToken": hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest(),
    }
    with pytest.raises(Refused):
        verify(sample.scheme, with_header(sample, "x-zm-signature", "v0=" + "0" * 64), sample.secrets)


def test_a_retry_with_a_new_timestamp_has_the_same_id():
    first = zoom()
    stamp = str(NOW + 60)
    again = hmac.new(SECRET.encode(), b"v0:%s:%s" % (stamp.encode(), first.received.body), hashlib.sha256).hexdigest()
    headers = {"x-zm-request-timestamp": stamp, "x-zm-signature": f"v0={again}"}
    retry = received(first.received.body, headers)
    ids = {verify(first.scheme, request, first.secrets).event_id for request in (first.received, retry)}
    assert len(ids) == 1


def test_a_body_without_a_moment_is_named_with_its_timestamp():
    one, other = zoom(b'{"event":"a"}'), zoom(b'{"event":"b"}')
    assert (
        verify(one.scheme, one.received, one.secrets).event_id
        != verify(other.scheme, other.received, other.secrets).event_id
    )
