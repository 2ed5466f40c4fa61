"""Values go to JSON and back without a loss."""

import base64
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sdk.errors import Rejected
from worksphere_hub.sdk.tables.model import Column, schema_of
from worksphere_hub.sdk.tables.values import earlier, moment, plain, read_bytes, read_moment, read_text

INSTANT, LOCAL = Column("at", "timestamptz", "instant"), Column("at", "timestamp", "timestamp")
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# The last and the first are the words for what never ends.
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - these have no zone


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_a_moment_is_the_same_moment_in_utc(value):
    text = moment(value)
    assert text.endswith("Z")
    assert read_moment(INSTANT, text) == value


@given(MOMENTS)
def test_a_moment_without_a_zone_stays_without(value):
    assert read_moment(LOCAL, moment(value)) == value
    with pytest.raises(Rejected, match="no time zone"):
        read_moment(LOCAL, moment(value.replace(tzinfo=UTC)))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit_and_is_written_out(value):
    text = plain(value)
    assert Decimal(text) == value
    assert "E" not in text


@given(st.binary(max_size=200))
def test_bytes_come_back(value):
    for kind in (bytes, bytearray, memoryview):
        assert read_bytes(INSTANT, plain(kind(value))) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.times() | st.uuids()
        | st.decimals() | st.binary() | st.timedeltas() | MOMENTS,
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)  # fmt: skip
def test_whatever_a_driver_gives_is_plain_json(value):
    json.dumps(plain(value), allow_nan=False)


LAST, FIRST = datetime.max, datetime.min  # noqa: DTZ901 - as a driver gives them


def test_what_never_ends_has_a_word():
    assert [plain(each) for each in (LAST, FIRST, date.max, date.min)] == ["infinity", "-infinity"] * 2
    assert plain(LAST.replace(tzinfo=UTC)) == "infinity"
    assert [plain(each) for each in (float("inf"), float("-inf"), float("nan"))] == ["Infinity", "-Infinity", "NaN"]
    assert plain(time(1, 2, 3)) == "01:02:03"


@pytest.mark.parametrize("value", ["yesterday", "", 5, None, "2026-13-01"])
def test_what_is_no_moment_is_refused_by_the_columns_name(value):
    with pytest.raises(Rejected, match="at is no date and time"):
        read_moment(INSTANT, value)


def test_what_is_no_single_value_is_refused():
    assert [read_text(LOCAL, each) for each in (True, False, 1, 1.5, "x")] == ["true", "false", "1", "1.5", "x"]
    for value in ([1], {"a": 1}):
        with pytest.raises(Rejected):
            read_text(LOCAL, value)
    with pytest.raises(Rejected):
        read_bytes(LOCAL, base64.b64encode(b"x").decode() + "!")


def test_only_moments_are_put_back():
    assert earlier(INSTANT, "2026-01-01T00:00:30Z", 60) == "2025-12-31T23:59:30Z"
    assert earlier(LOCAL, "2026-01-01T00:00:30", 60) == "2025-12-31T23:59:30"
    assert earlier(INSTANT, "infinity", 60) == "infinity"
    assert earlier(Column("n", "bigint", "integer"), 7, 60) == 7


def test_a_column_that_may_be_empty_says_so():
    assert schema_of(INSTANT)["type"] == ["string", "null"]
    assert schema_of(Column("id", "integer", "integer", nullable=False))["type"] == "integer"
    assert "type" not in schema_of(Column("doc", "jsonb", "json"))
