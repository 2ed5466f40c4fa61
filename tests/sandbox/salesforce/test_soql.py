"""Reading SOQL: what is written is what is read, and what cannot be read is refused and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sandbox.salesforce.soql import Condition, Junction, Order, WrongQuery, parse

NOW = datetime(2026, 5, 6, 15, 30, tzinfo=UTC)
PIECES = "SELECT Id , FROM Account WHERE Name = 'x' AND OR NOT ( ) IN 1 LIMIT ORDER BY != null COUNT '"


def where(text):
    return parse(f"SELECT Id FROM Account WHERE {text}", NOW).where


def test_a_whole_query():
    found = parse("select Id, Owner.Name from Contact where a = 1 order by b desc nulls last, c limit 5 offset 2", NOW)
    assert (found.fields, found.table, found.limit, found.offset) == (("Id", "Owner.Name"), "Contact", 5, 2)
    assert found.order == (Order("b", down=True, nulls_last=True), Order("c"))
    assert parse("SELECT COUNT() FROM Lead", NOW).count
    assert parse("SELECT FIELDS(STANDARD) FROM Lead", NOW).fields == ("FIELDS(STANDARD)",)


def test_and_binds_more_than_or():
    a, b, c = (Condition(name, "=", 1) for name in "abc")
    assert where("a = 1 OR b = 1 AND c = 1") == Junction("OR", (a, Junction("AND", (b, c))))
    assert where("(a = 1 OR b = 1) AND NOT c = 1") == Junction("AND", (Junction("OR", (a, b)), Junction("NOT", (c,))))


def test_literals():
    assert where("a >= 2026-01-15T09:00:00+02:00") == Condition("a", ">=", "2026-01-15T07:00:00.000+0000")
    assert where("a = 2026-01-15") == Condition("a", "=", "2026-01-15")
    assert where("a > LAST_N_DAYS:3") == Condition("a", ">", "2026-05-03T00:00:00.000+0000")
    assert where("a IN (true, null, -1.5)") == Condition("a", "IN", (True, None, -1.5))
    assert where("a <> TODAY") == Condition("a", "!=", "2026-05-06T00:00:00.000+0000")


@given(st.text())
def test_a_text_in_quotes_is_read_as_it_was_meant(text):
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    assert where(f"a = '{quoted}'") == Condition("a", "=", text)


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join)))
def test_anything_else_is_refused_and_nothing_else(text):
    try:
        found = parse(text, NOW)
    except WrongQuery:
        return
    assert found.table


@pytest.mark.parametrize(
    "text", ["", "SELECT Id", "SELECT Id FROM A WHERE", "SELECT Id FROM A LIMIT x", "SELECT Id FROM A x"]
)
def test_what_is_cut_off_is_refused(text):
    with pytest.raises(WrongQuery):
        parse(text, NOW)
