"""What all schemes share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inbound.schemes.samples import received
from worksphere_hub.inbound.schemes.scheme import (
    Refused,
    fingerprint,
    fit_id,
    fits,
    parameters,
    text_at,
    whole_seconds,
)


def test_only_the_same_text_fits():
    assert fits("abc", ["x", "abc"])
    assert not fits("ABC", ["abc"])
    assert not fits("", [])
    assert not fits("é", ["e"])


@pytest.mark.parametrize("text", ["", "-1", "+1", "01", "1.0", "1_000", " 1", "1 ", "\u0661", "9" * 16, "1e3"])
def test_a_moment_has_one_spelling(text):
    with pytest.raises(Refused, match="signature_malformed"):
        whole_seconds(text)
    assert whole_seconds("0") == 0
    assert whole_seconds("1760000000") == 1_760_000_000


@given(st.text())
def test_an_id_can_always_be_stored(text):
    found = fit_id(text)
    assert (found is None) == (not text)
    if found is not None:
        assert 1 <= len(found) <= 255
        assert "\x00" not in found
        found.encode()


def test_different_parts_have_different_fingerprints():
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
    assert fingerprint(b"x").startswith("sha256:")


def test_parameters_are_read_strictly():
    assert parameters(b"a=1&b=&a=2&c=x+y%20z") == [("a", "1"), ("b", ""), ("a", "2"), ("c", "x y z")]
    for wrong in (b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 1001)):
        with pytest.raises(Refused):
            parameters(wrong)


def test_a_place_in_the_body_gives_text_or_whole_numbers():
    body = b'{"a":"x","b":7,"c":true,"d":{},"e":1.5,"f":null}'
    assert [text_at(body, f"/{name}") for name in "abcdefg"] == ["x", "7", None, None, None, None, None]


def test_a_query_parameter_is_given_once():
    assert received(b"", {}, query="key=1&x=2").parameter("key") == "1"
    assert received(b"", {}, query="x=2").parameter("key") is None
    with pytest.raises(Refused):
        received(b"", {}, query="key=1&key=2").parameter("key")
