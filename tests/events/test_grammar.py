"""The grammar of types, patterns and ids, and that SQL decides matches the same way."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worksphere_hub.events import grammar

WORD = st.text("aZ0_", min_size=1, max_size=3)
TYPE = st.lists(WORD, min_size=1, max_size=3).map(".".join)
PATTERN = TYPE | TYPE.map(lambda text: text + ".*") | st.just("*")


@pytest.mark.parametrize("text", ["a", "invoice.paid", "A_1.b_2.c", "x" * 128])
def test_event_types(text):
    assert grammar.is_event_type(text)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a-b", "a b", "ä", "a\n", "*", "a.*", "x" * 129])
def test_not_event_types(text):
    assert not grammar.is_event_type(text)


@pytest.mark.parametrize("text", ["*", "invoice.*", "invoice.paid", "a.b.*"])
def test_patterns(text):
    assert grammar.is_pattern(text)


@pytest.mark.parametrize("text", ["", "**", ".*", "*.paid", "inv*", "a.*.b", "invoice.* "])
def test_not_patterns(text):
    assert not grammar.is_pattern(text)


@pytest.mark.parametrize(("text", "good"), [("order-77", True), ("a.b", False), ("", False), ("x" * 65, False)])
def test_a_publishers_id_has_no_dot(text, good):
    assert grammar.is_key(text) is good


async def test_sql_and_python_agree_on_every_match(database):
    connection = await asyncpg.connect(database.admin_url)
    cases: list[tuple[str, list[str]]] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(TYPE, st.lists(PATTERN, max_size=4))
    def collect(event_type, patterns):
        cases.append((event_type, patterns))

    collect()
    agreed = {True: 0, False: 0}
    for event_type, patterns in cases:
        by_sql = await connection.fetchval("select hub.event_type_matches($1, $2)", event_type, patterns)
        assert by_sql is grammar.matches(event_type, patterns), (event_type, patterns)
        agreed[by_sql] += 1
    await connection.close()
    assert min(agreed.values()) > 10


def test_the_hubs_own_types_are_told_by_their_beginning():
    assert [grammar.is_hub_type(text) for text in ("hub.test", "hub.a.b", "hub", "hubs.a", "a.hub.b")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_attributes_are_paths_into_the_data():
    assert all(map(grammar.is_attribute, ("data.a", "data.customer.id", "data.a_b-c.0", "data" + ".x" * 8)))
    assert not any(
        map(grammar.is_attribute, ("data", "type", "data.", "data..a", "data.a b", "data" + ".x" * 9, "x.a"))
    )
