"""Every retry comes when its policy says, never before the receiver said, and never after the deadline."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.retry import (
    Decision,
    ExponentialRetry,
    InvalidRetryPolicy,
    ScheduleRetry,
    decide,
    parse_retry_after,
    preview,
    read_policy,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
POLICIES = st.one_of(
    st.builds(
        ScheduleRetry,
        waits=st.lists(st.floats(0.1, 10_000), max_size=12),
        deadline=st.none() | st.floats(1, 50_000),
        jitter=st.floats(0, 1),
    ),
    st.builds(
        ExponentialRetry,
        first=st.floats(0.1, 1_000),
        attempts=st.integers(1, 12),
        factor=st.floats(1, 10),
        longest=st.floats(0.1, 10_000),
        deadline=st.none() | st.floats(1, 50_000),
        jitter=st.floats(0, 1),
    ),
)
STATUSES = st.none() | st.integers(100, 599)


def after(policy, status, **facts):
    return decide(policy, status=status, **({"step": 1, "age": 0.0, "retry_after": None, "dice": 0.0} | facts))


SCHEDULE = ScheduleRetry([5, 300], jitter=0.5)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status):
    assert after(SCHEDULE, status) == Decision("delivered")


def test_410_says_that_the_endpoint_is_gone():
    assert after(SCHEDULE, 410, step=99).next == "held"


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 308, 400, 401, 404, 500])
def test_everything_else_is_tried_again_redirects_included(status):
    assert after(SCHEDULE, status) == Decision("pending", 5)
    assert after(SCHEDULE, status, step=2) == Decision("pending", 300)
    assert after(SCHEDULE, status, step=3) == Decision("exhausted", reason="attempts")


@pytest.mark.parametrize(("status", "slow"), [(429, 1.0), (502, 1.0), (503, 1.0), (504, 1.0), (500, 0.0), (404, 0.0)])
def test_an_overloaded_receiver_is_given_a_pause(status, slow):
    assert after(SCHEDULE, status).slow_down == slow
    assert after(SCHEDULE, status, retry_after=90.5).slow_down == (90.5 if slow else 0.0)


def test_jitter_lengthens_and_a_deadline_gives_one_last_attempt():
    assert after(SCHEDULE, 500, dice=1.0).delay == 7.5
    timed = ScheduleRetry([100, 100, 100], deadline=250, jitter=0)
    assert after(timed, 500, step=2, age=200).delay == 50
    assert after(timed, 500, step=3, age=250) == Decision("exhausted", reason="deadline")
    assert after(timed, 429, step=1, age=10, retry_after=9_999).delay == 240


@given(POLICIES, STATUSES, st.integers(1, 15), st.floats(0, 60_000), st.none() | st.floats(0, 90_000), st.floats(0, 1))
def test_a_wait_is_neither_shorter_than_asked_nor_beyond_the_deadline(policy, status, step, age, retry_after, dice):
    decision = decide(policy, status=status, step=step, age=age, retry_after=retry_after, dice=dice)
    if decision.next != "pending":
        assert decision.delay == 0
        return
    wait = policy.wait(step)
    left = float("inf") if policy.deadline is None else policy.deadline - age
    assert left > 0
    assert decision.delay <= left
    assert decision.delay >= min(wait, left)
    assert decision.delay >= min(retry_after or 0.0, left)
    assert decision.delay <= max(wait * (1 + policy.jitter), retry_after or 0.0)


@given(POLICIES, st.floats(0, 1))
def test_a_chain_of_failures_makes_the_attempts_that_the_preview_shows(policy, dice):
    age, made = 0.0, 1
    while (decision := decide(policy, status=500, step=made, age=age, retry_after=None, dice=0.0)).next == "pending":
        age += decision.delay
        made += 1
    assert made == len(preview(policy))
    assert age == pytest.approx(preview(policy)[-1])
    if policy.deadline is not None:
        assert age <= policy.deadline * (1 + 1e-9)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("Mon, 23 Nov 2026 10:02:00 GMT", 120.0),
        ("Monday, 23-Nov-26 10:02:00 GMT", 120.0),
        ("Mon Nov 23 10:02:00 2026", 120.0),
        ("2026-11-23T10:02:00Z", 120.0),
        ("2026-11-23T12:02:00+02:00", 120.0),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
    ],
)
def test_every_spelling_of_retry_after(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    "text", [None, "", "soon", "-5", "1e9", "nan", "inf", "1.2.3", "٣", "9" * 60, "9999-01-01T00:00:00Z", "2026-99-99"]
)
def test_junk_in_retry_after_is_no_wait(text):
    assert parse_retry_after(text, NOW) is None


@given(st.text(max_size=80))
def test_no_retry_after_can_do_harm(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= 10 * 366 * 86_400


@given(st.integers(0, 1_000_000))
def test_dates_are_read_to_the_second(seconds):
    moment = NOW + timedelta(seconds=seconds)
    assert parse_retry_after(format_datetime(moment, usegmt=True), NOW) == seconds


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "never"},
        {"kind": "schedule"},
        {"kind": "schedule", "waits": [0]},
        {"kind": "schedule", "waits": [1] * 101},
        {"kind": "schedule", "waits": [1], "deadline": 0},
        {"kind": "schedule", "waits": [1], "jitter": 1.5},
        {"kind": "schedule", "waits": [1], "more": 1},
        {"kind": "schedule", "waits": ["1"]},
        {"kind": "exponential", "first": 1},
        {"kind": "exponential", "first": 1, "attempts": 101},
        {"kind": "exponential", "first": 1, "attempts": 3, "factor": 0.5},
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(raw):
    with pytest.raises(InvalidRetryPolicy) as refused:
        read_policy(raw)
    assert refused.value.problems[0].field == "retry_policy"


def test_policies_are_read_as_they_are_written():
    assert read_policy({"kind": "schedule", "waits": [1, 2.5]}) == ScheduleRetry([1, 2.5])
    growing = read_policy({"kind": "exponential", "first": 1, "factor": 3, "attempts": 5, "longest": 20})
    assert preview(growing) == [0, 1, 4, 13, 33]
