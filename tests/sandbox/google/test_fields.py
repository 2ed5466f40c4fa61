"""Partial answers: what is selected is what is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sandbox.google.fields import WrongFields, cut, parse

BODY = {"kind": "list", "files": [{"id": "1", "owners": [{"name": "a", "me": True}]}, {"id": "2"}], "token": "t"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("*", BODY),
        ("kind", {"kind": "list"}),
        ("files(id)", {"files": [{"id": "1"}, {"id": "2"}]}),
        ("files/id, token", {"files": [{"id": "1"}, {"id": "2"}], "token": "t"}),
        ("files/owners/name", {"files": [{"owners": [{"name": "a"}]}, {}]}),
        ("files(owners(name),id)", {"files": [{"owners": [{"name": "a"}], "id": "1"}, {"id": "2"}]}),
        ("files/owners(me),files/id", {"files": [{"owners": [{"me": True}], "id": "1"}, {"id": "2"}]}),
        ("none", {}),
    ],
)
def test_a_selection(text, kept):
    assert cut(BODY, parse(text)) == kept


@pytest.mark.parametrize("text", ["", ",", "a,", "a(", "a()", "a)", "a/", "/a", "a b(", "a;b", "a(b))"])
def test_what_is_no_selection(text):
    with pytest.raises(WrongFields):
        parse(text)


@given(st.text(alphabet="ab*,()/ ", max_size=20))
def test_nothing_else_is_raised(text):
    try:
        tree = parse(text)
    except WrongFields:
        return
    assert tree
