"""The document is complete and true."""

import json

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from tests.http.driving import build, call
from worksphere_hub import __version__
from worksphere_hub.http.openapi import RawRoute
from worksphere_hub.http.paging import Page, Paged
from worksphere_hub.http.strict_route import StrictRoute


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


async def raw(scope, receive, send): ...


PUBLISH = RawRoute(
    raw,
    {
        "operationId": "publish_event",
        "summary": "Publish an event",
        "responses": {"202": {"description": "Committed."}},
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewEvent"}}}},
    },
    {"NewEvent": {"type": "object"}},
)


def routers():
    router = APIRouter(prefix="/v1", route_class=StrictRoute)

    @router.post("/things", status_code=201)
    async def create_thing(thing: Thing) -> Thing:
        return thing

    @router.get("/things")
    async def list_things(page: Paged) -> Page[Thing]:
        return Page(data=[])

    @router.get("/things/{name}")
    async def read_thing(name: str) -> Thing:
        return Thing(name=name)

    return [router]


@pytest.fixture(scope="module")
async def document():
    app = build(routers(), {("POST", "/v1/things/publish"): PUBLISH, ("GET", "/v1/things/raw"): raw})
    answer = await call(app, "GET", "/openapi.json")
    assert answer.status == 200
    return answer.json()


def operations(document):
    return {operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()}


def test_it_says_what_it_is(document):
    assert (document["info"]["title"], document["info"]["version"]) == ("WorkSphere Hub", __version__)
    assert "servers" not in document
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{"bearer": []}]


def test_operations_are_called_like_their_functions(document):
    assert set(operations(document)) == {
        "create_thing",
        "list_things",
        "read_thing",
        "publish_event",
        "healthz",
        "readyz",
        "metrics_text",
    }


def test_every_operation_may_answer_a_problem_and_none_the_frameworks_own(document):
    for operation in operations(document).values():
        content = operation["responses"]["default"]["content"]
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert "422" not in operation["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert set(document["components"]["schemas"]["Problem"]["required"]) >= {
        "type",
        "code",
        "request_id",
        "errors",
    }


def test_probes_need_no_credentials(document):
    for name in ("healthz", "readyz", "metrics_text"):
        assert operations(document)[name]["security"] == []


def test_every_reference_leads_somewhere(document):
    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    found = set(references(document))
    assert "#/components/schemas/NewEvent" in found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_document_is_made_once():
    app = build(routers())
    first = json.dumps(app.api.openapi())
    assert json.dumps(app.api.openapi()) == first
