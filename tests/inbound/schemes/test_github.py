"""GitHub, by the vector of its documentation."""

import pytest

from tests.inbound.schemes.samples import received
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused

SECRET = "It's a Secret to Everybody"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
GITHUB = scheme_of("github", {})


def test_the_documented_vector():
    headers = {"X-Hub-Signature-256": SIGNATURE, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    found = verify(GITHUB, received(b"Hello, World!", headers), (SECRET,))
    assert found.event_id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def test_the_old_signature_and_another_spelling_are_no_proof():
    for headers in (
        {"x-hub-signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"},
        {"x-hub-signature-256": SIGNATURE.upper()},
        {"x-hub-signature-256": SIGNATURE.removeprefix("sha256=")},
        {"x-hub-signature-256": SIGNATURE[:-1]},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": ""},
    ):
        with pytest.raises(Refused):
            verify(GITHUB, received(b"Hello, World!", headers), (SECRET,))


def test_without_a_delivery_id_there_is_none():
    assert verify(GITHUB, received(b"Hello, World!", {"x-hub-signature-256": SIGNATURE}), (SECRET,)).event_id is None
