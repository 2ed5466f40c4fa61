"""The exported document, by the rules of AsyncAPI 3.0 that concern it, and back again."""

import json
from datetime import UTC, datetime

import pytest

from worksphere_hub.events.asyncapi import describe
from worksphere_hub.events.contracts import fit
from worksphere_hub.events.documents import find_types
from worksphere_hub.events.models import EventType, EventTypeVersion
from worksphere_hub.events.schema_limits import DRAFT_07, resolve

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TREE = {"type": "object", "required": ["v"], "properties": {"v": {"$ref": "#/$defs/v"}, "next": {"$ref": "#"}}}


def made(name, schema, sample=None, **more):
    version = EventTypeVersion(3, schema, sample, "", NOW, None)
    return EventType(name, "What happened.", "warn", more.get("deprecated_at"), [], version, NOW, NOW)


TYPES = [
    made("invoice.paid", {"type": "object", "properties": {"amount": {"type": "integer"}}}, {"amount": 5}),
    made("tree.grown", {**TREE, "$defs": {"v": {"type": "integer"}}}, deprecated_at=NOW),
    made(
        "old_style",
        {"$schema": f"{DRAFT_07}#", "definitions": {"a": {"const": 1}}, "items": {"$ref": "#/definitions/a"}},
    ),
    made("anything", {}),
]


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(describe("Acme", TYPES)))


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_what_the_specification_requires_is_there(document):
    assert document["asyncapi"] == "3.0.0"
    assert document["info"]["title"] == "Events of Acme"
    assert document["info"]["version"] == "2026-11-23T10:00:00+00:00"
    assert set(document) <= {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }


def test_every_reference_leads_somewhere(document):
    found = list(references(document))
    assert len(found) > 15
    assert not [each for each in found if resolve(document, each) is None]


def test_a_type_has_a_channel_an_operation_and_a_message(document):
    for each in TYPES:
        channel = document["channels"][each.name]
        operation = document["operations"][f"send.{each.name}"]
        assert (operation["action"], operation["channel"]) == ("send", {"$ref": f"#/channels/{each.name}"})
        # An operation refers to messages of its own channel, which refer to the components.
        (message,) = operation["messages"]
        assert message["$ref"].startswith(f"{operation['channel']['$ref']}/messages/")
        assert resolve(document, message["$ref"]) == channel["messages"][each.name]
        assert (
            resolve(document, channel["messages"][each.name]["$ref"]) == document["components"]["messages"][each.name]
        )


def test_a_message_carries_its_schema_and_a_sample_that_keeps_to_it(document):
    for each in TYPES:
        message = document["components"]["messages"][each.name]
        assert set(message["payload"]) == {"schemaFormat", "schema"}
        assert ("draft-07" in message["payload"]["schemaFormat"]) == (each.name == "old_style")
        (example,) = message["examples"]
        assert example["payload"]["type"] == each.name
        assert fit(each.current.schema, example["payload"]["data"]) == ()
    assert document["components"]["messages"]["invoice.paid"]["examples"][0]["payload"]["data"] == {"amount": 5}
    assert [tag["name"] for tag in document["components"]["messages"]["tree.grown"]["tags"]] == ["deprecated"]


def test_without_event_types_there_is_a_document_still():
    assert describe("Acme", [])["channels"] == {}


def test_read_back_it_gives_the_same_schemas(document):
    found = {each.name: each for each in find_types(document)}
    for each in TYPES:
        assert found[each.name].schema == each.current.schema
        assert found[each.name].description == "What happened."
        assert fit(each.current.schema, found[each.name].sample) == ()
