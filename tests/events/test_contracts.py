import pytest

from worksphere_hub.events.contracts import check_sample, check_schema, compile_contract, fit
from worksphere_hub.events.errors import InvalidEventType
from worksphere_hub.events.schema_limits import DRAFT_07

INVOICE = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 1}, "mail": {"type": "string", "format": "email"}},
    "additionalProperties": False,
}


def problem_of(schema):
    with pytest.raises(InvalidEventType) as refused:
        check_schema(schema)
    return refused.value.problems[0]


def test_data_that_keeps_to_the_contract_and_data_that_does_not():
    contract = compile_contract(INVOICE)
    assert contract.problems(b'{"amount": 1, "mail": "ada@example.com"}', "data") == ()
    found = {each.field: each.message for each in contract.problems(b'{"amount": 0, "mail": "x", "b": 1}', "data")}
    assert found == {
        "data.amount": "must be at least 1",
        "data.mail": "must have the format email",
        "data": "has a field that the contract does not know",
    }


@pytest.mark.parametrize("data", [b"1e999", b'"\\ud800"'])
def test_data_that_cannot_be_held_is_a_violation_and_no_crash(data):
    (problem,) = compile_contract({"type": "string"}).problems(data, "data")
    assert problem.field == "data"


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?<!a)b", "(a{1000}){1000}", "("])
@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_a_pattern_that_is_not_linear_is_refused(pattern, place):
    schema = {"pattern": pattern} if place == "pattern" else {"patternProperties": {pattern: {}}}
    assert "linear time" in problem_of({"properties": {"a": schema}}).message


def test_a_pattern_that_ruins_others_runs_in_no_time():
    contract = compile_contract({"pattern": "^(a+)+$"})
    assert contract.problems(b'"' + b"a" * 100_000 + b'!"', "data")


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"type": "strin"}, "schema.type"),
        ({"required": "a"}, "schema.required"),
        ({"minLength": -1}, "schema.minLength"),
    ],
)
def test_what_is_no_json_schema_is_refused_where_it_is_wrong(schema, where):
    problem = problem_of(schema)
    assert problem.field == where
    assert "is not JSON Schema" in problem.message


def test_draft_07_is_read_by_its_own_rules():
    old = {"$schema": f"{DRAFT_07}#", "items": [{"type": "string"}], "additionalItems": False}
    check_schema(old)
    assert fit(old, ["a"]) == ()
    assert fit(old, ["a", "b"])


def test_a_sample_has_to_fit():
    check_sample(INVOICE, {"amount": 5})
    with pytest.raises(InvalidEventType) as refused:
        check_sample(INVOICE, {"amount": "5"})
    assert [(each.field, each.message) for each in refused.value.problems] == [
        ("sample.amount", "must be of type integer")
    ]


def test_of_large_data_only_the_first_problem_is_told():
    """Half a million problems would be found before the first of them could be told."""
    contract = compile_contract({"items": {"type": "string"}})
    assert len(contract.problems(b"[" + b"1," * 100 + b"1]", "data")) == 10
    (first,) = contract.problems(b"[" + b"1," * 400_000 + b"1]", "data")
    assert (first.field, first.message) == ("data.0", "must be of type string")


def test_numbers_beyond_64_bits_are_whole_numbers_still():
    check_schema({"maximum": 10**30})
    assert fit({"type": "integer", "maximum": 10**31}, 10**30) == ()
