"""The language that is promised, and that evaluating it changes nothing and surprises nobody."""

import copy
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.expressions.samples import MESSAGE, number_texts, values
from worksphere_hub.expressions.compile import compile_expression, load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.expressions.limits import ExpressionLimits

BODY = json.dumps(MESSAGE).encode()

PROMISED = {
    # paths
    "type": "invoice.paid",
    "data.customer.name": "Ada Lovelace",
    "data.lines.sku": ["a1", "b2", "c3"],
    "data.lines[0].sku": "a1",
    "data.lines[-1].sku": "c3",
    "data.lines[[0..1]].sku": ["a1", "b2"],
    "data.missing.deeper": None,
    "data.`currency`": "EUR",
    "**.price": [12.5, 50, 5],
    "data.customer.*": ["Ada Lovelace", "ada@example.org", "vip", "eu"],
    "data.lines.(qty * price)": [25, 50, 25],
    "data.lines.sku[]": ["a1", "b2", "c3"],
    "data.lines#$i.{'n': $i, 'sku': sku}[0]": {"n": 0, "sku": "a1"},
    "data.lines.%.currency[0]": "EUR",
    # predicates, order, grouping
    "data.lines[qty > 1].sku": ["a1", "c3"],
    "data.lines[price = 50].sku": "b2",
    "data.lines[qty > 1 and price < 10].sku": "c3",
    "data.lines^(>qty).sku": ["c3", "a1", "b2"],
    "data.lines{sku: qty}": {"a1": 2, "b2": 1, "c3": 5},
    # operators
    "data.amount + 1 - 2 * 3 / 4 % 5": 99.5,
    "data.amount >= 100 and (data.currency = 'EUR' or false)": True,
    "'vip' in data.customer.tags": True,
    "data.currency != 'USD'": True,
    "'#' & data.id & '/' & data.amount": "#inv_7/100",
    "data.paid ? 'yes' : 'no'": "no",
    "data.nickname ?? data.customer.name": "Ada Lovelace",
    "data.nickname ?: 'nobody'": "nobody",
    # making objects and arrays
    '{"id": data.id, "total": $sum(data.lines.(qty * price))}': {"id": "inv_7", "total": 100},
    "[1..3, 7]": [1, 2, 3, 7],
    "[data.id, data.missing, null]": ["inv_7", None],
    "data ~> |$|{'amount': amount / 100}, ['lines', 'customer']|": {"id": "inv_7", "amount": 1, "currency": "EUR"},
    # functions of text
    "$uppercase(data.currency)": "EUR",
    "$substringBefore(data.customer.name, ' ')": "Ada",
    "$split('a,b', ',')": ["a", "b"],
    "$join(data.customer.tags, '+')": "vip+eu",
    "$contains(data.customer.email, '@example')": True,
    "$match(data.customer.email, /^(.+)@(.+)$/).groups[1]": "example.org",
    "$replace(data.id, /^inv_/, 'INV-')": "INV-7",
    "$replace('a.b.c', '.', '-', 1)": "a-b.c",
    "data.id ~> $replace('inv', 'no')": "no_7",
    "$trim('  x ')": "x",
    "$length('häß')": 3,
    "$pad('7', -3, '0')": "007",
    "$base64encode('hi')": "aGk=",
    "$encodeUrlComponent('a b')": "a%20b",
    # functions of numbers
    "$round($average(data.lines.price), 2)": 22.5,
    "$max(data.lines.qty)": 5,
    "$number('12.50')": 12.5,
    "$formatNumber(1234.5, '#,##0.00')": "1,234.50",
    "$string(0.1)": "0.1",
    # functions of arrays, objects, logic and time
    "$count(data.lines)": 3,
    "$distinct([1, 2, 1])": [1, 2],
    "$reverse([1, 2])": [2, 1],
    "$sort(data.lines, function($l, $r) { $l.price > $r.price }).sku": ["c3", "a1", "b2"],
    "$keys(data.customer)": ["name", "email", "tags"],
    "$merge([{'a': 1}, {'b': 2}])": {"a": 1, "b": 2},
    "$lookup(data, 'id')": "inv_7",
    "$type(data.lines)": "array",
    "$exists(data.missing)": False,
    "$not(false)": True,
    "$toMillis(timestamp)": 1795428000000,
    "$fromMillis(0)": "1970-01-01T00:00:00.000Z",
    # functions of one's own
    "$map(data.lines, function($line, $i) { $i & $line.sku })": ["0a1", "1b2", "2c3"],
    "$filter(data.lines, function($line) { $line.qty = 1 }).sku": "b2",
    "$reduce([1..4], function($a, $b) { $a * $b })": 24,
    "$sift(data.customer, function($v, $k) { $k ~> /^n/ })": {"name": "Ada Lovelace"},
    "($tax := 0.2; $gross := function($net) { $net * (1 + $tax) }; $gross(50))": 60,
    "($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $f(10))": 3628800,
    "data.id ~> $uppercase ~> $length": 5,
    "($first := $substring(?, 0, 3); $first(data.id))": "inv",
    "/* a remark */ data.id": "inv_7",
}


