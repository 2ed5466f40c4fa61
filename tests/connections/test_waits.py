"""How long to wait, in every spelling that providers use."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.connections.waits import longest_wait, wait_seconds
from worksphere_hub.sdk.manifest.api import Hint

NOW = 1_714_557_600.0  # 2024-05-01T10:00:00Z


@pytest.mark.parametrize(
    ("said", "form", "seconds"),
    [
        ("5", "any", 5.0),
        (5, "any", 5.0),
        ("2.128", "any", 2.128),
        ("0", "any", 0.0),
        ("30s", "any", 30.0),
        ("1.5 minutes", "any", 90.0),
        ("250ms", "any", 0.25),
        ("Wed, 01 May 2024 10:00:30 GMT", "any", 30.0),
        ("Wednesday, 01-May-24 10:00:30 GMT", "http_date", 30.0),
        ("Wed, 01 May 2024 09:59:30 GMT", "any", 0.0),
        ("2024-05-01T10:01:00Z", "any", 60.0),
        ("2024-05-01T12:01:00+02:00", "iso", 60.0),
        ("2024-05-01 10:01:00.500", "iso", 60.5),
        ("User-rate limit exceeded.  Retry after 2024-05-01T10:00:42.000Z", "any", 42.0),
        ("1714557610", "any", 10.0),
        ("1714557610", "epoch", 10.0),
        ("1714557610500", "epoch_milliseconds", 10.5),
        ("1500", "milliseconds", 1.5),
        ("99999999", "seconds", 604_800.0),
        ("-5", "any", None),
        ("", "any", None),
        ("soon", "any", None),
        ("nan", "any", None),
        (True, "any", None),
        (None, "any", None),
        ({}, "any", None),
        ("5", "iso", None),
        ("soon", "seconds", None),
    ],
)
def test_spellings(said, form, seconds):
    found = wait_seconds(said, form, NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(
    st.text(max_size=60) | st.floats() | st.integers(), st.sampled_from(["any", "iso", "http_date", "epoch", "seconds"])
)
def test_whatever_is_said_the_wait_is_sane(said, form):
    found = wait_seconds(said, form, NOW)
    assert found is None or 0 <= found <= 7 * 86_400


@given(st.integers(0, 86_400))
def test_a_date_in_either_spelling_is_the_same_wait(seconds):
    moment = datetime.fromtimestamp(NOW + seconds, UTC)
    for text in (format_datetime(moment, usegmt=True), moment.isoformat(), moment.strftime("%Y-%m-%dT%H:%M:%SZ")):
        assert wait_seconds(text, "any", NOW) == seconds


def test_the_longest_of_all_hints_holds():
    hints = [
        Hint(header="Retry-After"),
        Hint(header="X-Reset", format="epoch"),
        Hint(body="error.details.retry_after"),
        Hint(body="error.message"),
    ]
    body = {"error": {"details": {"retry_after": 3}, "message": "Retry after 2024-05-01T10:00:09Z"}}
    assert longest_wait(hints, {"retry-after": "2", "x-reset": str(int(NOW) + 7)}, lambda: body, NOW) == 9.0
    assert longest_wait(hints[:2], {"retry-after": "2"}, lambda: None, NOW) == 2.0
    assert longest_wait(hints, {}, lambda: None, NOW) is None
