"""Graph: every notification bears the state, and what proved the message is not kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inbound.schemes.samples import SECRET, received
from worksphere_hub.inbound.schemes.catalogue import config_of, scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused

GRAPH = scheme_of("graph", {})


def message(*states, **more) -> bytes:
    found = [
        {"subscriptionId": f"s{number}", "clientState": state, "resource": "r"} for number, state in enumerate(states)
    ]
    return json.dumps({"value": found, **more}).encode()


def check(body: bytes, secrets=(SECRET,), **changes):
    return verify(GRAPH, received(body, {"content-type": "application/json"}, **changes), secrets)


def test_a_message_whose_every_notification_bears_the_state_is_verified():
    found = check(message(SECRET, SECRET))
    assert found.event_id
    assert found.answer is None
    assert SECRET not in found.kept.decode()
    assert [each["subscriptionId"] for each in json.loads(found.kept)["value"]] == ["s0", "s1"]
    assert check(message(SECRET, SECRET)).event_id == found.event_id
    assert check(message(SECRET)).event_id != found.event_id


def test_while_a_state_is_rotated_both_are_good():
    assert check(message("another state of many characters", SECRET), ("another state of many characters", SECRET))


@pytest.mark.parametrize(
    "body",
    [
        message(), message(SECRET, "wrong"), message(SECRET, None), message(SECRET, ""), message(SECRET.upper()),
        message(SECRET, [SECRET]), b"", b"null", b"[]", b'{"value": 1}', b'{"value": [1]}', b'{"value": [{}]}',
        b"not json", b'{"value":[{"clientState":"' + SECRET.encode() + b'"}],"value":[{}]}',
    ],
)  # fmt: skip
def test_anything_else_is_refused(body):
    with pytest.raises(Refused):
        check(body)


def test_without_a_secret_nothing_is_verified():
    with pytest.raises(Refused):
        check(message(SECRET), ())


def test_the_handshake_is_answered_and_leaves_no_trace():
    found = check(b"", query="validationToken=Validation%3A+Testing+%3Cb%3E")
    assert (found.answer.body, found.answer.content_type) == (b"Validation: Testing <b>", "text/plain; charset=utf-8")
    assert found.proven is False


@pytest.mark.parametrize("query", ["validationToken=a&validationToken=b", f"validationToken={'x' * 5000}"])
def test_odd_handshakes_are_refused(query):
    with pytest.raises(Refused):
        check(b"", query=query)


def test_a_handshake_proves_nothing_for_a_message():
    with pytest.raises(Refused):
        check(message("wrong"), query="validationToken=abc")


@given(st.binary(max_size=200))
def test_rubbish_is_refused(body):
    with pytest.raises(Refused):
        check(body)


def test_it_is_stored_and_read_back():
    assert scheme_of("graph", config_of(GRAPH)) == GRAPH
    for weak in ("", "short", "x" * 600):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
            GRAPH.check_secret(weak)
