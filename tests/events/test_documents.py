import pytest

from worksphere_hub.events.contracts import check_schema, fit
from worksphere_hub.events.documents import FOUND_LIMIT, find_types
from worksphere_hub.events.errors import InvalidEventType
from worksphere_hub.events.schema_limits import DRAFT_07, dialect

AMOUNT = {"type": "object", "required": ["amount"], "properties": {"amount": {"$ref": "#/components/schemas/Whole"}}}
SCHEMAS = {"Whole": {"type": "integer"}, "Amount": AMOUNT}


def posted(schema, **media):
    return {"post": {"summary": "Said.", "requestBody": {"content": {"application/json": {"schema": schema, **media}}}}}


def openapi(**webhooks):
    return {"openapi": "3.1.0", "webhooks": webhooks, "components": {"schemas": SCHEMAS}}


def envelope(data):
    fields = {"type": {"type": "string"}, "timestamp": {"type": "string"}, "data": data}
    return {"type": "object", "required": ["type", "data"], "properties": fields}


def test_webhooks_of_openapi():
    document = openapi(**{"invoice.paid": posted({"$ref": "#/components/schemas/Amount"}, example={"amount": 5})})
    (found,) = find_types(document)
    assert (found.name, found.description, found.sample) == ("invoice.paid", "Said.", {"amount": 5})
    check_schema(found.schema)
    assert fit(found.schema, {"amount": 5}) == ()
    assert fit(found.schema, {"amount": "5"})


def test_a_path_item_a_body_and_an_example_may_stand_elsewhere():
    document = {
        "openapi": "3.1.1",
        "webhooks": {"a.b": {"$ref": "#/components/pathItems/p"}},
        "components": {
            "pathItems": {"p": {"post": {"requestBody": {"$ref": "#/components/requestBodies/b"}}}},
            "requestBodies": {
                "b": {
                    "content": {"application/json; charset=utf-8": {"schema": AMOUNT, "examples": {"x": {"value": 1}}}}
                }
            },
            "schemas": SCHEMAS,
        },
    }
    (found,) = find_types(document)
    assert found.sample == 1
    assert fit(found.schema, {"amount": 5}) == ()


def test_of_the_hubs_own_envelope_only_the_data_is_taken():
    message = posted(envelope({"$ref": "#/components/schemas/Amount"}), example={"type": "a", "data": {"amount": 1}})
    (found,) = find_types(openapi(a=message))
    assert found.sample == {"amount": 1}
    assert fit(found.schema, {"amount": 5}) == ()


def test_messages_of_asyncapi_2():
    document = {
        "asyncapi": "2.6.0",
        "channels": {
            "one": {"subscribe": {"message": {"name": "a.one", "payload": {"$ref": "#/components/schemas/Amount"}}}},
            "two": {
                "publish": {
                    "message": {"oneOf": [{"$ref": "#/components/messages/b_two"}, {"payload": {"type": "null"}}]}
                }
            },
        },
        "components": {"schemas": SCHEMAS, "messages": {"b_two": {"payload": {"type": "string"}, "summary": "Two."}}},
    }
    found = {each.name: each for each in find_types(document)}
    assert set(found) == {"a.one", "b_two", "two"}
    assert found["b_two"].description == "Two."
    # What AsyncAPI calls a schema is draft-07, unless it says otherwise.
    assert dialect(dict(found["a.one"].schema)) == DRAFT_07
    check_schema(found["a.one"].schema)
    assert fit(found["a.one"].schema, {"amount": "5"})


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"payload": {"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": {}}}, "no JSON Schema"),
        ({}, "no JSON Schema"),
        ({"payload": "text"}, "no JSON Schema"),
        ({"$ref": "#/nowhere"}, "no JSON Schema"),
    ],
)
def test_a_message_without_json_schema_says_so(message, problem):
    document = {"asyncapi": "3.0.0", "channels": {"c": {"messages": {"m": message}}}}
    (found,) = find_types(document)
    assert found.schema is None
    assert problem in found.problem


@pytest.mark.parametrize(
    "item", [{}, [], "x", None, {"post": 1}, {"post": {"requestBody": {"content": {"text/plain": {}}}}}]
)
def test_a_webhook_without_a_schema_says_so(item):
    (found,) = find_types(openapi(a=item))
    assert found.problem == "its request body has no schema of JSON"


@pytest.mark.parametrize(
    "document",
    [
        {}, {"openapi": "3.0.3", "webhooks": {"a": posted({})}}, {"openapi": "3.1.0"}, {"asyncapi": "1.2.0"},
        {"swagger": "2.0"}, openapi(**{f"t{n}": {} for n in range(FOUND_LIMIT + 1)}),
        {"openapi": "3.1.0", "webhooks": []}, {"asyncapi": "3.0.0", "channels": []},
    ],
)  # fmt: skip
def test_any_other_document_is_refused(document):
    with pytest.raises(InvalidEventType):
        find_types(document)
