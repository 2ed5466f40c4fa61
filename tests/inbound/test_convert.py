"""From what a provider sent to the event that is published."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub import ids
from worksphere_hub.events import grammar
from worksphere_hub.inbound.convert import NotPublishable, after_failure, event_of
from worksphere_hub.inbound.models import Claim
from worksphere_hub.inbound.settings import InboundSettings

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LIMIT = 1_048_576
CLAIM = Claim(
    org=UUID(int=1),
    id=UUID(int=2),
    source=UUID(int=3),
    provider_event_id="evt_1",
    query="",
    headers=[["content-type", "application/json"], ["x-github-event", "pull_request"]],
    body=b' {"type": "a.b/c", "n": 1.50} ',
    received_at=NOW,
    attempts=1,
    replays=0,
    fence=1,
    route="event",
    endpoint=None,
    event_type="provider.event",
    event_type_from=None,
)


def converted(**changes):
    return event_of(replace(CLAIM, **changes), NOW, LIMIT)


def why(**changes) -> str:
    with pytest.raises(NotPublishable) as caught:
        converted(**changes)
    return caught.value.why.partition(":")[0]


def test_json_is_passed_on_as_the_bytes_it_is():
    event = converted()
    assert event.body == (
        b'{"type":"provider.event","timestamp":"2026-11-23T10:00:00Z","data":{"type": "a.b/c", "n": 1.50}}'
    )
    assert (event.org, event.only_endpoint, event.key) == (CLAIM.org, None, None)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a=1&b=2", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/json"),
        (b'{"a":1,"a":2}', "application/json"),
        (b"{", "application/json"),
        (b"12", "text/plain"),
        (b"", None),
        (b"[" * 100 + b"]" * 100, "application/json"),
    ],
)
def test_anything_else_is_wrapped(body, content_type):
    headers = [["content-type", content_type]] if content_type else []
    data = json.loads(converted(body=body, headers=headers).body)["data"]
    assert data == {"content_type": content_type, "body_base64": base64.b64encode(body).decode()}


@pytest.mark.parametrize("body", [b"{}", b"[1]", b' {"a":null}\n'])
def test_json_is_known_by_its_looks_too(body):
    assert json.loads(converted(body=body, headers=[]).body)["data"] == json.loads(body)


@pytest.mark.parametrize("body", [b"null", b"12", b'"x"', b"false"])
def test_json_is_known_by_its_name(body):
    assert json.loads(converted(body=body, headers=[["content-type", "Application/Vnd.x+JSON; a=b"]]).body)[
        "data"
    ] == json.loads(body)


def test_a_query_is_told_of_when_there_is_nothing_else():
    data = json.loads(converted(body=b"", query="a=1", headers=[]).body)["data"]
    assert data["query"] == "a=1"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"pointer": "/type", "prefix": "x."}, "x.a.b_c"),
        ({"header": "X-GitHub-Event", "pointer": None, "prefix": "github."}, "github.pull_request"),
        ({"pointer": "/none", "prefix": "x."}, "provider.event"),
        ({"header": "x-none", "prefix": "x."}, "provider.event"),
    ],
)
def test_the_type_comes_from_where_the_source_says(where, expected):
    assert converted(event_type_from=where).type == expected


@given(st.text(), st.sampled_from(["x.", "stripe.live."]))
def test_whatever_a_provider_calls_it_the_type_is_one_below_the_prefix(told, prefix):
    body = json.dumps({"type": told}).encode()
    found = converted(body=body, event_type_from={"pointer": "/type", "prefix": prefix}).type
    assert grammar.is_event_type(found)
    assert found.startswith(prefix) or found == "provider.event"


def test_what_cannot_be_published_says_why():
    assert why(event_type=None, event_type_from={"pointer": "/none", "prefix": "x."}) == "no_event_type"
    assert why(route="endpoint") == "endpoint_gone"
    assert why(route=None) == "source_gone"
    with pytest.raises(NotPublishable, match="event_too_large"):
        event_of(CLAIM, NOW, 50)


def test_one_endpoint_and_a_sync():
    assert converted(route="endpoint", endpoint=UUID(int=9)).only_endpoint == UUID(int=9)
    event = converted(route="sync", event_type=None)
    assert event.type == "hub.inbound.received"
    assert json.loads(event.body)["data"] == {
        "source_id": ids.encode("ins", CLAIM.source),
        "message_id": ids.encode("inm", CLAIM.id),
        "provider_event_id": "evt_1",
    }


def test_the_claim_is_the_providers_id_and_a_replay_is_another():
    first = converted().claims
    assert converted(attempts=3, event_type="other.type").claims == first
    assert converted(replays=1).claims[0][1] != first[0][1]
    assert converted(provider_event_id="evt_2").claims[0][1] != first[0][1]
    assert converted(source=UUID(int=4)).claims[0][1] != first[0][1]
    assert len(first[0][1]) <= 255


@given(st.integers(1, 100))
def test_waits_grow_to_their_limit_and_then_it_is_over(attempts):
    settings = InboundSettings()
    outcome = after_failure(replace(CLAIM, attempts=attempts), "why", settings)
    assert outcome.error == "why"
    if attempts >= settings.tries:
        assert outcome.state == "failed"
    else:
        assert outcome.state == "received"
        assert outcome.delay == min(600.0, 2.0**attempts)
