"""What a manifest's actions and streams do through a connection, over real sockets on both sides."""

import json

import pytest

from tests.connections.conftest import Desk, uuid_of
from worksphere_hub.connections.actions import RESULT_LIMIT

KEY_WAY = {"type": "api_key", "label": "Key", "place": [{"name": "X-Api-Key", "value": "${credential.key}"}]}
FIELDS = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}, "required": ["key"]}
ACTIONS = {
    "rename": {
        "title": "Rename a thing",
        "call": {"method": "POST", "path": "/things/${input.id}", "body": "{'name': input.name, 'by': settings.who}"},
        "input_schema": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "name": {"type": "string", "maxLength": 20}},
            "required": ["id", "name"],
            "additionalProperties": False,
        },
        "output": "{'id': id}",
    },
    "replace": {
        "title": "Put a thing",
        "call": {"method": "POST", "path": "/things"},
        "idempotent": True,
    },
}
STREAMS = {
    "things": {
        "title": "Things",
        "call": {"path": "/things", "query": {"kind": "round things"}},
        "records": "items",
        "primary_key": ["id"],
        "cursor_field": "changed",
        "cursor_parameter": "since",
        "record_schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "pagination": {"kind": "next_url", "cursor": "next"},
    }
}


async def made(desk: Desk, **given):
    """A connection by an API key to an integration with actions and streams."""
    desk.authority.keys = {"k1"}
    instance = await desk.installed({**KEY_WAY, "fields": FIELDS}, actions=ACTIONS, streams=STREAMS, **given)
    await desk.admin.execute('update hub.integration_instances set settings = \'{"who": "Ada"}\'')
    return await desk.connection(instance, credential={"key": "k1"})


async def run(desk, connection, name, given, **more):
    return await desk.ask("POST", f"/v1/connections/{connection['id']}/actions/{name}", {"input": given}, **more)


async def test_an_action_is_a_call_with_the_credential_and_gives_what_its_manifest_makes_of_the_answer(desk):
    connection = await made(desk)
    answer = await run(desk, connection, "rename", {"id": 7, "name": "New"})
    assert (answer.status, answer.json()) == (200, {"result": {"id": 7}})
    (seen,) = desk.authority.api
    assert (seen["method"], seen["path"]) == ("POST", "/v1/things/7")
    assert json.loads(seen["body"]) == {"name": "New", "by": "Ada"}
    assert (seen["headers"]["x-api-key"], seen["headers"]["content-type"]) == ("k1", "application/json")
    (row,) = await desk.calls()
    assert (row["method"], row["path"], row["status"], row["connection_id"]) == (
        "POST", "/v1/things/7", 200, uuid_of(connection),
    )  # fmt: skip
    assert row["caller"]


async def test_what_can_be_done_is_listed_with_what_it_asks_for(desk):
    connection = await made(desk)
    answer = await desk.ask("GET", f"/v1/connections/{connection['id']}/actions")
    assert answer.json()["data"] == [
        {"name": "rename", "title": "Rename a thing", "input_schema": ACTIONS["rename"]["input_schema"],
         "idempotent": False, "scopes": []},
        {"name": "replace", "title": "Put a thing", "input_schema": {"type": "object"}, "idempotent": True,
         "scopes": []},
    ]  # fmt: skip
    assert desk.authority.api == []


async def test_input_that_does_not_fit_is_named_and_nothing_is_sent(desk):
    connection = await made(desk)
    answer = await run(desk, connection, "rename", {"id": "seven", "naem": "secret-in-a-typo"})
    problem = answer.json()
    assert (answer.status, problem["code"]) == (422, "invalid_action_input")
    assert {each["field"] for each in problem["errors"]} >= {"input.id"}
    assert "secret-in-a-typo" not in answer.body.decode()
    assert "contract" not in answer.body.decode()
    assert desk.authority.api == []


async def test_an_action_that_is_not_there_names_those_that_are(desk):
    connection = await made(desk)
    answer = await run(desk, connection, "remove", {})
    assert (answer.status, answer.json()["code"]) == (404, "no_such_action")
    assert "rename, replace" in answer.json()["detail"]


async def test_a_foreign_connection_is_no_connection(desk):
    connection = await made(desk)
    _, foreign = await desk.organization()
    paths = [("POST", "actions/rename", {"input": {}}), ("GET", "actions", None), ("GET", "streams", None),
             ("POST", "streams/things/sample", {})]  # fmt: skip
    for method, path, body in paths:
        answers = [
            await desk.ask(method, f"/v1/connections/{which}/{path}", body, key=foreign)
            for which in (connection["id"], "con_" + "0" * 32, "nonsense")
        ]
        bodies = [{name: value for name, value in each.json().items() if name != "request_id"} for each in answers]
        assert {each.status for each in answers} == {404}
        assert bodies[0] == bodies[1] == bodies[2]
    assert desk.authority.api == []


@pytest.mark.parametrize(
    ("status", "shown", "code"),
    [
        (400, 422, "provider_rejected"), (401, 409, "provider_auth_failed"), (403, 403, "provider_not_permitted"),
        (404, 422, "provider_missing"), (409, 409, "provider_conflict"), (429, 429, "provider_rate_limited"),
        (500, 502, "provider_transient"),
    ],
)  # fmt: skip
async def test_what_the_provider_refuses_is_told_by_who_has_to_act(desk, status, shown, code):
    connection = await made(desk, api={"base_url": f"{desk.authority.base}/v1", "message": "error.text",
                                       "retry": {"attempts": 1}})  # fmt: skip
    desk.authority.api_answers = [(status, {}, {"error": {"text": "No, thank you."}})]
    answer = await run(desk, connection, "rename", {"id": 7, "name": "New"})
    assert (answer.status, answer.json()["code"]) == (shown, code)
    assert "No, thank you." in answer.json()["detail"]
    assert len(desk.authority.api) == 1


