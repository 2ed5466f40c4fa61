"""No more than the rate and one burst, whatever the clock does."""

import asyncio
import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.bucket import LONGEST_SKEW, Bucket, take, until_next

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
RATES = st.sampled_from([0.001, 0.1, 0.3, 1.0, 7.5, 100.0, 10_000.0]) | st.floats(1e-4, 1e4)
BURSTS = st.floats(0, 500)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def test_a_full_bucket_gives_its_burst_and_then_the_rate():
    granted, bucket = take(Bucket(10, NOW), 5, 10, 100, NOW)
    assert (granted, bucket) == (10, Bucket(0, NOW))
    assert take(bucket, 5, 10, 100, later(0.1))[0] == 0
    assert take(bucket, 5, 10, 100, later(1))[0] == 5
    assert take(bucket, 5, 10, 3, later(1)) == (3, Bucket(2, later(1)))
    assert take(bucket, 5, 10, 100, later(1e6))[0] == 10


def test_a_tenth_a_second_is_one_in_ten_seconds():
    bucket, granted = Bucket(0, NOW), []
    for second in range(1, 101):
        given, bucket = take(bucket, 0.1, 1, 1, later(second))
        granted.append(given)
    assert sum(granted) in {9, 10}
    assert max(granted) == 1


def test_a_burst_below_one_lets_one_through_at_a_time():
    assert take(Bucket(0, NOW), 0.5, 0.2, 5, later(2))[0] == 1
    assert take(Bucket(0, NOW), 0.5, 0.2, 5, later(200))[0] == 1


def test_a_rate_of_nothing_gives_what_there_is_and_no_more():
    assert take(Bucket(2.5, NOW), 0, 5, 10, later(1e6)) == (2, Bucket(0.5, later(1e6)))
    assert until_next(Bucket(0.5, NOW), 0, NOW) == math.inf


def test_a_smaller_burst_holds_at_once_and_a_larger_one_is_filled_by_the_rate():
    assert take(Bucket(100, NOW), 1, 10, 1_000, NOW)[0] == 10
    assert take(Bucket(10, NOW), 1, 100, 1_000, NOW)[0] == 10


def test_a_clock_that_is_a_little_behind_brings_nothing_and_costs_nothing():
    bucket = Bucket(1, NOW)
    for _ in range(100):
        granted, bucket = take(bucket, 10, 5, 1, later(-30))
        granted_then, bucket = take(bucket, 10, 5, 1, NOW)
        assert bucket.at == NOW
    assert (granted, granted_then) == (0, 0)


def test_a_clock_that_was_set_back_is_followed_without_a_burst():
    granted, bucket = take(Bucket(0.5, NOW), 1, 5, 10, later(-3_600))
    assert (granted, bucket) == (0, Bucket(0.5, later(-3_600)))
    assert take(bucket, 1, 5, 10, later(-3_599))[0] == 1


@pytest.mark.parametrize("wanted", [0, -5])
def test_nothing_is_granted_to_who_wants_nothing(wanted):
    assert take(Bucket(3, NOW), 1, 5, wanted, NOW) == (0, Bucket(3, NOW))


@given(
    RATES,
    BURSTS,
    st.floats(0, 500),
    st.lists(st.tuples(st.sampled_from([0.0, 1e-6, 0.01, 0.1, 1.0]) | st.floats(0, 100), st.integers(0, 600))),
)
def test_over_no_interval_more_than_the_rate_and_one_burst(rate, burst, tokens, steps):
    bucket, elapsed, total = Bucket(tokens, NOW), timedelta(), 0
    # What was granted beyond the rate, at its lowest before a grant: from there on it may rise by one burst.
    lowest = math.inf
    for seconds, wanted in steps:
        elapsed += timedelta(seconds=seconds)
        earned = rate * elapsed.total_seconds()
        lowest = min(lowest, total - earned)
        granted, bucket = take(bucket, rate, burst, wanted, NOW + elapsed)
        total += granted
        assert 0 <= granted <= wanted
        assert 0 <= bucket.tokens <= max(burst, 1)
        assert total - earned - lowest <= max(burst, 1) + 1e-6


@given(RATES, BURSTS, st.lists(st.tuples(st.floats(-1e5, 1e5), st.integers(0, 50))))
def test_whatever_the_clock_does_the_bucket_is_sound(rate, burst, steps):
    bucket, now = Bucket(burst, NOW), NOW
    for seconds, wanted in steps:
        before, back = bucket, seconds < 0
        now += timedelta(seconds=seconds)
        granted, bucket = take(bucket, rate, burst, wanted, now)
        assert 0 <= bucket.tokens <= max(burst, 1)
        assert abs(bucket.at - now) <= LONGEST_SKEW
        if back and now <= before.at:
            assert granted <= before.tokens, "going back earns nothing"


@given(RATES, BURSTS, st.floats(0, 3), st.floats(-59, 59))
def test_who_waits_until_the_next_gets_it(rate, burst, tokens, seconds):
    bucket, now = Bucket(tokens, NOW), later(seconds)
    wait = until_next(bucket, rate, now)
    assert wait >= 0
    assert take(bucket, rate, burst, 1, now + timedelta(seconds=wait))[0] == 1
    if wait > 1e-4:
        assert take(bucket, rate, burst, 1, now + timedelta(seconds=wait * 0.99 - 2e-6))[0] == 0


async def test_the_database_gives_out_what_the_model_does(engine):
    """hub.endpoint_allowance() is this bucket, with a burst of a second's worth."""
    dice = random.Random(4)
    endpoint = await engine.endpoint("/ok", rate_limit=1.0)
    await asyncio.gather(*(engine.publish() for _ in range(100)))
    for _ in range(60):
        rate, tokens = dice.choice((0.1, 1.0, 7.5, 40.0)), dice.uniform(0, 5)
        elapsed = dice.choice((0.0, 0.4, 3.0, 90.0, -30.0))
        wanted, _ = take(Bucket(min(tokens, max(rate, 1)), NOW), rate, rate, 100, later(elapsed))
        # The database's clock runs on between the two statements.
        again, _ = take(Bucket(min(tokens, max(rate, 1)), NOW), rate, rate, 100, later(elapsed + 0.05))
        await engine.admin.execute("update hub.webhook_endpoints set rate_limit = $2 where id = $1", endpoint, rate)
        await engine.admin.execute(
            "insert into hub.webhook_endpoint_gates (org_id, endpoint_id, tokens, tokens_at)"
            " values ($1, $2, $3, clock_timestamp() - $4::interval) on conflict (org_id, endpoint_id)"
            " do update set tokens = excluded.tokens, tokens_at = excluded.tokens_at",
            engine.org,
            endpoint,
            tokens,
            timedelta(seconds=elapsed),
        )
        granted = await engine.admin.fetchval(
            "select hub.endpoint_allowance($1, $2, interval '15 seconds')", engine.org, endpoint
        )
        assert wanted <= granted <= max(wanted, again), (rate, tokens, elapsed)
