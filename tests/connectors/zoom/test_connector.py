"""The Zoom connector against the sandbox's Zoom, which is held against Zoom's own description elsewhere."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.connectors.sandbox_api import SandboxApi, everything
from worksphere_hub.connectors.zoom.connector import CONNECTOR
from worksphere_hub.sdk.errors import AuthFailed, Missing, RateLimited, Rejected, Transient, Unexpected
from worksphere_hub.sdk.inbound import Message

SERVER_APP = "zoom-sandbox-server-app"


@pytest.fixture
async def zoom(sandbox):
    api = SandboxApi(sandbox, "/zoom/v2", sandbox.tokens("zoom", client_id=SERVER_APP)["access_token"])
    yield api
    await api.close()


@pytest.fixture
async def ada(sandbox):
    token = sandbox.tokens("zoom", account="ada@acme.example")["access_token"]
    api = SandboxApi(sandbox, "/zoom/v2", token, acts_for="user")
    yield api
    await api.close()


@pytest.mark.parametrize("name", ["users", "meetings", "recordings", "participants"])
async def test_reading_everything_twice_is_reading_it_once(zoom, name):
    stream = CONNECTOR.streams[name]
    first, gone, _ = await everything(stream, zoom)
    second, _, _ = await everything(stream, zoom)
    assert first
    assert first == second
    assert gone == set()
    known = set(stream.kind.schema["properties"])
    assert all(set(stream.kind.primary_key) <= set(record) for record in first.values())
    assert any(known & set(record) for record in first.values())


async def test_inactive_users_are_users(zoom):
    users, _, _ = await everything(CONNECTOR.streams["users"], zoom)
    assert {user["email"].partition("@")[0]: user["status"] for user in users.values()} == {
        "ada": "active", "grace": "active", "alan": "active", "left": "inactive",
    }  # fmt: skip


async def test_whoever_signs_in_reads_what_is_theirs(ada):
    meetings, _, _ = await everything(CONNECTOR.streams["meetings"], ada)
    assert {meeting["topic"] for meeting in meetings.values()} == {"Weekly", "Board"}


async def test_recordings_are_read_by_the_month_and_then_from_where_they_ended(zoom):
    stream = CONNECTOR.streams["recordings"]
    today = datetime.now(UTC).date()
    first, _, state = await everything(stream, zoom)
    assert {record["topic"] for record in first.values()} == {"Kick-off", "Retrospective"}
    assert state == {"until": today.isoformat()}
    windows = {(request.query["from"], request.query["to"]) for request in zoom.requests if "from" in request.query}
    assert len(windows) == 7
    zoom.requests.clear()
    later = (today + timedelta(days=1)).isoformat()
    again, _, state = await everything(stream, zoom, state, today=later)
    assert (again, state) == ({}, {"until": later})
    windows = {(request.query["from"], request.query["to"]) for request in zoom.requests if "from" in request.query}
    assert windows == {((today - timedelta(days=2)).isoformat(), later)}


async def test_participants_of_a_meeting_whose_uuid_has_slashes(zoom):
    found, _, _ = await everything(CONNECTOR.streams["participants"], zoom, meeting="/ajXp112QmuoKj4854875==")
    assert [record["name"] for record in found.values()] == ["Ada Lovelace", "Grace Hopper", "A guest"]


async def test_a_meeting_is_made_changed_and_called_off(ada):
    wanted = {"topic": "Demo", "start_time": "2027-01-02T10:00:00Z", "duration": 20}
    made = await CONNECTOR.actions["create_meeting"].run(ada, wanted)
    assert made["join_url"]
    changed = await CONNECTOR.actions["update_meeting"].run(ada, {"id": made["id"], "topic": "Another"})
    assert (changed["topic"], changed["duration"]) == ("Another", 20)
    assert (await CONNECTOR.actions["get_meeting"].run(ada, {"id": made["id"]}))["topic"] == "Another"
    assert await CONNECTOR.actions["delete_meeting"].run(ada, {"id": made["id"]}) == {"deleted": True}
    assert await CONNECTOR.actions["delete_meeting"].run(ada, {"id": made["id"]}) == {"deleted": False}
    with pytest.raises(Missing):
        await CONNECTOR.actions["get_meeting"].run(ada, {"id": made["id"]})
    with pytest.raises(Rejected, match="topic"):
        await CONNECTOR.actions["create_meeting"].run(ada, {**wanted, "topic": "x" * 300})


async def test_what_goes_wrong_is_told_by_who_has_to_act(sandbox, ada):
    users = CONNECTOR.streams["meetings"]
    ada.patient = False
    for fault, failure in (
        ("error", Transient),
        ("rate_limit", RateLimited),
        ("truncate", (Transient, Unexpected)),
        ("disconnect", Transient),
        ("expired_token", AuthFailed),
    ):
        sandbox.fault(fault, provider="zoom")
        with pytest.raises(failure):
            await everything(users, ada)
        assert (await everything(users, ada))[0]
    ada.tokens["main"] = "not-a-token"
    with pytest.raises(AuthFailed):
        await everything(users, ada)


def test_events_become_facts():
    body = {
        "event": "meeting.updated", "event_ts": 1_767_225_600_123,
        "payload": {"account_id": "acc", "object": {"id": 99, "topic": "New"}},
    }  # fmt: skip
    message = Message({}, {}, json.dumps(body).encode())
    (told,) = CONNECTOR.inbound.read(message)
    assert (told.type, told.stream, told.key) == ("zoom.meeting.updated", "meetings", (99,))
    assert told.occurred_at == datetime(2026, 1, 1, 0, 0, 0, 123_000, UTC)
    assert told.data == body["payload"]
    assert CONNECTOR.inbound.read(message) == [told]
    assert CONNECTOR.inbound.read(Message({}, {}, b'{"event":"endpoint.url_validation","payload":{}}')) == []
    for rubbish in (b"", b"[]", b"{}", b'{"event":1}', b"\xff"):
        with pytest.raises(Unexpected):
            CONNECTOR.inbound.read(Message({}, {}, rubbish))


def test_the_manifest_and_the_code_agree():
    manifest = CONNECTOR.manifest
    assert manifest.inbound.scheme == CONNECTOR.inbound.scheme
    for thing in (
        *(each.kind for each in CONNECTOR.streams.values()),
        *(each.deed for each in CONNECTOR.actions.values()),
    ):
        granular = {scope.removesuffix(":admin") for scope in thing.scopes}
        assert granular <= {*manifest.auth["user"].scopes, "user:read:list_users"}
