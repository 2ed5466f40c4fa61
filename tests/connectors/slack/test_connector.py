"""The Slack connector against the sandbox's Slack, which is driven by Slack's own SDK elsewhere."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.connectors.sandbox_api import SandboxApi, everything
from worksphere_hub.connectors.slack.connector import CONNECTOR
from worksphere_hub.sdk.errors import (
    AuthFailed,
    BadSettings,
    Missing,
    NotPermitted,
    RateLimited,
    Rejected,
    Transient,
    Unexpected,
)
from worksphere_hub.sdk.inbound import Message

GENERAL = "C0GENERAL1"
SCOPES = (
    "channels:read,groups:read,channels:history,groups:history,users:read,users:read.email,chat:write,"
    "files:read,files:write"
)


@pytest.fixture
async def slack(sandbox):
    api = SandboxApi(sandbox, "/slack/api", sandbox.tokens("slack", scopes=SCOPES.split(","))["access_token"])
    yield api
    await api.close()


def texts(records):
    return sorted(record["text"] for record in records.values())


async def act(api, name, **given):
    return await CONNECTOR.actions[name].run(api, given)


@pytest.mark.parametrize("name", ["channels", "users", "messages", "files"])
async def test_reading_everything_twice_is_reading_it_once(slack, name):
    stream = CONNECTOR.streams[name]
    first, gone, _ = await everything(stream, slack)
    second, _, _ = await everything(stream, slack)
    assert first
    assert first == second
    assert gone == set()


async def test_messages_come_with_their_replies_and_only_from_where_the_app_is(slack):
    messages, _, state = await everything(CONNECTOR.streams["messages"], slack)
    assert "An actual bug!" in texts(messages)
    assert "Not for everybody" not in texts(messages)
    assert len(messages) == len({key[1] for key in messages})
    assert set(state["newest"]) == {GENERAL, "C0SALES001"}


async def test_what_was_written_since_is_read_from_the_state_on(slack):
    stream = CONNECTOR.streams["messages"]
    _, _, state = await everything(stream, slack)
    posted = await act(slack, "post_message", channel=GENERAL, text="News")
    slack.requests.clear()
    later, _, state = await everything(stream, slack, state, rescan_seconds=0)
    # The newest of each channel is read again, and what came after it.
    assert texts(later) == ["Can machines think? <@U0ADA00001>", "Globex signed", "News"]
    assert state["newest"][GENERAL] == posted["ts"]
    assert all(request.form["oldest"] != "0" for request in slack.requests if "oldest" in (request.form or {}))


async def test_a_message_is_written_changed_and_deleted(slack):
    posted = await act(slack, "post_message", channel=GENERAL, text="Hello")
    assert await act(slack, "update_message", **posted, text="Hello all") == posted
    messages, _, _ = await everything(CONNECTOR.streams["messages"], slack, channel=GENERAL)
    assert messages[GENERAL, posted["ts"]]["text"] == "Hello all"
    assert await act(slack, "delete_message", **posted) == {"deleted": True}
    assert await act(slack, "delete_message", **posted) == {"deleted": False}
    reply = await act(
        slack,
        "post_message",
        channel=GENERAL,
        text="In a thread",
        thread_ts=(await act(slack, "post_message", channel=GENERAL, text="P"))["ts"],
    )
    assert reply["channel"] == GENERAL


async def test_a_file_is_uploaded(slack):
    content = bytes(range(256))
    given = {"filename": "all.bin", "content_base64": base64.b64encode(content).decode(), "channel": GENERAL}
    made = await act(slack, "upload_file", **given)
    files, _, _ = await everything(CONNECTOR.streams["files"], slack, channel=GENERAL)
    assert (files[(made["id"],)]["size"], files[(made["id"],)]["name"]) == (256, "all.bin")
    with pytest.raises(BadSettings):
        await act(slack, "upload_file", filename="x", content_base64="%%%")


async def test_what_goes_wrong_is_told_by_who_has_to_act(sandbox, slack):
    for name, given, failure in (
        ("post_message", {"channel": "C0NOWHERE", "text": "x"}, Missing),
        ("post_message", {"channel": "C0OLD00001", "text": "x"}, NotPermitted),
        ("update_message", {"channel": GENERAL, "ts": "1.000000", "text": "x"}, Missing),
        ("post_message", {"channel": GENERAL, "text": "x" * 40_001}, Rejected),
    ):
        with pytest.raises(failure):
            await act(slack, name, **given)
    slack.patient = False
    for fault, failure in (
        ("error", Transient), ("rate_limit", RateLimited), ("truncate", (Transient, Unexpected)),
        ("disconnect", Transient), ("expired_token", AuthFailed),
    ):  # fmt: skip
        sandbox.fault(fault, provider="slack")
        with pytest.raises(failure):
            await everything(CONNECTOR.streams["users"], slack)
        assert (await everything(CONNECTOR.streams["users"], slack))[0]
    slack.tokens["main"] = sandbox.tokens("slack", scopes=["users:read"])["access_token"]
    with pytest.raises(NotPermitted, match="channels:read"):
        await everything(CONNECTOR.streams["channels"], slack)


def envelope(event, **more):
    body = {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event_time": 1_767_225_600,
        "event": event,
        **more,
    }
    return Message({"content-type": "application/json"}, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("event", "name", "stream", "key"),
    [
        ({"type": "message", "channel": "C1", "ts": "1.5"}, "slack.message", "messages", ("C1", "1.5")),
        (
            {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "2.5", "message": {"ts": "1.5"}},
            "slack.message.message_changed", "messages", ("C1", "1.5"),
        ),
        (
            {"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "2.5", "deleted_ts": "1.5"},
            "slack.message.message_deleted", "messages", ("C1", "1.5"),
        ),
        ({"type": "channel_created", "channel": {"id": "C2"}}, "slack.channel_created", "channels", ("C2",)),
        ({"type": "channel_archive", "channel": "C2"}, "slack.channel_archive", "channels", ("C2",)),
        ({"type": "team_join", "user": {"id": "U1"}}, "slack.team_join", "users", ("U1",)),
        ({"type": "file_deleted", "file_id": "F1"}, "slack.file_deleted", "files", ("F1",)),
        ({"type": "app_uninstalled"}, "slack.app_uninstalled", None, None),
    ],
)  # fmt: skip
def test_events_become_facts(event, name, stream, key):
    (told,) = CONNECTOR.inbound.read(envelope(event))
    assert (told.type, told.id, told.stream, told.key) == (name, "Ev1", stream, key)


def test_what_is_no_event_is_told_apart():
    assert CONNECTOR.inbound.read(Message({}, {}, b'{"type":"url_verification","challenge":"x"}')) == []
    form = {"content-type": "application/x-www-form-urlencoded"}
    pressed = "payload=" + quote('{"type":"block_actions","trigger_id":"1.2"}')
    (told,) = CONNECTOR.inbound.read(Message(form, {}, pressed.encode()))
    assert (told.type, told.id) == ("slack.block_actions", "1.2")
    (told,) = CONNECTOR.inbound.read(Message(form, {}, b"command=%2Fhub&text=hi"))
    assert (told.type, told.data["text"]) == ("slack.command", "hi")
    for rubbish in (
        b"",
        b"[]",
        b"\xff",
        b'{"type":"event_callback"}',
        b'{"type":"event_callback","event":{"type":"x"}}',
    ):
        with pytest.raises(Unexpected):
            CONNECTOR.inbound.read(Message({}, {}, rubbish))


def test_the_manifest_and_the_code_agree():
    scopes = set(CONNECTOR.manifest.auth["app"].scopes)
    assert CONNECTOR.manifest.inbound.scheme == CONNECTOR.inbound.scheme
    for thing in (
        *(each.kind for each in CONNECTOR.streams.values()),
        *(each.deed for each in CONNECTOR.actions.values()),
    ):
        assert set(thing.scopes) <= scopes
