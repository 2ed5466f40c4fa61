"""Airbyte's catalogue, messages, states and errors, and manifests that hold more than a description."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sdk.errors import AuthFailed, BadSettings, Transient, Unexpected
from worksphere_hub.sdk.tap import airbyte
from worksphere_hub.sdk.tap.airbyte import Said

STREAM = {
    "name": "people", "json_schema": {"type": "object"}, "supported_sync_modes": ["full_refresh", "incremental"],
    "source_defined_primary_key": [["id"]], "default_cursor_field": ["changed"],
}  # fmt: skip


def line(**message):
    return json.dumps(message).encode()


def test_messages_are_records_states_catalogues_or_nothing():
    record = {"stream": "people", "data": {"id": 1}, "emitted_at": 1}
    assert airbyte.read(line(type="RECORD", record=record)) == Said("people", {"id": 1})
    state = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "people"}, "stream_state": {"c": 1}}}
    assert airbyte.read(line(type="STATE", state=state)) == Said("people", state={"value": {"c": 1}})
    assert airbyte.read(line(type="CATALOG", catalog={"streams": [STREAM]})) == Said(catalogue=[STREAM])
    status = {"status": "FAILED", "message": "no"}
    assert airbyte.read(line(type="CONNECTION_STATUS", connectionStatus=status)) == Said(refused="no")
    assert airbyte.read(line(type="CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})) == Said(is_well=True)
    assert airbyte.read(line(type="LOG", log={"level": "INFO", "message": "x"})) is None


@given(st.binary(max_size=100))
def test_whatever_a_library_prints_is_passed_over(text):
    assert airbyte.read(text) is None


@pytest.mark.parametrize(
    ("failure", "message", "kind"),
    [
        ("config_error", "bad", BadSettings),
        ("transient_error", "later", Transient),
        ("system_error", "oh", Unexpected),
        ("config_error", "HTTP 401", AuthFailed),
    ],
)
def test_errors_are_told_by_whose_they_are(failure, message, kind):
    with pytest.raises(kind, match=message):
        airbyte.read(
            line(type="TRACE", trace={"type": "ERROR", "error": {"message": message, "failure_type": failure}})
        )


def test_streams_have_their_key_and_are_asked_for_one_at_a_time():
    (entry,) = airbyte.entries([STREAM, {**STREAM, "name": "loose", "source_defined_primary_key": [["a", "b"]]}], {})
    assert (entry.kind.primary_key, entry.kind.cursor_field, entry.kind.incremental) == (("id",), "changed", True)
    (asked,) = json.loads(airbyte.configured(entry))["streams"]
    assert (asked["stream"], asked["sync_mode"]) == (STREAM, "incremental")
    assert len(airbyte.entries([{**STREAM, "source_defined_primary_key": []}], {"people": ["id"]})) == 1
    (state,) = json.loads(airbyte.state_of("people", {"c": 1}))
    assert state["stream"]["stream_state"] == {"c": 1}
    with pytest.raises(Unexpected):
        airbyte.entries([{}], {})


@pytest.mark.parametrize(
    "manifest",
    [
        {"streams": [{"retriever": {"class_name": "os.system"}}]},
        {"definitions": {"a": [{"type": "CustomRetriever"}]}},
        {"a": {"b": {"type": "CustomAuthenticator", "class_name": "x"}}},
    ],
)
def test_a_manifest_with_code_is_refused(manifest):
    with pytest.raises(BadSettings, match="code"):
        airbyte.require_plain(manifest)
    airbyte.require_plain({"type": "DeclarativeSource", "streams": [{"type": "DeclarativeStream"}]})
