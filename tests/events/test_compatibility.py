"""What changed for consumers: by hand, and by asking a validator whether they would have been surprised."""

import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worksphere_hub.events.compatibility import breaking, compare
from worksphere_hub.events.contracts import compile_schema

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def thing(required=(), *, closed=None, **fields):
    made = {"type": "object", "properties": fields}
    if required:
        made["required"] = list(required)
    return made if closed is None else {**made, "additionalProperties": closed}


def of(schema):
    return {"type": "array", "items": schema}


# old, new, the kinds of breaking changes in order.
PAIRS = {
    "nothing": (thing(a=TEXT), thing(a=TEXT), []),
    "words for people": (thing(a=TEXT), {**thing(a={**TEXT, "description": "A"}), "title": "Thing"}, []),
    "order of fields": (thing(a=TEXT, b=WHOLE), thing(b=WHOLE, a=TEXT), []),
    "field added": (thing(a=TEXT), thing(a=TEXT, b=TEXT), []),
    "field added to a closed object": (
        thing(a=TEXT, closed=False),
        thing(a=TEXT, b=TEXT, closed=False),
        ["field_added"],
    ),
    "field added that the rest allowed": (thing(closed=TEXT), thing(b={"enum": ["x"]}, closed=TEXT), []),
    "field added that the rest did not allow": (thing(closed=TEXT), thing(b=WHOLE, closed=TEXT), ["type_widened"]),
    "field removed": (thing(a=TEXT, b=TEXT), thing(a=TEXT), ["field_removed"]),
    "required field removed": (thing(["a"], a=TEXT), thing(), ["field_removed"]),
    "made optional": (thing(["a"], a=TEXT), thing(a=TEXT), ["field_made_optional"]),
    "made required": (thing(a=TEXT), thing(["a"], a=TEXT), []),
    "only its presence promised, and not any more": ({"required": ["a"]}, {}, ["field_made_optional"]),
    "type widened": (thing(a=TEXT), thing(a={"type": ["string", "null"]}), ["type_widened"]),
    "type narrowed": (thing(a={"type": ["string", "null"]}), thing(a=TEXT), []),
    "type given up": (thing(a=TEXT), thing(a={}), ["type_widened"]),
    "type first said": (thing(a={}), thing(a=TEXT), []),
    "integer to number": (WHOLE, {"type": "number"}, ["type_widened"]),
    "number to integer": ({"type": "number"}, WHOLE, []),
    "another type": (TEXT, WHOLE, ["type_widened"]),
    "enum value added": ({"enum": ["a"]}, {"enum": ["a", "b"]}, ["value_added"]),
    "enum value removed": ({"enum": ["a", "b"]}, {"enum": ["a"]}, []),
    "enum given up": ({"type": "string", "enum": ["a"]}, TEXT, ["values_unlisted"]),
    "enum first said": (TEXT, {"enum": ["a"]}, []),
    "const to enum": ({"const": "a"}, {"enum": ["a", "b"]}, ["value_added"]),
    "true is not one": ({"const": 1}, {"const": True}, ["type_widened", "value_added"]),
    "longer texts": ({**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 6}, ["bound_loosened"]),
    "shorter texts": ({**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 4}, []),
    "no longest text": ({**TEXT, "maxLength": 5}, TEXT, ["bound_removed"]),
    "a least number": (WHOLE, {**WHOLE, "minimum": 0}, []),
    "a smaller least number": ({**WHOLE, "minimum": 0}, {**WHOLE, "minimum": -1}, ["bound_loosened"]),
    "at least none": (of(TEXT), {**of(TEXT), "minItems": 0}, []),
    "coarser steps": ({**WHOLE, "multipleOf": 5}, {**WHOLE, "multipleOf": 10}, []),
    "finer steps": ({**WHOLE, "multipleOf": 10}, {**WHOLE, "multipleOf": 5}, ["multipleOf_changed"]),
    "pattern changed": ({**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, ["pattern_changed"]),
    "pattern added": (TEXT, {**TEXT, "pattern": "a"}, []),
    "format given up": ({**TEXT, "format": "email"}, TEXT, ["format_removed"]),
    "closed": (thing(a=TEXT), thing(a=TEXT, closed=False), []),
    "opened": (thing(a=TEXT, closed=False), thing(a=TEXT), ["opened"]),
    "rest widened": (thing(closed=TEXT), thing(closed={"type": ["string", "null"]}), ["type_widened"]),
    "items widened": (of(TEXT), of({"type": ["string", "null"]}), ["type_widened"]),
    "items twice": ({**of(TEXT), "uniqueItems": True}, of(TEXT), ["uniqueItems_removed"]),
    "first item of another type": ({"prefixItems": [TEXT]}, {"prefixItems": [WHOLE]}, ["type_widened"]),
    "one item more described": (
        {"prefixItems": [TEXT], "items": TEXT},
        {"prefixItems": [TEXT, TEXT], "items": TEXT},
        [],
    ),
    "one item less described": ({"prefixItems": [TEXT, TEXT]}, {"prefixItems": [TEXT]}, ["type_widened"]),
    "alternative added": ({"anyOf": [TEXT]}, {"anyOf": [TEXT, WHOLE]}, ["alternative_added"]),
    "alternative removed": ({"anyOf": [TEXT, WHOLE]}, {"anyOf": [WHOLE]}, []),
    "alternative changed": ({"oneOf": [thing(a=TEXT)]}, {"oneOf": [thing(a=WHOLE)]}, ["alternative_added"]),
    "one alternative left": ({"anyOf": [TEXT, WHOLE]}, TEXT, []),
    "none of the alternatives": ({"anyOf": [TEXT, WHOLE]}, {"type": "null"}, ["anyOf_removed"]),
    "alternatives first said": (TEXT, {**TEXT, "anyOf": [{"minLength": 1}, {"format": "email"}]}, []),
    "more of all": ({"allOf": [TEXT]}, {"allOf": [TEXT, {"minLength": 1}]}, []),
    "less of all": ({"allOf": [TEXT, {"minLength": 1}]}, {"allOf": [TEXT]}, ["bound_removed"]),
    "one of all moved up": ({"allOf": [thing(a=TEXT)]}, thing(a=TEXT), []),
    "not any more": ({"not": TEXT}, {}, ["not_removed"]),
    "not something else": ({"not": TEXT}, {"not": WHOLE}, ["not_changed"]),
    "not, by another name": ({"not": {"$ref": "#/$defs/a"}, "$defs": {"a": TEXT}}, {"not": TEXT}, []),
    "condition changed": ({"if": TEXT, "then": {"minLength": 1}}, {"if": TEXT, "then": {}}, ["then_changed"]),
    "contains taken back": ({"contains": TEXT}, {"contains": TEXT, "minContains": 0}, ["minContains_added"]),
    "names of fields": ({"propertyNames": {"maxLength": 3}}, {"propertyNames": {"maxLength": 4}}, ["bound_loosened"]),
    "fields by pattern": (
        {"patternProperties": {"^x": TEXT}},
        {"patternProperties": {"^x": WHOLE}},
        ["type_widened"],
    ),
    "other patterns": ({"patternProperties": {"^x": TEXT}}, {}, ["patternProperties_changed"]),
    "named instead of written out": (
        thing(a=thing(b=TEXT)),
        {**thing(a={"$ref": "#/$defs/a"}), "$defs": {"a": thing(b=TEXT)}},
        [],
    ),
    "what is named has changed": (
        {**thing(a={"$ref": "#/$defs/a"}), "$defs": {"a": TEXT}},
        {**thing(a={"$ref": "#/$defs/a"}), "$defs": {"a": WHOLE}},
        ["type_widened"],
    ),
    "a tree": (thing(v=TEXT, next={"$ref": "#"}), thing(v=TEXT, next={"$ref": "#"}, more=TEXT), []),
    "left over": (
        {**thing(a=TEXT), "unevaluatedProperties": False},
        {**thing(a=TEXT, b=TEXT), "unevaluatedProperties": False},
        ["unevaluated"],
    ),
    "nothing is sent": (thing(a=TEXT), thing(a=False), []),
    "something is sent again": (thing(a=False), thing(a=TEXT), ["opened"]),
    "another dialect": (TEXT, {**TEXT, "$schema": "http://json-schema.org/draft-07/schema#"}, ["dialect"]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_verdict(name):
    old, new, expected = PAIRS[name]
    found = compare(old, new)
    kinds = list(dict.fromkeys(change.kind for change in breaking(found)))
    assert kinds == expected, found
    assert all(change.path.startswith("data") and change.message.endswith(".") for change in found)


def test_a_change_says_where():
    old = thing(lines=of(thing(price=WHOLE, by={"additionalProperties": TEXT})))
    new = thing(lines=of(thing(price={"type": "number"}, by={"additionalProperties": WHOLE})))
    paths = [change.path for change in breaking(compare(old, new))]
    assert paths == ["data.lines[].price", "data.lines[].by.*"]


def test_schemas_too_involved_are_called_breaking():
    def chain(length, last):
        named = {
            f"d{n}": thing(a={"$ref": f"#/$defs/d{n + 1}"}, b={"$ref": f"#/$defs/d{n + 1}"}) for n in range(length)
        }
        return {"$ref": "#/$defs/d0", "$defs": {**named, f"d{length}": last}}

    (change,) = compare(chain(20, TEXT), chain(20, WHOLE))
    assert (change.kind, change.breaking) == ("unjudged", True)


NAMES = ("a", "b")
scalars = st.one_of(
    st.just({}),
    st.just(True),
    st.just(False),
    st.sampled_from([TEXT, WHOLE, {"type": "number"}, {"type": "null"}, {"type": ["string", "null"]}]),
    st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 2)),
    st.builds(lambda n: {"type": "string", "minLength": n}, st.integers(0, 2)),
    st.builds(lambda n: {"minimum": n}, st.integers(-1, 1)),
    st.builds(lambda n: {"type": "integer", "exclusiveMaximum": n}, st.integers(0, 2)),
    st.builds(lambda n: {"multipleOf": n}, st.integers(1, 4)),
    st.builds(
        lambda v: {"enum": v}, st.lists(st.sampled_from(["", "x", 0, 1, 1.5, None, True]), min_size=1, max_size=3)
    ),
    st.builds(lambda v: {"const": v}, st.sampled_from(["x", 1, True, [], {}])),
    st.builds(lambda v: {"pattern": v}, st.sampled_from(["^x", "y$"])),
)


def composed(inner):
    fields = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": fields,
            "required": st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "^c"]), inner, max_size=1),
            "propertyNames": st.just({"maxLength": 1}),
            "minProperties": st.integers(0, 2),
            "unevaluatedProperties": st.booleans(),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "contains": inner,
            "minContains": st.integers(0, 1),
            "unevaluatedItems": st.booleans(),
        },
    )
    several = st.lists(inner, min_size=1, max_size=2)
    mixed = st.one_of(
        st.builds(lambda v: {"anyOf": v}, several),
        st.builds(lambda v: {"allOf": v}, several),
        st.builds(lambda v: {"not": v}, inner),
        st.builds(lambda i, t, e: {"if": i, "then": t, "else": e}, inner, inner, inner),
        st.builds(lambda v, f: {"allOf": v, "properties": f, "unevaluatedProperties": False}, several, fields),
    )
    return st.one_of(objects, arrays, mixed)


