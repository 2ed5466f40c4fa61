"""Any REST API: what its settings say, in the words of manifests, and what they say wrongly."""

import json
import re

import jsonschema_rs
import pytest

from tests.architecture.sources import PACKAGE
from tests.connectors.sandbox_api import everything
from tests.sdk.scripted import ScriptedApi
from worksphere_hub.connectors.rest_api.connector import CONNECTOR
from worksphere_hub.sdk.api import Answer
from worksphere_hub.sdk.errors import BadSettings, Missing

STREAM = {
    "call": {"path": "/parcels"}, "records": "items", "primary_key": ["id"], "cursor_field": "changed",
    "cursor_parameter": "since", "pagination": {"kind": "page", "parameter": "page", "size": 2, "size_parameter": "n"},
}  # fmt: skip
PARCELS = [{"id": n, "changed": f"2026-11-0{n}T00:00:00Z"} for n in range(1, 6)]


def parcels(request):
    at = (int(request.query["page"]) - 1) * 2
    found = [each for each in PARCELS if each["changed"] >= request.query.get("since", "")]
    return 200, {"items": found[at : at + 2]}


async def test_a_list_is_read_as_its_settings_say_and_from_where_it_stopped():
    api = ScriptedApi(parcels, streams={"parcels": STREAM})
    stream = (await CONNECTOR.discover(api))["parcels"]
    assert (stream.kind.title, stream.kind.primary_key, stream.kind.incremental) == ("parcels", ("id",), True)
    records, _, state = await everything(stream, api)
    assert [key[0] for key in records] == [1, 2, 3, 4, 5]
    again, _, _ = await everything(stream, api, state)
    assert [key[0] for key in again] == [5]


async def test_without_streams_there_are_none():
    assert await CONNECTOR.discover(ScriptedApi(parcels)) == {}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"call": {"path": 5}}, "streams.parcels.call.path"),
        ({"primary_key": []}, "streams.parcels.primary_key"),
        ({"nonsense": 1}, "streams.parcels.nonsense"),
        ({"pagination": {"kind": "guess"}}, "streams.parcels.pagination.kind"),
    ],
)
async def test_a_stream_that_cannot_be_read_is_named(change, where):
    with pytest.raises(BadSettings, match=re.escape(where)):
        await CONNECTOR.discover(ScriptedApi(parcels, streams={"parcels": {**STREAM, **change}}))


async def test_any_path_is_called_and_what_is_not_json_is_a_text():
    def answer(request):
        if request.path == "/gone":
            return 404, {"why": "gone"}
        return (200, b"plain") if request.path == "/text" else (204, b"") if request.method == "DELETE" else (201, {})

    api = ScriptedApi(answer)
    run = CONNECTOR.actions
    posted = await run["post"].run(api, {"path": "/a", "query": {"q": "1"}, "headers": {"x-a": "b"}, "body": [1]})
    assert posted == {"status": 201, "body": {}}
    sent = api.requests[0]
    assert (sent.method, sent.path, sent.query, sent.headers, sent.json) == (
        "POST",
        "/a",
        {"q": "1"},
        {"x-a": "b"},
        [1],
    )
    assert await run["get"].run(api, {"path": "/text"}) == {"status": 200, "body": "plain"}
    assert await run["delete"].run(api, {"path": "/a"}) == {"status": 204, "body": None}
    assert [request.idempotent for request in api.requests] == [False, True, True]
    with pytest.raises(Missing):
        await run["get"].run(api, {"path": "/gone"})
    assert isinstance(await api.send(sent), Answer)


async def test_the_example_of_its_readme_is_one():
    text = (PACKAGE / "connectors" / "rest_api" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json settings\n(.*?)```", text, re.DOTALL)
    settings = json.loads(example)
    jsonschema_rs.validate(dict(CONNECTOR.manifest.settings), settings)
    assert set(await CONNECTOR.discover(ScriptedApi(parcels, **settings))) == {"parcels"}
