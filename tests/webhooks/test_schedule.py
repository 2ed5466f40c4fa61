"""What becomes of a delivery after an attempt."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.schedule import decide, parse_retry_after
from worksphere_hub.webhooks.settings import WebhookSettings

SETTINGS = WebhookSettings()
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def after(status, attempt=1, retry_after=None, dice=0.0):
    return decide(SETTINGS, status=status, attempt=attempt, retry_after=retry_after, dice=dice)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_delivers(status):
    assert after(status).next == "delivered"


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 503, None])
def test_everything_else_is_tried_again_after_the_schedules_wait(status):
    decision = after(status)
    assert (decision.next, decision.delay) == ("pending", SETTINGS.schedule[0])


def test_410_holds_the_delivery_and_disables_the_endpoint():
    decision = after(410)
    assert decision.next == "held"
    assert decision.disable


def test_the_standard_schedule_makes_ten_attempts_over_about_three_days():
    attempts, waited = 1, 0.0
    while (decision := after(500, attempts)).next == "pending":
        waited += decision.delay
        attempts += 1
    assert decision.next == "exhausted"
    assert attempts == 10
    assert timedelta(hours=74) < timedelta(seconds=waited) < timedelta(hours=77)


@given(st.integers(1, 9), st.floats(0, 1), st.none() | st.floats(0, 1e12))
def test_a_wait_is_never_shorter_than_the_schedules_and_never_endless(attempt, dice, retry_after):
    decision = after(503, attempt, retry_after, dice)
    planned = SETTINGS.schedule[attempt - 1]
    assert planned <= decision.delay <= max(planned * (1 + SETTINGS.jitter), SETTINGS.retry_after_limit)
    if retry_after is not None:
        assert decision.delay >= min(retry_after, SETTINGS.retry_after_limit)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Mon, 23 Nov 2026 10:01:00 -0000", 60.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("\u0661\u0662", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_all_its_spellings(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_whatsoever_breaks_the_reader(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or seconds >= 0
