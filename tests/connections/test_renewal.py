"""When to renew."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.connections.renewal import Life, due_at, idle_due_at, is_usable, may_spend_again, wait_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANCES = st.floats(0, 1)


@given(st.integers(60, 86_400 * 60), CHANCES)
def test_at_eighty_percent_of_life_and_never_at_its_end(seconds, chance):
    end = NOW + timedelta(seconds=seconds)
    due = due_at(Life(NOW, end, refreshable=True), 86_400 * 365, chance)
    assert due is not None
    share = (due - NOW) / (end - NOW)
    assert 0.75 <= round(share, 6) <= 0.85


@given(st.integers(86_400, 86_400 * 90), CHANCES)
def test_an_idle_refresh_token_is_used_well_before_it_dies(idle, chance):
    for due in (
        due_at(Life(NOW, NOW + timedelta(days=400), True, idle), 1e9, chance),
        idle_due_at(Life(NOW, NOW + timedelta(hours=1), True, idle), 1e9, chance),
    ):
        assert due is not None
        assert due - NOW <= timedelta(seconds=idle * 0.56)


def test_two_that_were_made_at_once_are_not_renewed_at_once():
    life = Life(NOW, NOW + timedelta(hours=1), refreshable=True)
    assert due_at(life, 86_400, 0.0) != due_at(life, 86_400, 1.0)


@given(CHANCES)
def test_what_cannot_be_renewed_is_not_due(chance):
    assert due_at(Life(NOW, NOW + timedelta(hours=1), refreshable=False), 86_400, chance) is None


@given(CHANCES)
def test_without_an_end_it_is_kept_alive(chance):
    due = due_at(Life(NOW, None, refreshable=True), 86_400, chance)
    assert due is not None
    assert timedelta(hours=20) <= due - NOW <= timedelta(hours=25)


def test_usable():
    assert is_usable(None, NOW)
    assert is_usable(NOW + timedelta(seconds=16), NOW)
    assert not is_usable(NOW + timedelta(seconds=14), NOW)
    assert not is_usable(NOW - timedelta(seconds=1), NOW)


@given(st.integers(-3, 10_000), CHANCES, st.none() | st.floats(0, 1e9))
def test_waits_grow_and_have_an_end(failures, chance, asked):
    wait = wait_after(failures, chance, asked)
    assert 10 < wait <= 86_400
    if asked is not None and asked <= 86_400:
        assert wait >= asked


@pytest.mark.parametrize(
    ("rotation", "left", "again"),
    [
        ("none", 600, True),
        ("rotating", 600, True),
        ("family", 600, False),
        ("family", 5, True),
        ("family", None, False),
    ],
)
def test_a_token_of_unknown_fate_is_not_risked_while_another_still_works(rotation, left, again):
    ends = None if left is None else NOW + timedelta(seconds=left)
    assert may_spend_again(rotation, ends, NOW) is again
