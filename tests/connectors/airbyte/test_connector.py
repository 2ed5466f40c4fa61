"""A manifest through what stands for Airbyte's kit, and through the real one where HUB_TEST_AIRBYTE names its folder.

HUB_CONNECTIONS_TAPS=/var/tmp/taps worksphere-hub taps install airbyte --airbyte
HUB_TEST_AIRBYTE=/var/tmp/taps .venv/bin/pytest tests/connectors/airbyte
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from tests.sdk.tap.programs import program
from worksphere_hub.connectors.airbyte.connector import CONNECTOR
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, Unexpected

REAL = os.environ.get("HUB_TEST_AIRBYTE")
STREAM = {"name": "people", "json_schema": {"type": "object"}, "supported_sync_modes": ["full_refresh", "incremental"],
          "source_defined_primary_key": [["id"]], "default_cursor_field": ["id"]}  # fmt: skip
BODY = f"""
said = lambda kind, **more: print(json.dumps({{"type": kind, **more}}))
print("a line of some library")
said("LOG", log={{"level": "INFO", "message": "hi"}})
config = json.load(open("config.json"))
manifest = json.load(open("manifest.yaml"))
if sys.argv[1] == "discover":
    said("CATALOG", catalog={{"streams": [{STREAM!r}]}})
if sys.argv[1] == "check":
    good = config["token"] == "right-canary"
    status = {{"status": "SUCCEEDED"}} if good else {{"status": "FAILED", "message": "not " + config["token"]}}
    said("CONNECTION_STATUS", connectionStatus=status)
if sys.argv[1] == "read":
    if config["token"] != "right-canary":
        error = {{"message": "401 for " + config["token"], "failure_type": "config_error"}}
        said("TRACE", trace={{"type": "ERROR", "error": error}})
    start = json.load(open("state.json"))[0]["stream"]["stream_state"]["id"] if "--state" in sys.argv else 0
    for n in range(start + 1, start + 4):
        said("RECORD", record={{"stream": "people", "data": {{"id": n}}, "emitted_at": 1}})
    stream = {{"stream_descriptor": {{"name": "people"}}, "stream_state": {{"id": start + 3}}}}
    said("STATE", state={{"type": "STREAM", "stream": stream}})
"""
PLAIN = {"version": "6.0.0", "type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": ["people"]}}


def api(folder, manifest=None, token="right-canary", **settings):
    made = databases.LocalApi({"manifest": manifest or PLAIN, **settings}, {"config": json.dumps({"token": token})})
    made.taps = Path(folder)
    return made


async def test_a_manifest_is_checked_discovered_and_read_from_its_state(tmp_path):
    program(tmp_path, "airbyte", BODY, protocol="airbyte")
    made = api(tmp_path)
    assert (await CONNECTOR.check(made)).key == "airbyte"
    stream = (await CONNECTOR.discover(made))["people"]
    records, _, state = await everything(stream, made)
    assert (sorted(records), state) == ([(1,), (2,), (3,)], {"value": {"id": 3}})
    records, _, state = await everything(stream, made, state)
    assert (sorted(records), state) == ([(4,), (5,), (6,)], {"value": {"id": 6}})


async def test_a_refusal_is_told_without_the_secret(tmp_path):
    program(tmp_path, "airbyte", BODY, protocol="airbyte")
    made = api(tmp_path, token="wrong-canary")
    with pytest.raises(BadSettings, match="redacted"):
        await CONNECTOR.check(made)
    stream = (await CONNECTOR.discover(made))["people"]
    with pytest.raises(AuthFailed) as refused:
        await everything(stream, made)
    assert "canary" not in refused.value.detail


async def test_code_in_a_manifest_is_refused_before_anything_runs(tmp_path):
    program(tmp_path, "airbyte", "open('/nowhere/at/all', 'w')", protocol="airbyte")
    with pytest.raises(BadSettings, match="code"):
        await CONNECTOR.check(api(tmp_path, {**PLAIN, "definitions": {"x": {"class_name": "os.system"}}}))


async def test_a_source_that_says_nothing_is_not_taken_for_well(tmp_path):
    program(tmp_path, "airbyte", "", protocol="airbyte")
    with pytest.raises(Unexpected):
        await CONNECTOR.check(api(tmp_path))
    with pytest.raises(Unexpected):
        await CONNECTOR.discover(api(tmp_path))


class People(BaseHTTPRequestHandler):
    """An API of people, for those with the token; `since` gives those that changed."""

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        good = self.headers.get("authorization") == "Bearer right-canary"
        at = int(query.get("page", ["1"])[0])
        since = query.get("since", [""])[0]
        people = [{"id": n, "changed": f"2026-01-{n:02}T00:00:00Z"} for n in range(1, 21)]
        found = [each for each in people if each["changed"] >= since][(at - 1) * 5 : at * 5]
        body = json.dumps({"items": found} if good else {"error": "no"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def manifest(url):
    """A declarative source as Airbyte's builder writes it."""
    requester = {
        "type": "HttpRequester", "url_base": url, "path": "/people", "http_method": "GET",
        "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
    }  # fmt: skip
    cursor = {
        "type": "DatetimeBasedCursor", "cursor_field": "changed", "datetime_format": "%Y-%m-%dT%H:%M:%SZ",
        "start_datetime": {"type": "MinMaxDatetime", "datetime": "2026-01-01T00:00:00Z",
                           "datetime_format": "%Y-%m-%dT%H:%M:%SZ"},
        "start_time_option": {"type": "RequestOption", "field_name": "since", "inject_into": "request_parameter"},
    }  # fmt: skip
    paginator = {
        "type": "DefaultPaginator",
        "page_token_option": {"type": "RequestOption", "field_name": "page", "inject_into": "request_parameter"},
        "pagination_strategy": {"type": "PageIncrement", "page_size": 5, "start_from_page": 1},
    }
    selector = {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["items"]}}
    schema = {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {
        "id": {"type": "integer"}, "changed": {"type": "string"}}}}  # fmt: skip
    retriever = {"type": "SimpleRetriever", "requester": requester, "record_selector": selector, "paginator": paginator}
    stream = {
        "type": "DeclarativeStream", "name": "people", "primary_key": ["id"], "retriever": retriever,
        "incremental_sync": cursor, "schema_loader": schema,
    }  # fmt: skip
    spec = {"type": "Spec", "connection_specification": {"type": "object", "properties": {"token": {"type": "string"}}}}
    return {**PLAIN, "streams": [stream], "spec": spec}


@pytest.mark.skipif(REAL is None, reason="Airbyte's kit has 337 MB: HUB_TEST_AIRBYTE names a folder that has it")
async def test_the_real_kit_reads_a_real_api():
    server = ThreadingHTTPServer(("127.0.0.1", 0), People)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        made = api(REAL, manifest(f"http://127.0.0.1:{server.server_port}"))
        await CONNECTOR.check(made)
        stream = (await CONNECTOR.discover(made))["people"]
        assert (stream.kind.primary_key, stream.kind.incremental) == (("id",), True)
        records, _, state = await everything(stream, made)
        assert sorted(records) == [(n,) for n in range(1, 21)]
        again, _, _ = await everything(stream, made, state)
        assert (20,) in again
        assert len(again) < 20
        made.credential["config"] = '{"token": "wrong-canary"}'
        with pytest.raises((BadSettings, AuthFailed)) as refused:
            await CONNECTOR.check(made)
        assert "canary" not in refused.value.detail
    finally:
        server.shutdown()
        server.server_close()
