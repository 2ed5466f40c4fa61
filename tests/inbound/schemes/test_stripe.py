"""Stripe, beside its own library."""

import pytest
import stripe

from tests.inbound.schemes.samples import BODY, NOW, SECRET, received, stripe_sample, with_header
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused

SAMPLE = stripe_sample()
HEADER = SAMPLE.received.header("stripe-signature") or ""


def test_the_library_agrees_and_the_id_is_the_events():
    assert stripe.WebhookSignature.verify_header(BODY.decode(), HEADER, SECRET, tolerance=None)
    assert verify(SAMPLE.scheme, SAMPLE.received, SAMPLE.secrets).event_id == "evt_1"


def test_one_of_several_signatures_is_enough_while_a_secret_is_rolled():
    old = "v1=" + "0" * 64
    request = with_header(SAMPLE, "stripe-signature", HEADER.replace(",v1", f",{old},v1") + ",v0=00")
    assert verify(SAMPLE.scheme, request, SAMPLE.secrets).event_id == "evt_1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={NOW}",
        HEADER.replace("v1=", "v0="),
        HEADER.replace("t=", "T="),
        f"t=1,{HEADER}",
        ",".join([HEADER] * 20),
    ],
)
def test_what_is_not_whole_is_refused(header):
    with pytest.raises(Refused):
        verify(SAMPLE.scheme, with_header(SAMPLE, "stripe-signature", header), SAMPLE.secrets)


def test_a_body_without_an_id_is_named_by_what_was_signed():
    sample = stripe_sample(b"{}")
    assert (verify(sample.scheme, sample.received, sample.secrets).event_id or "").startswith("sha256:")
    assert received(b"{}", {}) != sample.received


def test_the_header_may_have_another_name():
    scheme = scheme_of("stripe", {"header": "Calendly-Webhook-Signature"})
    assert verify(scheme, received(BODY, {"calendly-webhook-signature": HEADER}), (SECRET,)).event_id == "evt_1"
    with pytest.raises(Refused, match="signature_missing"):
        verify(scheme, SAMPLE.received, (SECRET,))
