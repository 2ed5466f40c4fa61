"""Whether a call is made again, and after how long: for any answer and any chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.client.retry import Patience, passes, read_retry_after, wait_before

patiences = st.builds(Patience, st.integers(0, 50), st.floats(0.0, 10.0), st.floats(0.0, 100.0))


@given(patiences, st.integers(1, 60), st.none() | st.floats(0.0, 1000.0), st.floats(0.0, 1.0))
def test_a_wait_is_bounded_and_ends(patience, retry, retry_after, chance):
    wait = wait_before(patience, retry, retry_after, chance)
    if retry > patience.retries or (retry_after or 0.0) > patience.longest:
        assert wait is None
    else:
        assert wait is not None
        assert (retry_after or 0.0) <= wait <= 2 * patience.longest


def test_the_window_doubles_up_to_the_longest_wait():
    patience = Patience(retries=8, first=0.25, longest=5.0)
    assert [wait_before(patience, retry, None, 1.0) for retry in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 5, 5]
    assert wait_before(patience, 1, None, 0.0) == 0.0


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("7", 7.0), ("", None), ("-1", None), ("Mon, 23 Nov 2026 10:00:00 GMT", None)]
)
def test_a_retry_after_is_read_or_left(value, seconds):
    assert read_retry_after(value) == seconds


def test_what_passes():
    assert {status for status in range(200, 600) if passes(status, "x")} == {429, 502, 503, 504}
    assert passes(409, "request_in_progress")