@pytest.mark.parametrize("source", PROMISED)
def test_the_language_that_is_promised(source):
    expression = compile_expression(source)
    expected = PROMISED[source]
    assert expression.evaluate(MESSAGE) == expected
    result = expression.shape_bytes(BODY)
    assert (None if result is None else json.loads(result)) == expected


@pytest.mark.parametrize(
    ("result", "truth"),
    [
        ("missing", False), ("null", False), ("false", False), ("true", True), ("0", False), ("0.1", True),
        ('""', False), ('"0"', True), ("[]", False), ("[0]", False), ("[0, 1]", True), ("[[]]", False), ("{}", False),
        ('{"a": 0}', True), ("$sum", False), ("function($x) { $x }", False), ("a", False),
        ("data.lines[qty > 9]", False), ("data", True), ("9007199254740993", True),
    ],
)  # fmt: skip
def test_what_counts_as_true(result, truth):
    assert compile_expression(result).truth(MESSAGE) is truth
    assert compile_expression(result).truth_bytes(BODY) is truth


def test_nothing_and_null_are_told_apart_in_bytes():
    assert compile_expression("missing").shape_bytes(b"{}") is None
    assert compile_expression("null").shape_bytes(b"{}") == b"null"


@given(number_texts)
def test_a_number_is_never_rounded_on_its_way_through(number):
    body = f'{{"a": {number}, "b": [{{"c": {number}}}]}}'.encode()
    for source in (
        "$",
        "a",
        "{'x': a}",
        "[a]",
        "b.c",
        "$map([a], function($v) { $v })",
        "$append(a, b)",
        "$merge([$])",
    ):
        result = load_expression(source).shape_bytes(body)
        shown = json.loads(result, parse_float=Decimal, parse_int=Decimal)
        while isinstance(shown, (dict, list)):
            shown = next(iter(shown.values() if isinstance(shown, dict) else shown))
        assert shown == Decimal(number)
    assert load_expression("a = b.c").truth_bytes(body)


LONG = b'{"a": 9007199254740993, "b": 9007199254740993, "c": 9007199254740992, "d": [3, 9007199254740993]}'


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("a", b"9007199254740993"),
        ("{'id': $string(a), 'line': 'no. ' & a}", b'{"id":"9007199254740993","line":"no. 9007199254740993"}'),
        ("{$string(a): 1}", b'{"9007199254740993":1}'),
        ("$string($.{'x': a})", b'"{\\"x\\":9007199254740993}"'),
        ("a = b and a != c", b"true"),
        ("a = 9007199254740993", b"true"),
        ("a = 9007199254740992", b"false"),
        ("d[$ = 9007199254740993]", b"9007199254740993"),
        ("-9007199254740993", b"-9007199254740993"),
        ("c + 1", b"9007199254740992"),
    ],
)
def test_what_can_be_done_with_a_number_beyond_a_double(source, result):
    assert compile_expression(source).shape_bytes(LONG) == result


@pytest.mark.parametrize(
    "source",
    [
        "a + 1",
        "a > 5",
        "-a",
        "$sum(d)",
        "$max(d)",
        "$sort(d)",
        "$number(a)",
        "$round(a)",
        "$length(a)",
        "$keys(a)",
        "**",
    ],
)
def test_what_cannot_is_an_error_and_never_a_wrong_number(source):
    with pytest.raises(ExpressionFailed):
        compile_expression(source).shape_bytes(LONG)


def test_decoded_values_keep_their_numbers_too():
    assert compile_expression("a").evaluate({"a": 2**80 + 1}) == 2**80 + 1
    assert compile_expression("a").evaluate({"a": Decimal("1.00000000000000000001")}) == Decimal(
        "1.00000000000000000001"
    )
    assert compile_expression("[1.5, a]").evaluate({"a": 2**80 + 1}) == [1.5, 2**80 + 1]


ANY = [
    *PROMISED,
    "$",
    "a",
    "b.c",
    "a + b",
    "$string($)",
    "$sum(a)",
    "a[b]",
    "**",
    "*",
    "$keys($)",
    "$number(a)",
    "$sort(*)",
]


def outcome(evaluate, given):
    """What an evaluation gives, and its failure; anything else it raises is a fault."""
    try:
        return evaluate(given), None
    except ExpressionFailed as failure:
        return None, failure


