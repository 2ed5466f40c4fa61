"""Event contracts over real HTTP: defined, held to at publish, changed, exported and imported."""

import asyncio
import json
import secrets

import pytest

SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
}
# What is known of a contract may be this old, and a little for the machine.
FRESH_WITHIN = 20.0


@pytest.fixture(scope="session")
async def org(hub):
    """An organization of its own: whatever else this session's tests publish is held to no contract."""
    slug = f"contracts-{secrets.token_hex(4)}"
    await hub.command("organizations", "create", slug, "--name", "Contracts Ltd")
    return slug, await hub.command("keys", "create", slug, "--name", "test", "--rate-limit", "100000")


@pytest.fixture
async def ask(hub, org):
    async def asking(method, path, body=None):
        return await hub.request(method, path, body, key=org[1])

    return asking


@pytest.fixture
def name():
    return f"invoice.{secrets.token_hex(4)}"


async def define(ask, name, **more):
    status, made = await ask("POST", "/v1/event-types", {"name": name, "schema": SCHEMA, **more})
    assert status == 201, made
    return made


async def publish_until(ask, name, data, wanted):
    """Publish until the answer is as wanted: what is known of a contract may be a second old."""
    async with asyncio.timeout(FRESH_WITHIN):
        while True:
            status, answer = await ask("POST", "/v1/events", {"type": name, "data": data})
            if wanted(status, answer):
                return answer
            await asyncio.sleep(0.05)


async def test_off_then_warn_then_reject(ask, name):
    await define(ask, name)
    bad = {"amount": "secret-5", "extra": 1}
    status, answer = await ask("POST", "/v1/events", {"type": name, "data": bad})
    assert (status, set(answer)) == (202, {"id", "accepted_at"})

    await ask("PATCH", f"/v1/event-types/{name}", {"enforcement": "warn"})
    answer = await publish_until(ask, name, bad, lambda status, answer: status == 202 and "warnings" in answer)
    assert answer["warnings"] == [{"field": "data.amount", "message": "must be of type integer"}]

    await ask("PATCH", f"/v1/event-types/{name}", {"enforcement": "reject"})
    answer = await publish_until(ask, name, bad, lambda status, _: status == 422)
    assert answer["code"] == "event_contract_violated"
    assert answer["errors"] == [{"field": "data.amount", "message": "must be of type integer"}]
    assert "secret-5" not in json.dumps(answer)
    status, answer = await ask("POST", "/v1/events", {"type": name, "data": {"amount": 5}})
    assert (status, set(answer)) == (202, {"id", "accepted_at"})
    # What was refused is not stored.
    _, listed = await ask("GET", f"/v1/events?type={name}&limit=200")
    assert listed["data"][0]["data"] == {"amount": 5}


async def test_each_event_of_a_batch_is_held_to_its_own_contract(ask, name):
    await define(ask, name, enforcement="reject")
    await define(ask, f"{name}.soft", enforcement="warn")
    await publish_until(ask, name, {}, lambda status, _: status == 422)
    await publish_until(ask, f"{name}.soft", {}, lambda _, answer: "warnings" in answer)
    good, bad = {"amount": 1}, {"amount": 0}
    events = [
        {"type": name, "data": good}, {"type": name, "data": bad}, {"type": f"{name}.soft", "data": bad},
        {"type": "free", "data": bad}, {"type": "hub.mine", "data": bad},
    ]  # fmt: skip
    status, answer = await ask("POST", "/v1/events/batch", {"events": events})
    assert status == 207
    first, second, third, fourth, fifth = answer["data"]
    assert set(first) == set(fourth) == {"id", "accepted_at"}
    assert second["error"]["code"] == "event_contract_violated"
    assert second["error"]["errors"] == [{"field": "events.1.data.amount", "message": "must be at least 1"}]
    assert third["warnings"] == [{"field": "events.2.data.amount", "message": "must be at least 1"}]
    assert (fifth["error"]["code"], fifth["error"]["errors"][0]["field"]) == ("invalid_event", "events.4.type")


async def test_ten_problems_at_most(ask, name):
    await define(ask, name, schema={"items": {"type": "integer"}}, enforcement="reject")
    answer = await publish_until(ask, name, ["x"] * 50, lambda status, _: status == 422)
    assert [each["field"] for each in answer["errors"]] == [f"data.{number}" for number in range(10)]


async def test_a_violation_is_counted(hub, ask, name):
    await define(ask, name, enforcement="warn")
    await publish_until(ask, name, {}, lambda _, answer: "warnings" in answer)
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    assert 'hub_contracts_violated_total{enforcement="warn"}' in text


