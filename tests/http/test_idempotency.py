"""PURE: keys and fingerprints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.errors import InvalidInput
from worksphere_hub.http.idempotency import check_key, fingerprint

requests = st.tuples(st.text(max_size=6), st.text(max_size=6), st.binary(max_size=6), st.text(max_size=6))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255))
def test_visible_ascii_is_taken(key):
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "a" * 256, "with space", "tab\t", "newline\n", "ümlaut", "nul\x00", "del\x7f"])
def test_any_other_key_is_refused_by_its_header(key):
    with pytest.raises(InvalidInput) as caught:
        check_key(key)
    assert caught.value.problems[0].field == "idempotency-key"


@given(requests, requests)
def test_different_requests_differ(one, other):
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_a_character_moved_across_a_border_shows():
    assert fingerprint("POST", "/ab", b"c") != fingerprint("POST", "/a", b"bc")
    assert fingerprint("POST", "/a", b"", "x") != fingerprint("POST", "/a", b"x", "")
    assert len(fingerprint("POST", "/", b"")) == 32
