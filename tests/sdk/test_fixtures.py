"""Recorded answers: what is no fixture is named, and a change on either side is seen."""

import json

import msgspec
import pytest

from tests.sdk.scripted import ScriptedApi, evaluate
from tests.sdk.test_declared import CONNECTOR
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.fixtures import Fixture, InvalidFixture, NotRecorded, Replay, answered, asked, load, play

EXCHANGES = [
    {
        "request": {"method": "GET", "path": "/eu/orders", "query": {"v": "2"}},
        "answer": {"status": 200, "body": {"orders": [{"id": 1, "updated": "2026-01-01T10:00:00Z"}], "next": "p2"}},
    },
    {
        "request": {"method": "GET", "path": "/eu/orders", "query": {"v": "2", "after": "p2"}},
        "answer": {"status": 200, "body": {"orders": [{"id": 2, "updated": "2026-01-02T10:00:00Z"}]}},
    },
]
ORDERS = {
    "origin": "account",
    "source": "a shop",
    "reads": "orders",
    "settings": {"region": "eu"},
    "exchanges": EXCHANGES,
    "gives": {
        "records": [{"id": 1, "updated": "2026-01-01T10:00:00Z"}, {"id": 2, "updated": "2026-01-02T10:00:00Z"}],
        "deleted": [],
        "state": {"cursor": "2026-01-02T10:00:00Z"},
    },
}


def fixture(**changes):
    return msgspec.convert({**ORDERS, **changes}, Fixture)


async def test_a_stream_is_read_from_what_is_recorded():
    api = Replay(fixture(), evaluate)
    assert await play(CONNECTOR, fixture(), api) == ORDERS["gives"]
    assert api.left == []


async def test_an_action_is_run_on_what_is_recorded():
    request = {"method": "POST", "path": "/orders/7/refunds", "json": {"amount": 5, "note": "from eu"}}
    answer = {"status": 201, "body": {"ok": True, "refund": {"id": 9}}}
    wanted = fixture(
        reads=None, runs="refund", input={"id": 7, "amount": 5}, exchanges=[{"request": request, "answer": answer}]
    )
    assert await play(CONNECTOR, wanted, Replay(wanted, evaluate)) == 9
    # Another amount is another request.
    other = msgspec.structs.replace(wanted, input={"id": 7, "amount": 6})
    with pytest.raises(NotRecorded, match='"amount":6'):
        await play(CONNECTOR, other, Replay(wanted, evaluate))


async def test_a_request_that_was_not_recorded_is_no_failure_of_the_provider():
    """It would be taken for one otherwise, and a connector that goes on after failures would hide it."""
    short = fixture(exchanges=EXCHANGES[:1])
    with pytest.raises(NotRecorded, match="after"):
        await play(CONNECTOR, short, Replay(short, evaluate))
    changed = fixture(settings={"region": "us"})
    with pytest.raises(NotRecorded, match="/us/orders"):
        await play(CONNECTOR, changed, Replay(changed, evaluate))


async def test_what_is_recorded_is_what_was_exchanged():
    def provider(request):
        return 200, EXCHANGES[1 if "after" in request.query else 0]["answer"]["body"], {"link": "l", "date": "today"}

    live = ScriptedApi(provider, region="eu")
    assert await play(CONNECTOR, fixture(), live) == ORDERS["gives"]
    assert [msgspec.to_builtins(asked(request)) for request in live.requests] == [
        exchange["request"] for exchange in EXCHANGES
    ]
    given = answered(Answer(200, {"link": "l", "date": "today", "set-cookie": "s"}, b'{"a":1}'))
    assert msgspec.to_builtins(given) == {"status": 200, "headers": {"link": "l"}, "body": {"a": 1}}
    assert answered(Answer(200, {}, b"Id,Name\n1,A\n")).text == "Id,Name\n1,A\n"


async def test_a_body_that_is_no_json_is_given_as_it_was():
    one = fixture(exchanges=[{"request": EXCHANGES[0]["request"], "answer": {"status": 200, "text": "<html>"}}])
    with pytest.raises(Unexpected, match="not JSON"):
        await play(CONNECTOR, one, Replay(one, evaluate))
    api = Replay(one, evaluate)
    found = await api.send(Request("GET", "/eu/orders", query={"v": "2"}))
    assert (found.status, found.body, api.evaluate("a + 1", {"a": 1})) == (200, b"<html>", 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"origin": "memory"}, "origin"),
        ({"reads": None}, "reads a stream or runs an action"),
        ({"runs": "refund"}, "reads a stream or runs an action"),
        ({"exchanges": []}, "has exchanges"),
        ({"tokens": ["t"]}, "tokens"),
        ({"exchanges": [{"request": {"method": "GET"}, "answer": {"status": 200}}]}, "path"),
    ],
)
def test_a_file_that_is_no_fixture_is_named(tmp_path, changes, said):
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "orders.json").write_text(json.dumps(ORDERS))
    assert load(tmp_path) == {"orders.json": fixture()}
    (tmp_path / "fixtures" / "worse.json").write_text(json.dumps({**ORDERS, **changes}))
    with pytest.raises(InvalidFixture, match=f"worse.json.*{said}"):
        load(tmp_path)


def test_a_folder_without_fixtures_has_none(tmp_path):
    assert load(tmp_path) == {}
