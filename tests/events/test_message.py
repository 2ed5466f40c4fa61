"""From a request to the bytes that are signed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.events.errors import EventTooLarge, InvalidEvent
from worksphere_hub.events.message import EventInput, prepare
from worksphere_hub.events.settings import EventSettings

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ORG = UUID(int=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def event(given_type="a.b", data=b"{}", key=None, occurred_at=None, **more):
    settings = more.pop("settings", EventSettings())
    return prepare(EventInput(given_type, msgspec.Raw(data), key, occurred_at), ORG, NOW, settings, **more)


@given(JSON)
def test_data_is_delivered_as_the_very_bytes_that_came(data):
    raw = json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    body = event(data=raw).body
    assert raw in body
    assert json.loads(body) == {"type": "a.b", "timestamp": "2026-11-23T10:00:00Z", "data": data}


def test_the_timestamp_is_the_moment_it_occurred_in_utc():
    paris = timezone(timedelta(hours=1))
    body = event(occurred_at=datetime(2026, 11, 23, 10, 30, 0, 125000, tzinfo=paris)).body
    assert json.loads(body)["timestamp"] == "2026-11-23T09:30:00.125000Z"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("type", {"given_type": "a b"}),
        ("type", {"given_type": "hub.test"}),
        ("data", {"data": b""}),
        ("id", {"key": "a.b"}),
        ("id", {"key": "evt_" + "0" * 32}),
        ("occurred_at", {"occurred_at": NOW.replace(tzinfo=None)}),
        ("occurred_at", {"occurred_at": NOW + timedelta(seconds=301)}),
    ],
)
def test_each_wrong_field_is_named(field, wrong):
    with pytest.raises(InvalidEvent) as caught:
        event(where="events.3.", **wrong)
    assert [problem.field for problem in caught.value.problems] == [f"events.3.{field}"]


def test_an_event_a_little_ahead_of_the_clock_is_taken():
    assert event(occurred_at=NOW + timedelta(seconds=299)).occurred_at > NOW


def test_a_message_over_the_limit_is_refused_with_its_size():
    with pytest.raises(EventTooLarge, match="the limit is 100"):
        event(data=b'"' + b"x" * 100 + b'"', settings=EventSettings(body_limit=100))


def test_the_same_request_has_the_same_fingerprint_and_another_has_not():
    one, same, other = event(key="k"), event(key="k"), event(key="k", data=b"[]")
    assert one.claims == same.claims
    assert one.claims[0][:2] == other.claims[0][:2]
    assert one.claims[0][2] != other.claims[0][2]
