"""What a worker remembers of endpoints, and when it looks for others: nothing of time, only of order."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.known import Known

START = datetime(2026, 1, 1, tzinfo=UTC)
ORG = UUID(int=1)


def claim(endpoint, seconds=0.0):
    return SimpleNamespace(org=ORG, endpoint=UUID(int=endpoint), due_at=START + timedelta(seconds=seconds))


def slow_walk(known, at=100.0, length=1.0):
    known.walked(at - length, at, 0)


def test_it_walks_as_long_as_walks_are_quick():
    known = Known()
    assert known.places(0.0, []) is None
    known.took([claim(1)])
    known.walked(5.0, 5.001, 1)
    assert known.places(5.001, []) is None


def test_after_a_slow_walk_what_is_known_is_claimed_by_name_until_it_has_rested():
    known = Known()
    known.took([claim(1, 3.0), claim(2, 4.0), claim(1, 2.0)])
    slow_walk(known)
    places = known.places(100.0, [])
    # The one that was claimed longer ago comes first; each begins a little before the last of it that was taken.
    assert [(place.endpoint.int, place.floor) for place in places] == [
        (2, START + timedelta(seconds=3.95)),
        (1, START + timedelta(seconds=2.95)),
    ]
    assert known.places(109.9, []) == places
    assert known.places(110.0, []) is None


def test_a_long_walk_that_brought_much_was_not_slow():
    known = Known()
    known.took([claim(1)])
    known.walked(0.0, 0.04, 256)
    assert known.places(0.04, []) is None
    known.walked(0.0, 0.04, 10)
    assert known.places(0.04, []) != []
    assert known.places(0.04, []) is not None


def test_busy_endpoints_are_passed_over_and_nothing_is_walked_for_them():
    known = Known()
    known.took([claim(1), claim(2)])
    slow_walk(known)
    assert [place.endpoint.int for place in known.places(100.0, [UUID(int=1)])] == [2]
    assert known.places(100.0, [UUID(int=1), UUID(int=2)]) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 1_000)), max_size=600))
def test_it_remembers_the_last_256_and_never_goes_back(history):
    known = Known()
    for endpoint, second in history:
        known.took([claim(endpoint, second)])
    slow_walk(known)
    places = known.places(100.0, [])
    last = list(dict.fromkeys(endpoint for endpoint, _ in reversed(history)))[:256]
    assert [place.endpoint.int for place in places] == last[::-1]
    for place in places:
        # The highest since it was last forgotten, which is one of those that came.
        seen = [second for endpoint, second in history if endpoint == place.endpoint.int]
        assert place.floor + timedelta(milliseconds=50) - START in [timedelta(seconds=second) for second in seen]
        assert place.floor + timedelta(milliseconds=50) - START >= timedelta(seconds=seen[-1])
