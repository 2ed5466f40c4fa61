"""What is refused when it is saved, and in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.expressions.compile import compile_expression, load_expression
from worksphere_hub.expressions.errors import ExpressionRefused
from worksphere_hub.expressions.limits import ExpressionLimits


@pytest.mark.parametrize(
    ("source", "position", "said"),
    [
        ("", None, "empty"),
        ("  \n", None, "empty"),
        ("a +", 3, "At character 4: Unexpected end of expression"),
        ("a b", 2, "At character 3: Syntax error"),
        ("(a", 2, "At character 3"),
        ('"abc', None, "tring"),
        ("[1..", None, "nd of expression"),
        ("a" * 10_001, None, "10001 characters; 10000 are allowed"),
        ("(" * 3_000 + "1" + ")" * 3_000, None, "nested too deeply"),
        ("[1..9000000]", 11, "9000000 items; 10000 are allowed"),
        ("[1..(3000*3000)]", None, "too large"),
        ("($f := function($x) { $f($x) }; $f(1))", None, "does not end in time"),
        ("($f := function($x) { 1 + $f($x) }; $f(1))", None, "without end"),
        ('$map([1..9000], function($i) { $pad("a", 99999) })', None, "in time"),
    ],
)
def test_what_is_refused_says_where_and_what(source, position, said):
    with pytest.raises(ExpressionRefused, match=said) as refused:
        compile_expression(source)
    assert refused.value.code == "invalid_expression"
    assert refused.value.status == 422
    assert refused.value.problems[0].field == "expression"
    if position is not None:
        assert refused.value.position == position


@pytest.mark.parametrize(
    "source", ["a + 1", "$sum(a)", "$number(a)", "$error('no')", "$assert(false, 'no')", "a.b > 1"]
)
def test_failing_for_want_of_data_is_fine(source):
    assert compile_expression(source).source == source


def test_it_is_tried_on_the_sample():
    source = "$map([1..n], function($i) { $map([1..n], function($j) { $i * $j }) })"
    assert compile_expression(source)
    assert compile_expression(source, sample={"n": 10})
    with pytest.raises(ExpressionRefused, match="sample"):
        compile_expression(source, sample={"n": 5_000})
    # What was saved before is not tried again.
    assert load_expression(source)


def test_the_same_source_is_compiled_once_for_the_same_limits():
    assert compile_expression("a.b") is compile_expression("a.b") is load_expression("a.b")
    other = load_expression("a.b", ExpressionLimits(timeout=20))
    assert other is not load_expression("a.b")
    assert other != load_expression("a.b")


@given(st.text(max_size=40) | st.text("ab$.[]{}()\"'`/*,;:=<>?!~|&^%@#+-0123456789 \\efnu", max_size=60))
def test_any_text_compiles_or_is_refused(source):
    try:
        expression, refused = compile_expression(source), None
    except ExpressionRefused as failure:
        expression, refused = None, failure
    assert expression.source == source if expression else 0 < len(refused.detail) < 500
