"""No page's state is ever ahead of what has been handed out, whatever the order of what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.tap.cutting import Cutter

SAID = st.lists(st.one_of(st.just("record"), st.just("deleted"), st.just("state")), max_size=60)


@given(SAID, st.integers(1, 5))
def test_a_state_covers_what_came_before_it_and_no_page_is_ahead(said, size):
    cutter = Cutter({"value": 0}, size)
    pages, number, covered = [], 0, {0: 0}
    for what in said:
        if what == "state":
            covered[len(covered)] = number
            page = cutter.state({"value": len(covered) - 1})
        else:
            number += 1
            page = cutter.record({"n": number}) if what == "record" else cutter.deleted((number,))
        if page is not None:
            pages.append(page)
    pages.append(cutter.end())
    handed = 0
    for page in pages:
        assert len(page.records) + len(page.deleted) <= size
        handed += len(page.records) + len(page.deleted)
        # All that the state covers has been handed out with it or before.
        assert covered[page.state["value"]] <= handed
    assert handed == number
    assert pages[-1].state["value"] == len(covered) - 1
    assert [record["n"] for page in pages for record in page.records] == sorted(
        record["n"] for page in pages for record in page.records
    )


def test_the_same_state_again_is_no_page_of_its_own():
    cutter = Cutter({})
    assert cutter.state({}) is None
    assert cutter.state({"value": 1}) is not None


def test_a_state_that_cannot_be_kept_is_refused():
    with pytest.raises(Unexpected, match="262144"):
        Cutter({}).state({"value": "x" * 262_144})
