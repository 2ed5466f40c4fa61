"""Public ids: they say what they are of, sort by time, and a malformed one is a missing one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub import ids
from worksphere_hub.errors import NotFound


def test_a_fresh_id_is_a_uuid_of_version_7_and_of_now():
    before = time.time_ns() // 1_000_000
    fresh = ids.new()
    after = time.time_ns() // 1_000_000
    assert fresh.version == 7
    assert fresh.variant == "specified in RFC 4122"
    assert before <= fresh.int >> 80 <= after


def test_ids_sort_by_time_and_are_never_the_same():
    made = []
    for _ in range(2_000):
        made.append(ids.new())
        at = time.time_ns()
        # Many of them within one millisecond, none within the same quarter of a microsecond.
        while time.time_ns() < at + 1_000:
            pass
    assert made == sorted(made)
    assert len({ids.new_hex() for _ in range(10_000)}) == 10_000


@given(st.uuids())
def test_what_is_written_can_be_read(value):
    text = ids.encode("evt", value)
    assert text == f"evt_{value.hex}"
    assert ids.decode("evt", text) == ids.parse("evt", text) == value
    assert ids.parse("whe", text) is None


@given(st.text(max_size=60) | st.from_regex(r"evt_[0-9a-fA-F\n-]{30,36}"))
def test_anything_else_is_missing_and_no_error(text):
    if ids.parse("evt", text) is not None:
        assert ids.encode("evt", ids.decode("evt", text)) == text
        return
    with pytest.raises(NotFound):
        ids.decode("evt", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evt",
        "evt_",
        "evt_" + "0" * 31,
        "evt_" + "0" * 33,
        "evt_" + "A" * 32,
        "EVT_" + "0" * 32,
        "evt_" + "0" * 32 + "\n",
    ],
)
def test_nearly_an_id_is_none(text):
    assert ids.parse("evt", text) is None