def exactly(value):
    """A JSON value with its numbers as decimals, which compare by value."""
    return json.loads(json.dumps(value), parse_int=Decimal, parse_float=Decimal)


@given(values, st.sampled_from(ANY))
def test_any_value_gives_json_or_fails_and_is_not_changed(value, source):
    before = copy.deepcopy(value)
    expression = load_expression(source)
    result, failure = outcome(expression.evaluate, value)
    json.dumps(result, allow_nan=False, default=str)
    assert failure is None or len(failure.detail) <= 200
    truth, failure = outcome(expression.truth, value)
    assert truth in ((True, False) if failure is None else (None,))
    assert value == before


@given(values)
def test_the_whole_value_comes_back_as_it_was(value):
    result, failure = outcome(load_expression("$").evaluate, value)
    assert exactly(result) == exactly(value) if failure is None else failure.reason == "inexact"


@given(st.binary(max_size=60), st.sampled_from(["$", "a", "$string($)"]))
def test_any_bytes_give_json_or_fail(body, source):
    result, failure = outcome(load_expression(source).shape_bytes, body)
    if failure:
        assert failure.reason in {"input", "inexact", "error"}
    elif result is not None:
        json.loads(result)


@pytest.mark.parametrize("value", [{1, 2}, object(), {"a": {1: object()}}, "\ud800", {"a": 2**99, "b": object()}])
def test_what_is_not_json_is_refused_or_becomes_json(value):
    result, failure = outcome(load_expression("$").evaluate, value)
    assert json.dumps(result) if failure is None else failure.reason == "input"


@pytest.mark.parametrize(
    ("source", "reason", "said"),
    [
        ("a + 1", "error", "at `+` (character 1): the left side of an operator is not a number [T2001]"),
        ("$number(a)", "error", "at `number` (character 1): a value cannot be made a number [D3030]"),
        ("$error('see ' & a)", "error", "it called $error [D3137]"),
        ("$assert(false, a)", "error", "an $assert did not hold [D3141]"),
        ("$toMillis(a)", "error", "at `toMillis`"),
        ("{[a]: 1}", "error", "the key of an object is not a text [T1003]"),
        ("-a", "error", "a minus sign stands before something that is not a number [D1002]"),
        ("nothing(a)", "error", "is not a function [T1006]"),
        ("1 / 0", "error", "a number is out of range [D1001]"),
        ("$pad(a, 1000000) & $pad(a, 1000000)", "too_large", "too large"),
        ("($f := function($x) { 1 + $f($x) }; $f(1))", "too_deep", "call each other too deeply"),
        ("($f := function($x) { $f($x) }; $f(1))", "steps", "it took too many steps"),
        ("[1..n]", "too_large", "A range has too many items."),
        ("$distinct($append([1..2000], [3..9]))", "too_large", "$distinct was given too many items."),
        ("$replace($pad('', 9000, 'c'), 'c', $pad('', 9000, 'b'))", "too_large", "$replace would make a text"),
    ],
)
def test_a_failure_says_what_and_where_and_nothing_of_the_payload(source, reason, said):
    with pytest.raises(ExpressionFailed) as failed:
        # Time enough, so that on a busy machine too it is the number of steps that ends the loop.
        load_expression(source, ExpressionLimits(timeout=1000)).shape_bytes(b'{"a": "s3cr3t", "n": 9000000}')
    assert failed.value.reason == reason
    assert said in failed.value.detail
    assert len(failed.value.detail) <= 200
    assert "s3cr3t" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_the_position_is_that_of_the_source_for_filters_too():
    with pytest.raises(ExpressionFailed, match="character 6"):
        load_expression("true?a + 1 : 0").truth_bytes(b'{"a": "x"}')


def test_time_and_chance_can_be_fixed():
    expression = compile_expression('{"at": $now(), "dice": $random(), "cards": $shuffle([1, 2, 3, 4])}')
    assert expression.volatile
    first, second = (expression.shape_bytes(b"{}", now="2026-11-23T10:00:00.5Z", seed=7) for _ in range(2))
    assert first == second
    assert json.loads(first)["at"] == "2026-11-23T10:00:00.500Z"
    assert expression.shape_bytes(b"{}", now="2026-11-23T10:00:00.5Z", seed=8) != first
    assert not compile_expression("$count($)").volatile


def test_expressions_are_equal_by_source_and_limits():
    assert load_expression("a.b.c") == load_expression("a.b.c")
    assert load_expression("a.b.c") != load_expression("a.b.d")
    assert len({load_expression("a.b.c"), load_expression("a.b.c", ExpressionLimits(depth=9))}) == 2
    assert repr(load_expression("a")) == "Expression('a')"
