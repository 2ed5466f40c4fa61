"""JSON pointers, by the examples of RFC 6901."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.inbound.schemes.pointer import POINTER_RULE, look_up, read_json

RFC = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4),
        ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(pointer, value):
    assert look_up(RFC, pointer) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/01", "/foo/-", "/foo/0/x", "/foo/-1", "/foo/²", "/a/b"])
def test_what_is_not_there_is_none(pointer):
    assert look_up(RFC, pointer) is None
    assert look_up(None, pointer) is None


@given(
    st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.text()
)
def test_it_never_fails(document, pointer):
    look_up(document, pointer)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 1000 + b"]" * 1000, b'{"a":1,"a":2}', b"NaN"])
def test_what_is_no_json_reads_as_nothing(body):
    assert read_json(body) is None


def test_what_a_pointer_looks_like():
    assert all(re.search(POINTER_RULE, good) for good in ("/a", "/a/0/b~1c", "/"))
    assert not any(re.search(POINTER_RULE, bad) for bad in ("", "a", "/a~", "/a~2"))
