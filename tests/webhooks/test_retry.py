"""When a delivery is tried again, and what becomes of it after an attempt."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.errors import InvalidRetryPolicy
from worksphere_hub.webhooks.retry import (
    DEFAULT_POLICY,
    LAST_TRY_GRACE,
    LONGEST_RETRY_AFTER,
    LONGEST_SLOW_DOWN,
    SHORTEST_WAIT,
    SLOW_DOWN,
    Asked,
    ExponentialRetry,
    ScheduleRetry,
    admit,
    decide,
    parse_retry_after,
    preview,
    read_policy,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

waits = st.floats(SHORTEST_WAIT, 604_800)
deadlines = st.none() | st.floats(1, 2_592_000)
shares = st.floats(0, 1)
schedules = st.builds(ScheduleRetry, st.lists(waits, max_size=12).map(tuple), deadline=deadlines, jitter=shares)
exponentials = st.builds(
    lambda both, **rest: ExponentialRetry(first=min(both), longest=max(both), **rest),
    st.tuples(waits, waits),
    factor=st.floats(1, 10),
    attempts=st.integers(1, 100),
    deadline=deadlines,
    jitter=shares,
)
policies = schedules | exponentials
overloads = st.sampled_from([429, 502, 503, 504])
failures = st.none() | overloads | st.integers(100, 199) | st.integers(300, 409) | st.integers(411, 599)


def after(status, step=1, policy=DEFAULT_POLICY, age=0.0, retry_after=None, dice=0.0, *, control=None):
    return decide(policy, status=status, step=step, age=age, asked=Asked(retry_after, control), dice=dice)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 301])
def test_a_receiver_may_end_a_delivery_or_its_endpoint(status):
    aborted = after(status, control="abort-message")
    assert (aborted.next, aborted.reason, aborted.slow_down) == ("exhausted", "aborted", 0.0)
    disabled = after(status, control="disable")
    assert (disabled.next, disabled.disable) == ("held", True)
    assert after(status, control="nonsense") == after(status)


def test_a_success_is_a_success_whatever_else_it_says():
    assert after(200, control="abort-message").next == after(204, control="disable").next == "delivered"


def attempts_of(policy):
    return len(policy.waits) + 1 if isinstance(policy, ScheduleRetry) else policy.attempts


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_delivers_however_late(status):
    assert after(status).next == after(status, step=99, age=1e9).next == "delivered"


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 503, None])
def test_everything_else_is_tried_again_after_the_schedules_wait(status):
    decision = after(status)
    assert (decision.next, decision.delay, decision.disable) == ("pending", 5.0, False)


def test_410_holds_the_delivery_and_disables_the_endpoint():
    decision = after(410)
    assert (decision.next, decision.disable, decision.reason) == ("held", True, "gone")


def test_the_default_makes_ten_attempts_over_about_three_days():
    offsets = preview(DEFAULT_POLICY)
    assert len(offsets) == 10
    assert offsets[:3] == [0, 5, 305]
    assert timedelta(hours=74) < timedelta(seconds=offsets[-1]) < timedelta(hours=77)
    over = after(500, step=10)
    assert (over.next, over.reason) == ("exhausted", "attempts")


def test_the_last_try_is_made_at_the_deadline_and_none_after_it():
    policy = ScheduleRetry((5, 300, 300), deadline=60)
    assert preview(policy) == [0, 5, 60]
    assert after(500, step=2, policy=policy, age=20).delay == 40
    assert after(503, step=1, policy=policy, age=20, retry_after=86_400).delay == 40
    for age in (59.95, 60, 61, 1e9):
        over = after(500, step=3, policy=policy, age=age)
        assert (over.next, over.reason) == ("exhausted", "deadline")


def test_exponential_waits_grow_up_to_the_longest():
    policy = ExponentialRetry(first=1, factor=3, longest=20, attempts=6)
    assert preview(policy) == [0, 1, 4, 13, 33, 53]
    assert preview(ExponentialRetry(first=604_800, factor=10, longest=604_800, attempts=100))[-1] == 99 * 604_800
    assert preview(ExponentialRetry(first=1, attempts=1)) == [0]


@given(policies, failures, st.integers(1, 100), st.floats(-10, 1e7), st.none() | st.floats(0, 3e8), shares)
def test_a_wait_is_long_enough_and_never_past_the_deadline(policy, status, step, age, retry_after, dice):
    decision = after(status, step, policy, age, retry_after, dice)
    left = math.inf if policy.deadline is None else policy.deadline - max(age, 0)
    if left < SHORTEST_WAIT:
        assert (decision.next, decision.reason) == ("exhausted", "deadline")
        return
    if step >= attempts_of(policy):
        assert (decision.next, decision.reason) == ("exhausted", "attempts")
        return
    assert decision.next == "pending"
    assert decision.reason is None
    planned = policy.wait_after(step)
    assert min(planned, left) <= decision.delay <= left
    assert decision.delay <= max(planned * (1 + policy.jitter), retry_after or 0)
    if retry_after is not None:
        assert decision.delay >= min(retry_after, left)


@given(policies, st.integers(1, 12), shares, shares)
def test_jitter_only_lengthens(policy, step, one, other):
    shorter, longer = sorted((one, other))
    assert after(500, step, policy, dice=0).delay <= after(500, step, policy, dice=shorter).delay
    assert after(500, step, policy, dice=shorter).delay <= after(500, step, policy, dice=longer).delay


@given(policies, failures, st.integers(1, 100), st.none() | st.floats(0, 3e8))
def test_only_an_overloaded_endpoint_is_slowed_down_even_by_the_last_attempt(policy, status, step, retry_after):
    slow_down = after(status, step, policy, retry_after=retry_after).slow_down
    if status in {429, 502, 503, 504}:
        assert slow_down == min(max(retry_after or 0, SLOW_DOWN), LONGEST_SLOW_DOWN)
    else:
        assert slow_down == 0


def test_what_is_kept_back_goes_at_its_deadline_or_never():
    policy = ScheduleRetry((5,), deadline=60)
    assert admit(policy, age=10, wait=0) is None
    assert admit(policy, age=10, wait=30).delay == 30
    assert admit(policy, age=50, wait=30).delay == 10
    assert admit(policy, age=60, wait=0) is None
    assert admit(policy, age=60, wait=0.001).reason == "deadline"
    assert admit(policy, age=60 + LAST_TRY_GRACE, wait=0) is None
    assert admit(policy, age=61 + LAST_TRY_GRACE, wait=0).reason == "deadline"


@given(policies, st.floats(-10, 1e7), st.floats(0, 1e6))
def test_keeping_back_never_goes_past_the_deadline_and_costs_no_attempt(policy, age, wait):
    decision = admit(policy, age=age, wait=wait)
    left = math.inf if policy.deadline is None else policy.deadline - max(age, 0)
    if decision is None:
        assert wait == 0
        assert left >= -LAST_TRY_GRACE
    elif decision.next == "pending":
        assert decision.delay == min(wait, left) > 0
    else:
        assert (decision.next, decision.reason) == ("exhausted", "deadline")
        assert left < SHORTEST_WAIT


@given(policies)
def test_the_preview_is_what_a_delivery_that_always_fails_does(policy):
    offsets = preview(policy)
    assert offsets[0] == 0
    assert offsets == sorted(set(offsets))
    assert len(offsets) <= attempts_of(policy)
    if policy.deadline is None:
        assert len(offsets) == attempts_of(policy)
    elif len(offsets) < attempts_of(policy):
        assert offsets[-1] == pytest.approx(policy.deadline, abs=SHORTEST_WAIT)
    else:
        assert offsets[-1] <= policy.deadline * (1 + 1e-9)


@given(policies)
def test_a_policy_survives_being_stored(policy):
    assert read_policy(msgspec.json.encode(policy)) == policy
    assert read_policy(msgspec.to_builtins(policy)) == policy


def test_what_is_left_out_has_its_default():
    assert read_policy(b'{"kind":"schedule","waits":[1,2.5]}') == ScheduleRetry((1.0, 2.5))
    assert read_policy({"kind": "exponential", "first": 5, "attempts": 3}) == ExponentialRetry(first=5.0, attempts=3)
    assert read_policy(b'{"kind":"schedule","waits":[]}') == ScheduleRetry(())


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "kind"),
        ({"kind": "sometimes"}, "kind"),
        ({"kind": 3}, "kind"),
        ({"kind": "schedule"}, "waits"),
        ({"kind": "schedule", "waits": 5}, "waits"),
        ({"kind": "schedule", "waits": [1, 0.05]}, "waits"),
        ({"kind": "schedule", "waits": [604_801]}, "waits"),
        ({"kind": "schedule", "waits": [True]}, "waits"),
        ({"kind": "schedule", "waits": [math.nan]}, "waits"),
        ({"kind": "schedule", "waits": [math.inf]}, "waits"),
        ({"kind": "schedule", "waits": [1] * 101}, "waits"),
        ({"kind": "schedule", "waits": [1], "deadline": 0.5}, "deadline"),
        ({"kind": "schedule", "waits": [1], "deadline": 2_592_001}, "deadline"),
        ({"kind": "schedule", "waits": [1], "deadline": math.nan}, "deadline"),
        ({"kind": "schedule", "waits": [1], "jitter": 1.1}, "jitter"),
        ({"kind": "schedule", "waits": [1], "jitter": -0.1}, "jitter"),
        ({"kind": "schedule", "waits": [1], "attempts": 3}, "attempts"),
        ({"kind": "exponential", "first": 5}, "attempts"),
        ({"kind": "exponential", "attempts": 5}, "first"),
        ({"kind": "exponential", "first": 5, "attempts": 0}, "attempts"),
        ({"kind": "exponential", "first": 5, "attempts": 101}, "attempts"),
        ({"kind": "exponential", "first": 5, "attempts": 2.5}, "attempts"),
        ({"kind": "exponential", "first": 5, "attempts": 5, "factor": 0.9}, "factor"),
        ({"kind": "exponential", "first": 5, "attempts": 5, "factor": 10.1}, "factor"),
        ({"kind": "exponential", "first": 0, "attempts": 5}, "first"),
        ({"kind": "exponential", "first": 5, "attempts": 5, "longest": 4}, "longest"),
    ],
)
def test_a_wrong_policy_is_refused_by_the_name_of_its_field(given, field):
    with pytest.raises(InvalidRetryPolicy) as caught:
        read_policy(given)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert field in caught.value.detail
    assert caught.value.code == "invalid_retry_policy"


@given(st.binary(max_size=80) | st.text().map(str.encode) | st.just(b"[" * 100_000))
def test_no_bytes_whatsoever_break_the_reader_of_policies(raw):
    with pytest.raises(InvalidRetryPolicy):
        read_policy(raw)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "waits", "deadline", "jitter", "first", "factor", "longest", "attempts", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["schedule", "exponential"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
        ),
    )
)
def test_no_mapping_whatsoever_breaks_it_either(raw):
    with suppress(InvalidRetryPolicy):
        assert len(preview(read_policy(raw))) <= 101


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("0", 0.0),
        ("007", 7.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Monday, 23-Nov-26 10:00:30 GMT", 30.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Saturday, 23-Nov-75 10:00:30 GMT", None),  # 2075 by the rule of fifty years, and so nobody's meaning
        ("Mon Nov 23 10:02:00 2026", 120.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
        ("Mon, 23 Nov 2026 10:01:00 -0000", 60.0),
        ("Mon, 23 Nov 2026 11:01:00 +0100", 60.0),
        ("2026-11-23T10:00:10Z", 10.0),
        ("2026-11-23T10:00:10.5+00:00", 10.5),
        ("2026-11-23t10:00:10", 10.0),
        ("2026-11-23 11:00:10+01:00", 10.0),
        ("2026-11-23", None),
        ("2026-13-45T99:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", 0.0),
        (str(LONGEST_RETRY_AFTER), LONGEST_RETRY_AFTER),
        (str(LONGEST_RETRY_AFTER + 1), None),
        ("1795428000", None),  # the moment in seconds since 1970, a common mistake
        ("9" * 5_000, None),
        ("soon", None),
        ("-5", None),
        ("+5", None),
        ("1e9", None),
        ("1,5", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        (".", None),
        ("\u0661\u0662", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_all_its_spellings(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


@given(
    st.text(max_size=70)
    | st.text("0123456789.-+:TZ, eEnaif", max_size=40)
    | st.from_regex(r"[A-Z][a-z]{2,8}, \d{1,3}[- ][A-Z][a-z]{2}[- ]\d{1,6} \d{1,3}:\d\d:\d\d [A-Z+-]\w{0,5}")
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")
)
def test_no_retry_after_whatsoever_breaks_the_reader(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


@given(st.floats(0, LONGEST_RETRY_AFTER - 86_400), st.integers(-14, 14))
def test_every_form_of_a_date_means_the_same_moment(seconds, hours):
    moment = (NOW + timedelta(seconds=seconds)).replace(microsecond=0)
    expected = (moment - NOW).total_seconds()
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    for text in (
        format_datetime(moment, usegmt=True),
        format_datetime(elsewhere),
        moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        moment.ctime(),
        elsewhere.isoformat(),
        moment.isoformat(" ").removesuffix("+00:00"),
    ):
        assert parse_retry_after(text, NOW) == expected
