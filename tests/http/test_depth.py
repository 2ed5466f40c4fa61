"""Depth is counted the same from bytes and from what was read, at any size."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.http.depth import check_depth
from worksphere_hub.http.errors import TooDeep

json_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(st.sampled_from('[]{}"\\ax'))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('[{"\\')), inner, max_size=3),
    max_leaves=25,
)


def depth_of(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def passes(value, limit) -> bool:
    try:
        check_depth(value, limit)
    except TooDeep:
        return False
    return True


@given(json_values, st.integers(0, 6))
def test_both_ways_count_alike(value, limit):
    expected = depth_of(value) <= limit
    assert passes(value, limit) == expected
    assert passes(json.dumps(value).encode(), limit) == expected


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_sixty_four_levels_and_not_one_more(opening, closing):
    for depth, fine in ((64, True), (65, False)):
        for inner in ("", "1") if opening == "[" else ("1",):
            text = opening * depth + inner + closing * depth
            assert passes(text.encode(), 64) is fine
            assert passes(json.loads(text), 64) is fine


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b"[" * 500_000 + b"]" * 500_000,
        b'{"a":' * 200_000,
        b"[" * 65 + b'"',
    ],
)
def test_a_bomb_is_refused(body):
    assert not passes(body, 64)


@pytest.mark.parametrize(
    "body",
    [
        b"[]," * 300_000,
        b'"' + b"[" * 900_000 + b'"',
        b'"' + b"\\\\" * 400_000,
        b"]" * 900_000,
        b'"\\"[[["' * 100_000,
    ],
)
def test_what_only_looks_like_one_passes(body):
    assert passes(body, 64)