async def test_an_unknown_outcome_is_tried_again_only_where_that_does_no_harm(desk):
    connection = await made(desk)
    desk.authority.api_answers = [(503, {"retry-after": "0"}, {})] * 2
    assert (await run(desk, connection, "rename", {"id": 7, "name": "New"})).status == 502
    assert len(desk.authority.api) == 1
    assert (await run(desk, connection, "replace", {})).status == 200
    assert len(desk.authority.api) == 3


async def test_the_same_key_does_it_once(desk):
    connection = await made(desk)
    path = f"/v1/connections/{connection['id']}/actions/rename"
    body = {"input": {"id": 7, "name": "New"}}
    first = await desk.ask("POST", path, body, headers={"idempotency-key": "a1"})
    again = await desk.ask("POST", path, body, headers={"idempotency-key": "a1"})
    assert first.status == again.status == 200
    assert first.json() == again.json()
    assert len(desk.authority.api) == 1


async def test_a_connection_that_is_not_connected_says_what_to_do(desk):
    instance = await desk.installed({**KEY_WAY, "fields": FIELDS}, actions=ACTIONS)
    connection = await desk.connection(instance)
    answer = await run(desk, connection, "replace", {})
    assert (answer.status, answer.json()["code"]) == (409, "not_connected")


async def test_an_address_that_leads_elsewhere_gets_no_credential(desk):
    connection = await made(desk)
    desk.authority.api_answers = [(200, {}, {"items": [{"id": 1}], "next": "https://evil.example/next"})]
    path = f"/v1/connections/{connection['id']}/streams/things/sample"
    answer = await desk.ask("POST", path, {})
    assert (answer.status, answer.json()["code"]) == (422, "host_not_allowed")
    assert len(desk.authority.api) == 1


async def test_streams_are_listed_and_looked_into(desk):
    connection = await made(desk)
    listed = (await desk.ask("GET", f"/v1/connections/{connection['id']}/streams")).json()["data"]
    assert [(each.pop("name"), each.pop("primary_key"), each.pop("record_schema")) for each in listed] == [
        ("things", ["id"], STREAMS["things"]["record_schema"])
    ]
    assert listed == [
        {"title": "Things", "cursor_field": "changed", "incremental": True, "deletes": False, "scopes": []}
    ]
    following = f"{desk.authority.base}/v1/things?page=2"
    desk.authority.api_answers = [
        (200, {}, {"items": [{"id": 1}, {"id": 2}], "next": following}),
        (200, {}, {"items": [{"id": 3}, {"id": 4}], "next": following}),
    ]
    path = f"/v1/connections/{connection['id']}/streams/things/sample"
    answer = await desk.ask("POST", path, {"limit": 3})
    assert answer.json() == {"records": [{"id": 1}, {"id": 2}, {"id": 3}]}
    assert [each["query"] for each in desk.authority.api] == ["kind=round%20things", "page=2"]
    assert all(each["headers"]["x-api-key"] == "k1" for each in desk.authority.api)
    missing = await desk.ask("POST", f"/v1/connections/{connection['id']}/streams/people/sample", {})
    assert (missing.status, missing.json()["code"]) == (404, "no_such_stream")


async def test_an_answer_beyond_its_limit_is_not_taken_in(desk):
    connection = await made(desk)
    large = {"text": "x" * 300_000}
    desk.authority.api_answers = [(200, {}, large)]
    answer = await run(desk, connection, "replace", {}, answer_limit=200_000)
    assert (answer.status, answer.json()["code"]) == (502, "provider_unexpected")
    desk.authority.api_answers = [(200, {}, {"text": "x" * RESULT_LIMIT})]
    answer = await run(desk, connection, "replace", {})
    assert (answer.status, answer.json()["code"]) == (502, "provider_answer_too_large")


async def test_an_organizations_own_integration_never_runs_code_by_its_name(desk):
    """Whoever calls his integration `slack` gets what his manifest says."""
    desk.authority.keys = {"k1"}
    manifest = desk.manifest({**KEY_WAY, "fields": FIELDS}, actions=ACTIONS, slug="slack")
    instance = await desk.instance(await desk.integration(manifest))
    connection = await desk.connection(instance, credential={"key": "k1"})
    listed = (await desk.ask("GET", f"/v1/connections/{connection['id']}/actions")).json()["data"]
    assert [each["name"] for each in listed] == ["rename", "replace"]
    public = await desk.instance(await desk.integration({**manifest, "version": "2.0.0"}, visibility="public"))
    connection = await desk.connection(public, credential={"key": "k1"})
    listed = (await desk.ask("GET", f"/v1/connections/{connection['id']}/actions")).json()["data"]
    assert [each["name"] for each in listed] == ["rename", "replace"]


async def test_what_the_hub_itself_offers_runs_its_code(desk):
    operator, _ = await desk.organization(operator=True)
    manifest = desk.manifest({**KEY_WAY, "fields": FIELDS}, slug="slack")
    instance = await desk.instance(await desk.integration(manifest, operator, visibility="public"), operator)
    connection = await desk.connection(instance, credential={"key": "k1"})
    listed = (await desk.ask("GET", f"/v1/connections/{connection['id']}/actions")).json()["data"]
    assert "post_message" in [each["name"] for each in listed]
