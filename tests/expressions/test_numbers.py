"""No number is rounded on its way through, and no text is taken for one."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.expressions.samples import number_texts, values
from worksphere_hub.expressions.numbers import MARK, is_exact, mark, marked, may_be_inexact, read_number, restore


@pytest.mark.parametrize(
    ("number", "exact"),
    [
        ("0", True), ("-0", True), ("0.1", True), ("1.10", True), ("1e3", True), ("9007199254740991", True),
        ("9007199254740992", True), ("9007199254740993", False), ("-9007199254740993", False),
        ("1.00000000000000000001", False), ("3.141592653589793", True), ("3.14159265358979323", False),
        ("1e400", False), ("-1e400", False), ("1e-400", False), ("0e-400", True), ("1e9999999999999999999", False),
        ("1e-9999999999999999999", False), ("100000000000000000000000", True), ("5e-324", True), ("3e-324", False),
    ],
)  # fmt: skip
def test_a_number_is_exact_if_a_double_gives_it_back(number, exact):
    assert is_exact(number) is exact


@given(number_texts)
def test_what_is_exact_keeps_its_value(number):
    if is_exact(number):
        assert Decimal(repr(float(number))) == Decimal(number)
    assert Decimal(str(read_number(number))) == Decimal(number)


@given(number_texts, st.sampled_from(["%s", "[%s]", '{"a":%s}', '{"a": %s}', "[1,\n%s]", '{"a":[[%s,null]]}']))
def test_each_number_that_is_not_exact_is_marked_wherever_it_stands(number, template):
    text = template % number
    replaced = mark(text.encode())
    if is_exact(number):
        assert replaced is None
    else:
        assert may_be_inexact(text.encode())
        assert replaced == template % marked(number)
        assert restore(replaced) == text


@given(values)
def test_marking_and_restoring_gives_the_same_text(value):
    text = json.dumps(value, ensure_ascii=False)
    if MARK in text:
        return
    replaced = mark(text.encode())
    assert replaced is None or restore(replaced) == text


@given(number_texts)
def test_a_text_of_digits_is_left_alone(number):
    assert mark(json.dumps({number: [number, f" {number}", f":{number}", f'\\":{number}']}).encode()) is None


def test_a_marked_number_is_restored_within_texts_within_texts():
    text = marked("9007199254740993")
    for _ in range(3):
        text = json.dumps(text, ensure_ascii=False)
    assert json.loads(json.loads(json.loads(restore(text)))) == "9007199254740993"


@pytest.mark.parametrize("forged", [f'"{MARK}"', r'"\ufdd0"', r'"\uFDD0"', r'"\uFdD0"'])
def test_the_mark_cannot_be_forged(forged):
    assert mark(f"[{forged}]".encode()) is None
    with pytest.raises(ValueError, match="mark"):
        mark(f"[9007199254740993, {forged}]".encode())


def test_a_number_taken_apart_is_not_sent_as_if_it_were_whole():
    for apart in (f'"{MARK}"', f'"{MARK}9007199254740993"', f'{{"{MARK}":1}}'):
        with pytest.raises(ValueError, match="apart"):
            restore(apart)
