import pytest

from worksphere_hub.events.contracts import fit
from worksphere_hub.events.schema_limits import refusals
from worksphere_hub.events.schema_refs import cut_out, embedded

MONEY = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


def test_references_go_along_into_a_larger_document():
    schema = {
        "$schema": "x",
        "$id": "y",
        "$defs": {"money": MONEY},
        "properties": {
            "total": {"$ref": "#/$defs/money"},
            "$ref": {"const": {"$ref": "#/kept"}},
            "again": {"$ref": "#"},
        },
    }
    moved = embedded(schema, "#/components/a")
    assert moved["properties"]["total"] == {"$ref": "#/components/a/$defs/money"}
    assert moved["properties"]["again"] == {"$ref": "#/components/a"}
    assert moved["properties"]["$ref"] == {"const": {"$ref": "#/kept"}}
    assert not {"$schema", "$id"} & moved.keys()


def test_what_is_cut_out_stands_on_its_own():
    document = {
        "components": {
            "schemas": {
                "Invoice": {"properties": {"total": {"$ref": "#/components/schemas/Money"}}},
                "Money": {**MONEY, "properties": {"amount": {"$ref": "#/other/amount"}}},
                "amount": {"type": "null"},
            }
        },
        "other": {"amount": {"type": "integer"}},
    }
    cut = cut_out(document, "#/components/schemas/Invoice", "$defs")
    assert refusals(cut, 1) == []
    assert fit(cut, {"total": {"amount": 1}}) == ()
    assert [each.field for each in fit(cut, {"total": {"amount": "1"}})] == ["data.total.amount"]


def test_two_of_one_name_are_kept_apart():
    document = {
        "a": {"x": {"const": 1}},
        "b": {"x": {"const": 2}},
        "s": {"prefixItems": [{"$ref": "#/a/x"}, {"$ref": "#/b/x"}]},
    }
    assert fit(cut_out(document, "#/s", "$defs"), [1, 2]) == ()


def test_what_contains_itself_still_does():
    document = {"node": {"properties": {"next": {"$ref": "#/node"}, "v": {"type": "integer"}}}}
    cut = cut_out(document, "#/node", "$defs")
    assert cut["properties"]["next"] == {"$ref": "#"}


def test_what_leads_nowhere_is_left_for_the_check_to_say():
    assert refusals(cut_out({"s": {"$ref": "#/none", "title": "x"}}, "#/s", "$defs"), 1)


def test_a_schema_that_drags_everything_along_is_refused():
    document = {"big": {"description": "x" * 300_000}, "s": {"properties": {"a": {"$ref": "#/big"}}}}
    with pytest.raises(ValueError, match="too large"):
        cut_out(document, "#/s", "$defs")
