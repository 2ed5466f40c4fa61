"""Whatever is put on a line, one bounded line of sound JSON comes out."""

import json
from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.telemetry.rendering import ConsoleLine, bounded, render_json

anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner) | st.tuples(inner),
    max_leaves=15,
)


class Colour(Enum):
    RED = "red"


class Pool:
    def __str__(self):
        return "postgres://user:canary@db"

    __repr__ = __str__


@given(st.dictionaries(st.text(st.characters()), anything))
def test_any_fields_make_one_line(fields):
    line = render_json(None, "info", {"event": "thing.done", "at": "now", "level": "info", **fields})
    assert b"\n" not in line
    assert list(json.loads(line))[:3] == ["at", "level", "event"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        (Colour.RED, "red"),
        (ip_address("::1"), "::1"),
        (Path("/a/b"), "/a/b"),
        (b"canary", "<bytes>"),
        (memoryview(b"canary"), "<bytes>"),
        (Pool(), "<Pool>"),
        ({"inner": [Pool()]}, {"inner": ["<Pool>"]}),
        (2**64, "<integer of 65 bits>"),
        (-(2**63) + 1, -(2**63) + 1),
        ("half \ud800", "half \\ud800"),
        ("x" * 2_001, "x" * 2_000 + "... (1 more characters)"),
        (list(range(200)), list(range(100))),
        ([[[[["deep"]]]]], [[[["<list>"]]]]),
        (True, True),
    ],
)
def test_plain_data_is_kept_and_the_rest_is_named(value, shown):
    assert bounded(value) == shown


def test_a_person_gets_one_line_too():
    line = ConsoleLine(colors=False)(
        None, "info", {"event": "thing.done", "level": "info", "at": "now", "pool": Pool()}
    )
    assert b"thing.done" in line
    assert b"canary" not in line
    assert b"\n" not in line
