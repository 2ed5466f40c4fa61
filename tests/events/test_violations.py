"""What is said of data never repeats the data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.events.contracts import compile_schema
from worksphere_hub.events.violations import PROBLEM_LIMIT, problems_of

SECRET = "sk_live_4f0a"
SCHEMAS = [
    {"type": "integer"},
    {"enum": ["a"]},
    {"const": 1},
    {"maxLength": 2},
    {"minLength": 50},
    {"pattern": "^x"},
    {"format": "email", "type": "string"},
    {"anyOf": [{"type": "integer"}, {"maxLength": 1}]},
    {"oneOf": [{"type": "integer"}, {"type": "null"}]},
    {"not": {"type": "string"}},
    False,
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
@pytest.mark.parametrize("place", ["field", "item", "rest"])
def test_no_value_is_repeated(schema, place):
    whole, data = {
        "field": ({"properties": {"a": schema}}, {"a": SECRET}),
        "item": ({"items": schema}, [SECRET]),
        "rest": ({"additionalProperties": schema}, {"a": SECRET}),
    }[place]
    found = problems_of(compile_schema(whole).iter_errors(data), "data")
    assert found
    assert SECRET not in str(found)
    closed = place == "rest" and schema is False
    assert found[0].field == ("data" if closed else "data.0" if place == "item" else "data.a")
    assert "does not keep to" not in found[0].message


@pytest.mark.parametrize(
    "schema",
    [
        {"maxProperties": 0}, {"minProperties": 9}, {"required": ["b"]}, {"propertyNames": {"maxLength": 0}},
        {"additionalProperties": False}, {"unevaluatedProperties": False}, {"dependentRequired": {"a": ["b"]}},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_objects_are_told_of_without_what_is_in_them(schema):
    found = problems_of(compile_schema(schema).iter_errors({"a": SECRET}), "data")
    assert found
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "schema",
    [
        {"maxItems": 1}, {"minItems": 9}, {"uniqueItems": True}, {"contains": {"type": "integer"}},
        {"prefixItems": [{}], "items": False}, {"prefixItems": [{}], "unevaluatedItems": False},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_lists_are_told_of_without_what_is_in_them(schema):
    found = problems_of(compile_schema(schema).iter_errors([SECRET, SECRET]), "data")
    assert found
    assert SECRET not in str(found)


def test_only_the_first_ten_are_told():
    assert len(problems_of(compile_schema({"items": False}).iter_errors(list(range(50))), "data")) == PROBLEM_LIMIT


@given(name=st.text(min_size=1, max_size=300))
def test_names_are_cut_to_what_can_be_read(name):
    (problem,) = problems_of(compile_schema({"additionalProperties": {"type": "null"}}).iter_errors({name: 1}), "data")
    assert len(problem.field) <= 70
