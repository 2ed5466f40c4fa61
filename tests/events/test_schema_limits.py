"""Hostile schemas are refused before anything runs them."""

import pytest

from worksphere_hub.events.contracts import compile_schema
from worksphere_hub.events.schema_limits import DEPTH_LIMIT, DRAFT_07, DRAFT_2020, dialect, refusals, resolve


def chain(length, link):
    """Definitions each of which refers to the next one, `link` saying how."""
    named = {f"d{n}": link({"$ref": f"#/$defs/d{n + 1}"}) for n in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**named, f"d{length}": {"type": "object"}}}


def nested(levels):
    schema = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


REFUSED = {
    "fetched": ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "must point into this schema itself"),
    "a file": ({"$ref": "file:///etc/passwd"}, "must point into this schema itself"),
    "relative": ({"$ref": "other.json#/a"}, "must point into this schema itself"),
    "an anchor": ({"$ref": "#here", "$anchor": "here"}, "must point into this schema itself"),
    "nowhere": ({"$ref": "#/$defs/none"}, "points at nothing"),
    "no schema": ({"$ref": "#/required", "required": ["a"]}, "points at nothing"),
    "another base": ({"properties": {"a": {"$id": "https://example.com/"}}}, "at the top of the schema only"),
    "dynamic": ({"$dynamicRef": "#a"}, "is not taken"),
    "draft 4": ({"$schema": "http://json-schema.org/draft-04/schema#"}, "2020-12"),
    "a dialect of their own": ({"$schema": "https://example.com/dialect"}, "2020-12"),
    "deep": (nested(DEPTH_LIMIT + 1), "nested deeper"),
    "itself": ({"$ref": "#"}, "would never end"),
    "itself, the long way": (chain(3, lambda ref: {"allOf": [ref, {"$ref": "#"}]}), "would never end"),
    "doubling": (chain(30, lambda ref: {"allOf": [ref, ref]}), "asks about one value"),
    "doubling by alternatives": (chain(30, lambda ref: {"anyOf": [ref], "not": ref}), "asks about one value"),
    "doubling by level": (
        {"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]},
        "asks about one value",
    ),
    "doubling by pattern": (
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"$ref": "#"}}},
        "asks about one value",
    ),
    "doubling by item": ({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}, "asks about one value"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_schema_that_is_refused_says_why(name):
    schema, why = REFUSED[name]
    (problem, *_) = refusals(schema, 100)
    assert why in problem.message
    assert problem.field.startswith("schema")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": DRAFT_2020, "$id": "https://example.com/me"},
        {"$schema": f"{DRAFT_07}#", "definitions": {"a": {}}, "properties": {"x": {"$ref": "#/definitions/a"}}},
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {"$defs": {"a/b~c d": {}}, "$ref": "#/$defs/a~1b~0c%20d"},
        chain(10, lambda ref: {"properties": {"a": ref, "b": ref}}),
        nested(DEPTH_LIMIT),
    ],
)
def test_what_is_harmless_is_taken(schema):
    assert refusals(schema, 100) == []
    compile_schema(schema)


def test_size_is_bounded():
    (problem,) = refusals({}, 65_537)
    assert problem.message == "has 65537 bytes; the limit is 65536"


def test_the_bound_is_about_what_the_validator_really_does():
    """The longest doubling that passes asks a few hundred times; one of thirty would never come back."""
    longest = max(n for n in range(30) if not refusals(chain(n, lambda ref: {"allOf": [ref, ref]}), 100))
    assert 5 < longest < 12
    assert compile_schema(chain(longest, lambda ref: {"allOf": [ref, ref]})).is_valid({})


def test_judging_the_most_involved_schema_comes_to_an_end():
    many = {f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{(n * 7 + 1) % 900}"}}} for n in range(900)}
    assert refusals({"$defs": many, "properties": {name: {"$ref": f"#/$defs/{name}"} for name in many}}, 65_000) == []


def test_a_pointer_leads_where_it_says():
    root = {"a": [{"b": {"type": "string"}}]}
    assert resolve(root, "#/a/0/b") == {"type": "string"}
    assert resolve(root, "#") is root
    assert [resolve(root, pointer) for pointer in ("#/a", "#/a/1", "#/a/x", "#/a/0/b/type/c")] == [None] * 4
    assert dialect({}) == DRAFT_2020