async def test_a_breaking_change_is_refused_with_its_reasons_unless_it_is_meant(ask, name):
    await define(ask, name, sample={"amount": 1})
    wider = {**SCHEMA, "properties": {**SCHEMA["properties"], "amount": {"type": ["integer", "null"], "minimum": 1}}}
    status, said = await ask("POST", f"/v1/event-types/{name}/compare", {"schema": wider})
    assert (status, said["compatible"], [each["kind"] for each in said["changes"]]) == (200, False, ["type_widened"])
    status, answer = await ask("PATCH", f"/v1/event-types/{name}", {"schema": wider})
    assert (status, answer["code"]) == (409, "breaking_change")
    assert answer["errors"] == [{"field": "data.amount", "message": "It may be null now."}]
    changed = {"schema": wider, "allow_breaking": True, "changelog": "Free ones."}
    status, answer = await ask("PATCH", f"/v1/event-types/{name}", changed)
    assert (status, answer["version"], answer["sample"]) == (200, 2, {"amount": 1})
    # The same again is no change.
    status, same = await ask("PATCH", f"/v1/event-types/{name}", changed)
    assert (same["version"], same["updated_at"]) == (2, answer["updated_at"])
    _, shown = await ask("GET", f"/v1/event-types/{name}")
    assert [(each["version"], each["changelog"]) for each in shown["versions"]] == [(2, "Free ones."), (1, "")]
    _, first = await ask("GET", f"/v1/event-types/{name}/versions?limit=1")
    _, second = await ask("GET", f"/v1/event-types/{name}/versions?limit=1&cursor={first['next_cursor']}")
    assert [each["data"][0]["schema"] for each in (first, second)] == [wider, SCHEMA]
    assert shown["versions"][0]["created_by"].startswith("key_")


async def test_only_one_of_those_who_change_at_the_same_time_writes_a_version(ask, name):
    await define(ask, name)
    schemas = [{**SCHEMA, "required": ["amount", f"field_{number}"]} for number in range(3)]
    answers = await asyncio.gather(
        *(ask("PATCH", f"/v1/event-types/{name}", {"schema": each, "allow_breaking": True}) for each in schemas)
    )
    _, listed = await ask("GET", f"/v1/event-types/{name}/versions")
    done = sorted(answer["version"] for status, answer in answers if status == 200)
    assert done == list(range(2, 2 + len(done)))
    assert [each["version"] for each in listed["data"]] == [*reversed(done), 1]
    assert {status for status, _ in answers} <= {200, 409}


async def test_data_is_checked_without_publishing(ask, name):
    await define(ask, name, enforcement="reject")
    path = f"/v1/event-types/{name}/validate"
    status, answer = await ask("POST", path, {"data": {"amount": 5}})
    assert (status, answer["valid"], answer["problems"]) == (200, True, [])
    _, answer = await ask("POST", path, {"data": {}, "version": 1})
    assert answer["problems"] == [{"field": "data", "message": "lacks the field amount"}]
    status, _ = await ask("POST", path, {"data": {}, "version": 9})
    assert status == 404


