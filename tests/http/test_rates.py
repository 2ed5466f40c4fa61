"""A bucket never gives more than its rate and burst, and says truly how long to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.http.limits import RateLimited, RateLimiter

rates = st.floats(0.1, 1000)
bursts = st.integers(1, 50)
gaps = st.lists(st.floats(0, 5), max_size=80)


@given(rates, bursts, gaps)
def test_no_more_than_rate_and_burst(rate, burst, steps):
    limiter, now, given_out = RateLimiter(), 100.0, 0
    for step in steps:
        now += step
        given_out += limiter.take("k", rate, burst, now) == 0
    assert given_out <= burst + rate * (now - 100.0) + 1e-6


@given(rates, bursts, gaps)
def test_the_wait_is_long_enough_and_no_longer(rate, burst, steps):
    limiter, now = RateLimiter(), 0.0
    for step in steps:
        now += step
        wait = limiter.take("k", rate, burst, now)
        if wait > 0:
            assert wait <= 1 / rate + 1e-9
            now += wait + 1e-6
            assert limiter.take("k", rate, burst, now) == 0


def test_a_burst_then_the_rate():
    limiter = RateLimiter()
    assert [limiter.take("k", 2, 3, 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.take("k", 2, 3, 0.5) == 0
    assert limiter.take("k", 2, 3, 0.5) == 0.5


def test_keys_do_not_share():
    limiter = RateLimiter()
    assert limiter.take("a", 1, 1, 0) == 0
    assert limiter.take("b", 1, 1, 0) == 0
    assert limiter.take("a", 1, 1, 0) == 1


def test_a_clock_that_goes_back_gives_nothing():
    limiter = RateLimiter()
    assert limiter.take("k", 1, 1, 10) == 0
    assert limiter.take("k", 1, 1, 5) > 0
    assert limiter.take("k", 1, 1, 10.5) == pytest.approx(0.5)


def test_the_key_unused_longest_is_forgotten():
    limiter = RateLimiter(keys=2)
    for key in ("a", "b", "a", "c"):
        limiter.take(key, 1, 5, 0)
    assert list(limiter._buckets) == ["a", "c"]


def test_a_changed_plan_takes_effect_at_once():
    limiter = RateLimiter()
    for _ in range(10):
        limiter.take("k", 1, 10, 0)
    assert limiter.take("k", 10, 10, 0) == pytest.approx(0.1)


def test_requiring_raises_with_the_wait():
    limiter = RateLimiter()
    limiter.require("k", 0.5, 1, 0)
    with pytest.raises(RateLimited, match=r"Wait 2\.00 s") as caught:
        limiter.require("k", 0.5, 1, 0)
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (429, "rate_limited", 2.0)