schemas = st.recursive(scalars, composed, max_leaves=6)
SCALARS = [None, True, 0, 1, 2, -1, 1.5, 6, "", "x", "xy", "y"]
SMALL = [*SCALARS, [], {}, ["x"], {"a": 1}]
# Every small value there is, so that a difference is not left to luck.
UNIVERSE = [
    *SMALL,
    *([one] for one in SMALL),
    *([one, two] for one, two in itertools.product(SMALL, ["x", 1, None, {}])),
    *([one, "x", 1] for one in ["x", 1, None]),
    *({name: one} for name, one in itertools.product([*NAMES, "c", "cd"], SMALL)),
    *({"a": one, "b": two} for one, two in itertools.product(SMALL, ["x", 1, None])),
    *({"a": one, "c": two} for one, two in itertools.product(["x", 1, None], SMALL)),
]


@st.composite
def changed(draw):
    """A schema and one that differs from it in a place or two."""
    old = draw(schemas)
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        new = alter(draw, new)
    return old, new


def alter(draw, schema):
    """Another schema that is mostly this one."""
    if not isinstance(schema, dict) or not schema:
        return draw(schemas)
    way = draw(st.sampled_from(["replace", "drop", "merge", "inside", "inside"]))
    name = draw(st.sampled_from(sorted(schema)))
    if way == "replace":
        return draw(schemas)
    if way == "drop":
        return {key: value for key, value in schema.items() if key != name}
    if way == "merge":
        other = draw(schemas)
        return {**schema, **other} if isinstance(other, dict) else schema
    return {**schema, name: alter_value(draw, name, schema[name])}


