import pytest
from hypothesis import given, settings

from tests.events.test_compatibility import as_object, schemas
from worksphere_hub.events.contracts import fit
from worksphere_hub.events.sample import make_sample

NODE = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}}}


@pytest.mark.parametrize(
    ("schema", "sample"),
    [
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "number", "maximum": -2}, -2),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T12:00:00Z"),
        ({"enum": ["b", "a"]}, "b"),
        ({"examples": ["made"], "type": "string"}, "made"),
        ({"type": ["null", "string"]}, "text"),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        (
            {
                "allOf": [{"$ref": "#/$defs/a"}, {"required": ["b"]}],
                "$defs": {"a": {"properties": {"b": {"const": 1}}}},
            },
            {"b": 1},
        ),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"not": {}}, None),
        ({"type": "string", "pattern": "^[0-9]{7}$"}, None),
        ({"required": ["a"], "properties": {"a": False}}, None),
    ],
)
def test_a_sample_of_a_schema(schema, sample):
    assert make_sample(schema) == sample


def test_a_schema_that_contains_itself_comes_to_an_end():
    sample = make_sample(NODE)
    assert sample["v"] == sample["next"]["v"] == 1
    assert make_sample({**NODE, "required": ["next"]}) is None


@settings(max_examples=200, deadline=None)
@given(schema=schemas)
def test_a_sample_keeps_to_its_schema_and_is_always_the_same(schema):
    whole = as_object(schema)
    sample = make_sample(whole)
    assert sample == make_sample(whole)
    assert sample is None or fit(whole, sample) == ()
