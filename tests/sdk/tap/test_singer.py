"""Singer's catalogues, of old taps and new ones, and its messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.tap import singer
from worksphere_hub.sdk.tap.singer import Said

NEW = {
    "tap_stream_id": "public-people", "stream": "people", "key_properties": ["id"],
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
    "metadata": [
        {"breadcrumb": [], "metadata": {"replication-method": "INCREMENTAL", "replication-key": "changed"}},
        {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}},
        {"breadcrumb": ["properties", "odd"], "metadata": {"inclusion": "unsupported"}},
    ],
}  # fmt: skip
OLD = {"stream": "orders", "schema": {"properties": {}}}


def catalogue(*streams, **keys):
    return singer.catalogue(json.dumps({"streams": streams}).encode(), keys)


def test_streams_have_their_key_and_their_cursor():
    (entry,) = catalogue(NEW)
    kind = entry.kind
    assert (entry.name, kind.title, kind.primary_key, kind.cursor_field) == (
        "public-people",
        "people",
        ("id",),
        "changed",
    )
    assert (kind.incremental, kind.deletes) == (True, False)


def test_a_stream_without_a_key_is_none_unless_one_is_said():
    assert catalogue(OLD) == []
    (entry,) = catalogue(OLD, orders=["number"])
    assert (entry.name, entry.kind.primary_key, entry.kind.incremental) == ("orders", ("number",), False)
    facts = {"table-key-properties": ["id"], "replication-method": "LOG_BASED"}
    (entry,) = catalogue({**OLD, "metadata": [{"breadcrumb": [], "metadata": facts}]})
    assert (entry.kind.primary_key, entry.kind.deletes) == (("id",), True)


def test_the_one_stream_is_selected_in_words_of_both_ages():
    (entry,) = catalogue(NEW)
    (stream,) = json.loads(singer.selected(entry))["streams"]
    assert stream["schema"]["selected"] is True
    assert [each["metadata"]["selected"] for each in stream["metadata"]] == [True, True, False]
    (entry,) = catalogue(OLD, orders=["n"])
    (stream,) = json.loads(singer.selected(entry))["streams"]
    assert stream["metadata"] == [{"breadcrumb": [], "metadata": {"selected": True}}]


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"streams": 5}', b'{"streams": [{}]}'])
def test_what_is_no_catalogue_is_refused(text):
    with pytest.raises(Unexpected):
        singer.catalogue(text, {})


def test_messages_are_records_states_or_nothing():
    assert singer.read(b'{"type":"RECORD","stream":"a","record":{"x":1}}') == Said("a", {"x": 1})
    assert singer.read(b'{"type":"STATE","value":{"b":1}}') == Said(state={"value": {"b": 1}})
    assert singer.read(b'{"type":"SCHEMA","stream":"a","schema":{},"key_properties":[]}') is None
    assert singer.read(b'{"type":"ACTIVATE_VERSION","stream":"a","version":1}') is None


@given(st.one_of(st.binary(max_size=60), st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
    lambda value: json.dumps(value).encode())))  # fmt: skip
def test_rubbish_is_refused_and_not_repeated(line):
    with pytest.raises(Unexpected) as refused:
        singer.read(line)
    assert len(refused.value.detail) < 100


@pytest.mark.parametrize(
    "line", [b'{"type":"BATCH"}', b'{"type":"RECORD"}', b'{"type":"RECORD","stream":"a","record":1}']
)
def test_what_cannot_be_taken_is_refused(line):
    with pytest.raises(Unexpected):
        singer.read(line)


def test_a_deletion_is_its_key():
    (entry,) = catalogue(NEW)
    assert singer.deletion(entry.kind, {"id": 7, "_sdc_deleted_at": "2026-01-01"}) == (7,)
    assert singer.deletion(entry.kind, {"id": 7, "_sdc_deleted_at": None}) is None