def alter_value(draw, name, value):
    """Another value of a keyword."""
    if name in {"properties", "patternProperties"}:
        field = draw(st.sampled_from(NAMES)) if name == "properties" else "^a"
        return {**value, field: alter(draw, value.get(field, {}))}
    if name in {"anyOf", "allOf", "prefixItems"}:
        at = draw(st.integers(0, len(value)))
        return [*value[:at], alter(draw, (value[at:] or [{}])[0]), *value[at + draw(st.integers(0, 1)) :]]
    if name in {"enum", "required"}:
        return [*value[1:], draw(st.sampled_from(SCALARS))] if name == "enum" else value[1:]
    if name not in {"const", "type"} and (isinstance(value, dict) or value is True or value is False):
        return not value if name == "uniqueItems" else alter(draw, value)
    if isinstance(value, int) and name != "const":
        return draw(st.integers(1, 4)) if name == "multipleOf" else draw(st.integers(0, 2))
    return value


def as_object(schema):
    return schema if isinstance(schema, dict) else {"allOf": [schema]}


@settings(max_examples=1200, deadline=None)
@given(pair=changed())
def test_what_consumers_would_not_have_taken_is_flagged(pair):
    """Data that the new schema lets through and the old one would not have: then some change is called breaking."""
    old, new = map(as_object, pair)
    then, now = compile_schema(old), compile_schema(new)
    surprising = [value for value in UNIVERSE if now.is_valid(value) and not then.is_valid(value)]
    assert not surprising or breaking(compare(old, new)), surprising


@settings(max_examples=150, deadline=None)
@given(schema=schemas)
def test_a_schema_beside_itself_has_no_changes(schema):
    assert compare(as_object(schema), as_object(copy.deepcopy(schema))) == []


@settings(max_examples=150, deadline=None)
@given(schema=schemas, other=schemas)
def test_asking_for_more_breaks_nobody(schema, other):
    old = as_object(schema)
    assert not breaking(compare({"allOf": [old]}, {"allOf": [old, other]}))
