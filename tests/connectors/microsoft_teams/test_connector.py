"""The Teams connector against the sandbox's Graph, which is held against Microsoft's own description elsewhere."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.connectors.sandbox_api import SandboxApi, everything
from tests.sandbox.receiver import receiving
from worksphere_hub.connectors.microsoft_teams.connector import CONNECTOR
from worksphere_hub.sdk.errors import (
    AuthFailed,
    BadSettings,
    Missing,
    NotPermitted,
    RateLimited,
    StateExpired,
    Transient,
    Unexpected,
)
from worksphere_hub.sdk.inbound import Address, Message

TEAM, CHANNEL, CHAT = (
    "bbbbbbbb-0000-4000-8000-000000000001",
    "19:engineeringgeneral@thread.tacv2",
    "19:adagrace@unq.gbl.spaces",
)
HERE = {"team": TEAM, "channel": CHANNEL}


@pytest.fixture
async def teams(sandbox):
    api = SandboxApi(
        sandbox, "/microsoft/v1.0", sandbox.tokens("microsoft", account="ada@acme.example")["access_token"]
    )
    yield api
    await api.close()


async def act(api, action, **given):
    return await CONNECTOR.actions[action].run(api, given)


def texts(records):
    return sorted(record["body"]["content"] for record in records.values())


@pytest.mark.parametrize("name", sorted(CONNECTOR.streams))
async def test_reading_everything_twice_is_reading_it_once(teams, name):
    stream = CONNECTOR.streams[name]
    first, gone, _ = await everything(stream, teams)
    second, _, _ = await everything(stream, teams)
    assert first
    assert first == second
    assert gone == set()


async def test_what_changed_and_what_is_gone_since(teams):
    stream = CONNECTOR.streams["messages"]
    _, _, state = await everything(stream, teams)
    assert len(state["links"]) == 3
    sent = await act(teams, "send_to_channel", **HERE, text="News")
    kept = await act(teams, "send_to_channel", **HERE, text="Old", subject="S")
    changed, gone, state = await everything(stream, teams, state)
    assert (texts(changed), gone) == (["News", "Old"], set())
    await act(teams, "update_in_channel", **HERE, id=kept["id"], text="New")
    await teams.send_delete(TEAM, CHANNEL, sent["id"])
    changed, gone, state = await everything(stream, teams, state)
    assert (texts(changed), gone) == (["New"], {(TEAM, CHANNEL, sent["id"])})
    nothing, gone, _ = await everything(stream, teams, state)
    assert (nothing, gone) == ({}, set())


async def test_replies_are_a_stream_of_their_own(teams):
    messages, _, _ = await everything(CONNECTOR.streams["messages"], teams, **HERE)
    (_, _, parent) = next(key for key, record in messages.items() if "compiler" in record["body"]["content"])
    await act(teams, "send_to_channel", **HERE, reply_to=parent, text="Indeed")
    replies, _, _ = await everything(CONNECTOR.streams["replies"], teams, **HERE, message=parent)
    assert texts(replies) == ["Indeed", "Of course it does"]


async def test_chats_are_read_and_written(teams):
    await act(teams, "send_to_chat", chat=CHAT, text="<b>Yes</b>", html=True)
    messages, _, _ = await everything(CONNECTOR.streams["chat_messages"], teams, chat=CHAT)
    assert "<b>Yes</b>" in texts(messages)


async def test_a_subscription_tells_of_news_and_is_kept_alive(sandbox, teams):
    inbound = CONNECTOR.inbound
    with receiving() as receiver:
        receiver.answer = lambda request: (
            200,
            "text/plain",
            "".join(parse_qs(urlsplit(request.path).query).get("validationToken", [])).encode(),
        )
        resource = f"/teams/{TEAM}/channels/{CHANNEL}/messages"
        address = Address(receiver.url, "the state", (resource,))
        made = await inbound.subscribe(teams, address)
        assert made.expires_at - datetime.now(UTC) < timedelta(hours=1)
        renewed = await inbound.renew(teams, address, made)
        assert (renewed.kept, renewed.expires_at >= made.expires_at) == (made.kept, True)
        sent = await act(teams, "send_to_channel", **HERE, text="News")
        sandbox.settle()
        told = []
        for request in receiver.everything():
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
            if "validationToken" not in query:
                assert json.loads(request.body)["value"][0]["clientState"] == "the state"
            told += inbound.read(Message(request.headers, query, request.body))
        assert [(fact.type, fact.stream, fact.key) for fact in told] == [
            ("microsoft-teams.created", "messages", (TEAM, CHANNEL, sent["id"]))
        ]
        assert "clientState" not in told[0].data
        await inbound.cancel(teams, renewed)
        await inbound.cancel(teams, renewed)
        again = await inbound.renew(teams, address, renewed)
        assert again.kept != renewed.kept
    with pytest.raises(BadSettings):
        await inbound.subscribe(teams, Address("https://x.example", "s"))


def test_what_is_no_notification_is_told_apart():
    lifecycle = {"value": [{"lifecycleEvent": "reauthorizationRequired", "subscriptionId": "s", "clientState": "x"}]}
    (told,) = CONNECTOR.inbound.read(Message({}, {}, json.dumps(lifecycle).encode()))
    assert told.type == "microsoft-teams.lifecycle.reauthorizationRequired"
    for rubbish in (b"", b"[]", b"{}", b'{"value": 1}'):
        with pytest.raises(Unexpected):
            CONNECTOR.inbound.read(Message({}, {}, rubbish))


async def test_what_goes_wrong_is_told_by_who_has_to_act(sandbox, teams):
    with pytest.raises((Missing, NotPermitted)):
        await act(teams, "send_to_chat", chat="19:gracealan@unq.gbl.spaces", text="x")
    teams.patient = False
    stream = CONNECTOR.streams["teams"]
    for fault, failure in (
        ("error", Transient), ("rate_limit", RateLimited), ("truncate", (Transient, Unexpected)),
        ("disconnect", Transient), ("expired_token", AuthFailed),
    ):  # fmt: skip
        sandbox.fault(fault, provider="microsoft")
        with pytest.raises(failure):
            await everything(stream, teams)
        assert (await everything(stream, teams))[0]
    sandbox.fault("error", provider="microsoft", status=410)
    with pytest.raises(StateExpired):
        await everything(CONNECTOR.streams["messages"], teams, **HERE)
