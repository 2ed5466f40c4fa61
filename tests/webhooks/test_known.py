"""What a worker remembers of endpoints, and when it looks for others: nothing of time, only of order."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.known import Known

START = datetime(2026, 1, 1, tzinfo=UTC)
ORG = UUID(int=1)


def claim(endpoint, seconds=0.0):
    return SimpleNamespace(org=ORG, endpoint=UUID(int=endpoint), due_at=START + timedelta(seconds=seconds))


def test_a_walk_that_was_quick_may_be_made_again_almost_at_once():
    known = Known()
    assert known.may_walk(0.0)
    known.walked(5.0, 5.001)
    assert not known.may_walk(5.001)
    assert known.may_walk(5.001 + 0.000_03)


@pytest.mark.parametrize(("length", "rest"), [(0.025, 0.0125), (0.05, 0.05), (0.2, 0.8), (0.29, 1.682), (2.0, 3.0)])
def test_the_longer_a_walk_the_smaller_its_part_of_the_time(length, rest):
    known = Known()
    known.walked(100.0, 100.0 + length)
    assert not known.may_walk(100.0 + length + rest * 0.999)
    assert known.may_walk(100.0 + length + rest * 1.001)


def test_what_is_known_begins_a_little_before_the_last_of_it_that_was_taken():
    known = Known()
    assert known.places([]) == []
    known.took([claim(1, 3.0), claim(2, 4.0), claim(1, 2.0)])
    # The one that was claimed longer ago comes first.
    assert [(place.endpoint.int, place.floor) for place in known.places([])] == [
        (2, START + timedelta(seconds=3.95)),
        (1, START + timedelta(seconds=2.95)),
    ]


def test_busy_endpoints_are_passed_over():
    known = Known()
    known.took([claim(1), claim(2)])
    assert [place.endpoint.int for place in known.places([UUID(int=1)])] == [2]
    assert known.places([UUID(int=1), UUID(int=2)]) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 1_000)), max_size=600))
def test_it_remembers_the_last_256_and_never_goes_back(history):
    known = Known()
    for endpoint, second in history:
        known.took([claim(endpoint, second)])
    places = known.places([])
    last = list(dict.fromkeys(endpoint for endpoint, _ in reversed(history)))[:256]
    assert [place.endpoint.int for place in places] == last[::-1]
    for place in places:
        # The highest since it was last forgotten, which is one of those that came.
        seen = [second for endpoint, second in history if endpoint == place.endpoint.int]
        assert place.floor + timedelta(milliseconds=50) - START in [timedelta(seconds=second) for second in seen]
        assert place.floor + timedelta(milliseconds=50) - START >= timedelta(seconds=seen[-1])
