"""`q`: how its words bind, and that it refuses what it cannot read and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sandbox.google.search import WrongSearch, parse

FILE = {"name": "It's a plan_b", "mimeType": "text/csv", "trashed": False, "starred": True, "_search": {
    "parents": {"root"}, "owners": {"a@b.example"}, "writers": set(), "readers": set(), "text": "It's a plan_b",
}}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("starred = true or name = 'x' and name = 'y'", True),
        ("(starred = true or name = 'x') and name = 'y'", False),
        ("not trashed = true and 'root' in parents", True),
        (r"name = 'It\'s a plan_b'", True),
        ("name contains 'plan'", True),
        ("name contains 'lan'", False),
        ("name contains 'b'", True),
        ("mimeType contains 'text/'", True),
        ("mimeType contains 'csv'", False),
        ("'a@b.example' in owners", True),
        ("sharedWithMe", False),
        ("sharedWithMe = false", True),
    ],
)
def test_a_search(text, found):
    assert parse(text)(FILE) is found


PIECES = ["name", "=", "'x'", "and", "or", "not", "(", ")", "in", "parents", "contains", "true", "sharedWithMe", "'"]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=10).map(" ".join)))
def test_nothing_else_is_raised(text):
    try:
        test = parse(text)
    except WrongSearch:
        return
    assert test(FILE) in {True, False}
