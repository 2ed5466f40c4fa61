"""What the library cannot bound is bounded in the source, and everything else is left as it was written."""

import jlens
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worksphere_hub.expressions.errors import ExpressionRefused
from worksphere_hub.expressions.limits import DEFAULT_LIMITS
from worksphere_hub.expressions.source import bound

UNTOUCHED = [
    "a.b.c", "a/b/c", "a[0]/2", "(a)/b/c", "a.*/2", "a % 2 / 3", '$match(a, /[/"]..x/i)', "a ~> /x..y/", "a.`b..c`",
    '"[1..9999999]"', "'[1..9999999]'", "/* [1..9999999] */ a", 'a"b', "a in b", "`in`", "a.in", "{'a': 1.5e3}",
    '"a\\"[1..9999999]"', "a and b or c", "a ?: b ?? c", "$f := function($x) { $x }", "a#$i.b@$x", "|a|{'b': 1}|",
    "-1 - -2", "0.1 + 0.2", "a ^ (>b, <c)", "{'a': b}{c: d}", "/x/and a", "/[/]/im or b",
    "$sift(a, function($v) { $v != 1 })",
]  # fmt: skip

RANGES = {
    "[1..3]": "[$hub_range(1,3)]",
    "[ 1 .. 3 ]": "[$hub_range( 1 , 3 )]",
    "[0, 1..3, 7]": "[0,$hub_range( 1,3), 7]",
    "[1..3, 5..6]": "[$hub_range(1,3),$hub_range( 5,6)]",
    "[[1..2], [3..4]]": "[[$hub_range(1,2)], [$hub_range(3,4)]]",
    "[$f(1, [2..3])..$g(4, 5)]": "[$hub_range($f(1, [$hub_range(2,3)]),$g(4, 5))]",
    "[{'a': [1..2]}.b..c ? d : e]": "[$hub_range({'a': [$hub_range(1,2)]}.b,c ? d : e)]",
}


@pytest.mark.parametrize("source", UNTOUCHED)
def test_what_needs_no_bound_is_left_as_it_is(source):
    bounded = bound(source, DEFAULT_LIMITS)
    assert bounded.text == source
    assert not bounded.changed
    assert not bounded.marked
    assert not bounded.volatile


@pytest.mark.parametrize("source", RANGES)
def test_each_range_looks_at_its_width_first(source):
    bounded = bound(source, DEFAULT_LIMITS)
    assert bounded.changed
    assert bounded.text.startswith("($hub_range := ")
    assert bounded.text.endswith(f"{RANGES[source]})")


@pytest.mark.parametrize(
    ("source", "position"),
    [("[1..10001]", 9), ("[-6000..6000]", 12), ("[0, [1 .. 9000000]]", 17), ("[1..10001].(2)", 9)],
)
def test_a_range_that_is_too_wide_as_it_stands_is_refused(source, position):
    with pytest.raises(ExpressionRefused, match="10000 are allowed") as refused:
        bound(source, DEFAULT_LIMITS)
    assert refused.value.position == position


def test_the_widest_range_is_allowed():
    assert bound("[1..10000]", DEFAULT_LIMITS).changed


@pytest.mark.parametrize("source", ["$eval(a)", "a ~> $eval", "($f := $eval; $f(a))", '"$eval"'])
def test_code_that_is_not_known_when_saved_is_refused(source):
    with pytest.raises(ExpressionRefused, match=r"\$eval"):
        bound(source, DEFAULT_LIMITS)


def test_a_variable_of_a_similar_name_is_not():
    assert not bound("($evaluation := 1; $evaluation)", DEFAULT_LIMITS).changed


FRAGMENTS = [
    "a", "b", "n", ".", "..", "[", "]", "(", ")", "{", "}", "1", "2", "-", "*", "**", "/", "/x/", "/[/]/i", '"s"',
    "'t'", "`n`", ",", ":", "?", " in ", " and ", "$", "$$", "%", "&", "<", "=", "~>", "|", "@$x", "#$i", "$x", ":=",
    ";", "\n", '"', "'", "`", "/*", "*/", "\\", 'a"b', "1.5", "??", "[1..3]", "[1..2,4]", "$count(a)",
    "$match(a.n,/x/)", '$replace(a.n,"x","y")', "$distinct([1,1])",
]  # fmt: skip


def result(source):
    """What the library makes of a source as it is, or the code of its error."""
    try:
        return jlens.Expression(source).evaluate_json(
            '{"a":{"b":[1,2,3],"n":"sxs"},"b":[{"a":1},{"a":2}],"n":5}', max_steps=100_000, timeout=1, seed=1, now=0
        )
    except jlens.JlensError as error:
        return error.code


@settings(max_examples=2000)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=9).map("".join))
def test_bounding_changes_no_result(source):
    try:
        jlens.Expression(source)
    except jlens.JlensError:
        return
    bounded = bound(source, DEFAULT_LIMITS)
    assert bounded.text == source or result(bounded.text) == result(source)


def test_distinct_is_given_a_bound():
    assert "> 2000" in bound("$distinct(a)", DEFAULT_LIMITS).text


def test_replace_is_given_a_bound():
    assert "> 2097152" in bound("a ~> $replace('x', 'y')", DEFAULT_LIMITS).text


@pytest.mark.parametrize(
    ("source", "digits"),
    [("a = 9007199254740993", "9007199254740993"), ("a = -9007199254740993", "-9007199254740993"),
     ("a = - /* no */ 9007199254740993", "-9007199254740993"), ("1.00000000000000000001", "1.00000000000000000001")],
)  # fmt: skip
def test_a_literal_beyond_a_double_is_marked(source, digits):
    bounded = bound(source, DEFAULT_LIMITS)
    assert bounded.marked
    assert f'"\ufdd0{digits}"' in bounded.text


def test_subtracting_is_no_sign():
    assert bound("a -9007199254740993", DEFAULT_LIMITS).text.startswith("a -{")


@pytest.mark.parametrize("source", ['"\ufdd0"', r'"\ufdd0"', r'"\uFDD0"'])
def test_the_mark_cannot_be_written(source):
    with pytest.raises(ExpressionRefused, match="FDD0"):
        bound(source, DEFAULT_LIMITS)


def test_in_cannot_look_for_a_number_beyond_a_double():
    with pytest.raises(ExpressionRefused, match="`in`"):
        bound("a in [9007199254740993]", DEFAULT_LIMITS)


@pytest.mark.parametrize("source", ["$now()", "$millis()", "$random() > 0.5", "$shuffle(a)", "$map(a, $random)"])
def test_what_asks_for_time_or_chance_is_known(source):
    assert bound(source, DEFAULT_LIMITS).volatile


def test_a_long_row_of_wildcards_is_read_without_depth():
    assert bound("*" * 9_999, DEFAULT_LIMITS).text == "*" * 9_999
