"""Standard Webhooks, beside the reference library and Svix's."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import svix
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.inbound.schemes.samples import (
    BODY,
    ED25519,
    NOW,
    WHPK,
    WHSEC,
    received,
    standard,
    standard_asymmetric,
    with_header,
)
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused, WeakSecret


def test_the_id_is_the_webhook_id():
    for sample in (standard(), standard_asymmetric()):
        assert verify(sample.scheme, sample.received, sample.secrets).event_id == "msg_1"


def test_what_svix_signs_is_verified():
    signature = svix.Webhook(WHSEC).sign("msg_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}
    assert verify(scheme_of("standard", {}), received(BODY, headers), (WHSEC,)).event_id == "msg_1"


def test_the_names_that_svix_uses_are_taken_whole_or_not_at_all():
    signature = svix.Webhook(WHSEC).sign("msg_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = {"svix-id": "msg_1", "svix-timestamp": str(NOW), "svix-signature": signature}
    scheme = scheme_of("standard", {})
    assert verify(scheme, received(BODY, headers), (WHSEC,)).event_id == "msg_1"
    for name in headers:
        mixed = {("webhook" + key[4:] if key == name else key): value for key, value in headers.items()}
        with pytest.raises(Refused, match="signature_missing"):
            verify(scheme, received(BODY, mixed), (WHSEC,))


def test_one_of_several_signatures_is_enough_and_both_kinds_go_together():
    one, other = standard(), standard_asymmetric()
    both = f"v1,AAAA {one.received.header('webhook-signature')} {other.received.header('webhook-signature')}"
    request = with_header(one, "webhook-signature", both)
    for secrets in ((WHSEC,), (WHPK,), (WHPK, WHSEC)):
        assert verify(one.scheme, request, secrets).event_id == "msg_1"


def test_a_signature_of_the_other_kind_is_no_proof():
    one, other = standard(), standard_asymmetric()
    for sample, secrets in ((one, (WHPK,)), (other, (WHSEC,))):
        with pytest.raises(Refused, match="signature_wrong"):
            verify(sample.scheme, sample.received, secrets)


def test_another_spelling_of_an_ed25519_signature_is_refused():
    content = b"msg_1.%d.%s" % (NOW, BODY)
    true = base64.b64encode(ED25519.sign(content)).decode()
    # The last letter before the padding holds four bits that decode to nothing.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = true[:-3] + alphabet[alphabet.index(true[-3]) + 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(true)
    sample = standard_asymmetric()
    with pytest.raises(Refused, match="signature_wrong"):
        verify(sample.scheme, with_header(sample, "webhook-signature", f"v1a,{other}"), sample.secrets)


def test_a_foreign_key_does_not_fit():
    stranger = Ed25519PrivateKey.generate()
    forged = base64.b64encode(stranger.sign(b"msg_1.%d.%s" % (NOW, BODY))).decode()
    sample = standard_asymmetric()
    with pytest.raises(Refused, match="signature_wrong"):
        verify(sample.scheme, with_header(sample, "webhook-signature", f"v1a,{forged}"), sample.secrets)


def test_ids_with_a_dot_and_endless_lists_are_refused():
    sample = standard()
    many = " ".join(["v1,AAAA"] * 21)
    for name, value in (("webhook-id", "a.b"), ("webhook-id", "é"), ("webhook-signature", many)):
        with pytest.raises(Refused, match="signature_malformed"):
            verify(sample.scheme, with_header(sample, name, value), sample.secrets)
    assert replace(sample.received, body=b"") != sample.received


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whpk_AAAA", "whpk_%", "plain text of some length"])
def test_secrets_that_are_none_are_refused(secret):
    with pytest.raises(WeakSecret):
        scheme_of("standard", {}).check_secret(secret)