BAD = {
    "taken name": ({"name": "hub.mine"}, 422, "name"),
    "no name": ({"name": "not a name"}, 422, "name"),
    "a route's name": ({"name": "asyncapi"}, 422, "name"),
    "no schema": ({"schema": {"type": "strin"}}, 422, "schema.type"),
    "schema from elsewhere": ({"schema": {"$ref": "https://example.com/"}}, 422, "schema.$ref"),
    "large schema": ({"schema": {"description": "x" * 70_000}}, 422, "schema"),
    "sample that does not fit": ({"sample": {"amount": 0}}, 422, "sample.amount"),
    "attribute outside of the data": ({"indexed_attributes": ["type"]}, 422, "indexed_attributes.0"),
    "eleven attributes": ({"indexed_attributes": ["data.a"] * 11}, 422, "indexed_attributes"),
    "unknown enforcement": ({"enforcement": "maybe"}, 422, "enforcement"),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_cannot_be_defined_is_refused_with_its_reason(ask, name, case):
    changes, status, field = BAD[case]
    found, answer = await ask("POST", "/v1/event-types", {"name": name, "schema": SCHEMA, **changes})
    assert (found, answer["errors"][0]["field"]) == (status, field), answer


async def test_the_hubs_own_types_cannot_be_published(ask):
    status, answer = await ask("POST", "/v1/events", {"type": "hub.endpoint.disabled", "data": {}})
    assert (status, answer["code"], answer["errors"][0]["field"]) == (422, "invalid_event", "type")
    assert "hub's own" in answer["errors"][0]["message"]


async def test_listed_found_changed_and_deleted(ask, name):
    for end in ("a", "b", "c"):
        await define(ask, f"{name}.{end}", description=f"Number {end.upper()} of {name}")
    seen, path = [], f"/v1/event-types?q={name.upper()}&limit=2"
    _, page = await ask("GET", path)
    seen += page["data"]
    _, page = await ask("GET", f"{path}&cursor={page['next_cursor']}")
    seen += page["data"]
    assert [each["name"] for each in seen] == [f"{name}.{end}" for end in "abc"]
    assert page["next_cursor"] is None

    wanted = {"deprecated": True, "indexed_attributes": ["data.customer.id"], "description": "Old."}
    _, changed = await ask("PATCH", f"/v1/event-types/{name}.a", wanted)
    assert changed["deprecated_at"]
    assert (changed["indexed_attributes"], changed["version"]) == (["data.customer.id"], 1)
    status, _ = await ask("DELETE", f"/v1/event-types/{name}.a")
    assert status == 204
    assert [(await ask(method, f"/v1/event-types/{name}.a"))[0] for method in ("GET", "DELETE")] == [404, 404]
    status, answer = await ask("POST", "/v1/event-types", {"name": f"{name}.b"})
    assert (status, answer["code"]) == (409, "event_type_exists")
    for bad in ("%00", "x%20y", "hub.mine"):
        assert (await ask("GET", f"/v1/event-types/{bad}"))[0] == 404


async def test_another_organization_sees_none_of_it(hub, ask, name):
    await define(ask, name, enforcement="reject")
    status, answer = await hub.request("GET", f"/v1/event-types/{name}")
    missing = await hub.request("GET", f"/v1/event-types/{name}x")
    assert (status, answer["code"], answer["title"]) == (404, "not_found", missing[1]["title"])
    status, _ = await hub.request("POST", "/v1/events", {"type": name, "data": {}})
    assert status == 202


async def test_who_may_not_is_refused_and_who_did_is_written_down(hub, org, ask, name):
    slug, _ = org
    reading = await hub.command("keys", "create", slug, "--name", "reader", "--scope", "event_types:read")
    status, answer = await hub.request("POST", "/v1/event-types", {"name": name}, key=reading)
    assert (status, answer["code"]) == (403, "forbidden")
    assert (await hub.request("GET", "/v1/event-types", key=reading))[0] == 200
    await define(ask, name)
    await ask("PATCH", f"/v1/event-types/{name}", {"enforcement": "warn"})
    await ask("DELETE", f"/v1/event-types/{name}")
    _, log = await ask("GET", "/v1/audit?limit=200")
    mine = [(each["action"], each["changes"]) for each in log["data"] if each["target_id"] == name]
    assert mine == [
        ("event_type.deleted", {}),
        ("event_type.updated", {"enforcement": ["off", "warn"]}),
        ("event_type.created", {"enforcement": [None, "off"]}),
    ]


async def test_exported_and_read_back_nothing_changes(ask, name):
    await define(ask, name, sample={"amount": 7}, description="Paid.")
    status, document = await ask("GET", "/v1/event-types/asyncapi")
    assert (status, document["asyncapi"], document["info"]["title"]) == (200, "3.0.0", "Events of Contracts Ltd")
    example = document["components"]["messages"][name]["examples"][0]["payload"]
    assert (example["type"], example["data"]) == (name, {"amount": 7})
    only = {key: {name: document["components"]["messages"][name]} for key in ("messages",)}
    back = {"asyncapi": "3.0.0", "channels": {name: document["channels"][name]}, "components": only}
    status, answer = await ask("POST", "/v1/event-types/import", {"document": back})
    assert (status, [each["outcome"] for each in answer["data"]]) == (200, ["unchanged"])


async def test_imported_from_openapi_each_for_itself(ask, name):
    def posted(schema, **media):
        return {"post": {"requestBody": {"content": {"application/json": {"schema": schema, **media}}}}}

    document = {
        "openapi": "3.1.0",
        "info": {"title": "Theirs", "version": "1"},
        "webhooks": {
            name: posted({"$ref": "#/components/schemas/Amount"}, example={"amount": "none"}),
            "not-a-name": posted({}),
            f"{name}.none": {"post": {}},
        },
        "components": {"schemas": {"Amount": SCHEMA}},
    }
    for dry, outcome in ((True, "created"), (False, "created"), (True, "unchanged"), (False, "unchanged")):
        status, answer = await ask("POST", "/v1/event-types/import", {"document": document, "dry_run": dry})
        found = {each["name"]: each for each in answer["data"]}
        assert (status, found[name]["outcome"], found[name]["version"]) == (200, outcome, 1)
    assert found[name]["notes"] == ["Its example does not keep to its schema and was left out."]
    assert [found[each]["outcome"] for each in ("not-a-name", f"{name}.none")] == ["refused", "refused"]
    document["components"]["schemas"]["Amount"] = {"type": "object"}
    _, answer = await ask("POST", "/v1/event-types/import", {"document": document})
    first = next(each for each in answer["data"] if each["name"] == name)
    assert first["outcome"] == "refused"
    assert "data.amount" in [each["field"] for each in first["problems"]]
    _, answer = await ask("POST", "/v1/event-types/import", {"document": document, "allow_breaking": True})
    assert next(each for each in answer["data"] if each["name"] == name)["version"] == 2
