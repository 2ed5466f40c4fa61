"""The Google Drive connector against the sandbox's Drive, which is driven by Google's own client elsewhere."""

import base64
import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.connectors.sandbox_api import SandboxApi, everything
from tests.sandbox.receiver import receiving
from worksphere_hub.connectors.google_drive import uploads
from worksphere_hub.connectors.google_drive.connector import CONNECTOR
from worksphere_hub.sdk.errors import (
    AuthFailed,
    BadSettings,
    Missing,
    RateLimited,
    Rejected,
    StateExpired,
    Transient,
    Unexpected,
)
from worksphere_hub.sdk.inbound import Address, Message

DRIVE = "https://www.googleapis.com/auth/drive"


@pytest.fixture
async def drive(sandbox):
    api = SandboxApi(
        sandbox, "/google", sandbox.tokens("google", account="ada@acme.example", scopes=[DRIVE])["access_token"]
    )
    yield api
    await api.close()


async def act(api, action, **given):
    return await CONNECTOR.actions[action].run(api, given)


@pytest.mark.parametrize("name", ["files", "drives"])
async def test_reading_everything_twice_is_reading_it_once(drive, name):
    stream = CONNECTOR.streams[name]
    first, gone, _ = await everything(stream, drive)
    second, _, _ = await everything(stream, drive)
    assert first
    assert first == second
    assert gone == set()
    assert all(set(record) <= set(stream.kind.schema["properties"]) for record in first.values())


async def test_what_changed_and_what_is_gone_since(drive):
    stream = CONNECTOR.streams["files"]
    _, _, state = await everything(stream, drive)
    nothing, gone, state = await everything(stream, drive, state)
    assert (nothing, gone) == ({}, set())
    made = await act(drive, "upload_file", name="New.txt", content="new", mime_type="text/plain")
    await act(drive, "update_file", id="1SandboxFileRoadmap", name="Map.txt")
    await act(drive, "update_file", id="1SandboxFileBudget", trashed=True)
    changed, gone, state = await everything(stream, drive, state)
    assert {record["name"] for record in changed.values()} == {"New.txt", "Map.txt"}
    assert gone == {("1SandboxFileBudget",)}
    assert await act(drive, "delete_file", id=made["id"]) == {"deleted": True}
    assert await act(drive, "delete_file", id=made["id"]) == {"deleted": False}
    changed, gone, _ = await everything(stream, drive, state)
    assert (changed, gone) == ({}, {(made["id"],)})


async def test_one_shared_drive_is_read_by_itself(drive):
    files, _, state = await everything(CONNECTOR.streams["files"], drive, drive="0ASandboxMarketing")
    assert files
    assert {record["driveId"] for record in files.values()} == {"0ASandboxMarketing"}
    await act(drive, "upload_file", name="Mine.txt", content="x")
    changed, _, _ = await everything(CONNECTOR.streams["files"], drive, state, drive="0ASandboxMarketing")
    assert changed == {}


async def test_a_large_file_goes_up_in_pieces_and_on_where_it_broke_off(sandbox, drive, monkeypatch):
    monkeypatch.setattr(uploads, "_PIECE", 256 * 1024)
    content = os.urandom(3 * 256 * 1024 + 17)
    sandbox.http.post("/_sandbox/faults", json={"kind": "disconnect", "provider": "google", "method": "PUT", "skip": 1})
    given = {"name": "large.bin", "content_base64": base64.b64encode(content).decode(), "parent": "1SandboxFolderPlans"}
    made = await act(drive, "upload_file", **given)
    assert (int(made["size"]), made["parents"]) == (len(content), ["1SandboxFolderPlans"])
    found = await act(drive, "get_file", id=made["id"], content=True)
    assert base64.b64decode(found["content_base64"]) == content
    again = await act(drive, "upload_file", id=made["id"], content="short")
    assert (again["id"], again["size"]) == (made["id"], "5")
    with pytest.raises(BadSettings):
        await act(drive, "upload_file", name="x", content_base64="%%%")


async def test_folders_moves_and_sharing(sandbox, drive):
    folder = await act(drive, "create_folder", name="Archive")
    moved = await act(drive, "update_file", id="1SandboxFileRoadmap", parent=folder["id"])
    assert moved["parents"] == [folder["id"]]
    shared = await act(drive, "share_file", id=folder["id"], type="user", role="reader", email="grace@acme.example")
    grace = SandboxApi(
        sandbox, "/google", sandbox.tokens("google", account="grace@acme.example", scopes=[DRIVE])["access_token"]
    )
    assert (await act(grace, "get_file", id=folder["id"]))["name"] == "Archive"
    gone = {"id": folder["id"], "permission": shared["id"]}
    assert await act(drive, "unshare_file", **gone) == {"deleted": True}
    assert await act(drive, "unshare_file", **gone) == {"deleted": False}
    with pytest.raises(Missing):
        await act(grace, "get_file", id=folder["id"])
    await grace.close()


async def test_a_channel_tells_of_changes_and_is_renewed_before_it_ends(sandbox, drive):
    inbound = CONNECTOR.inbound
    with receiving() as receiver:
        address = Address(receiver.url, "the channel's token")
        first = await inbound.subscribe(drive, address)
        assert timedelta(days=6) < first.expires_at - datetime.now(UTC) <= timedelta(days=7)
        second = await inbound.renew(drive, address, first)
        assert second.kept["id"] != first.kept["id"]
        await act(drive, "upload_file", name="Told.txt", content="x")
        sandbox.settle()
        told = []
        for request in receiver.everything():
            headers = {name.lower(): value for name, value in request.headers.items()}
            assert headers["x-goog-channel-token"] == "the channel's token"
            told += inbound.read(Message(headers, {}, request.body))
        assert {fact.stream for fact in told} == {"files"}
        assert {fact.data["channel"] for fact in told} == {second.kept["id"]}
        assert len({fact.id for fact in told}) == len(told)
        await inbound.cancel(drive, second)
        await inbound.cancel(drive, second)
    for rubbish in ({}, {"x-goog-channel-id": "c"}):
        with pytest.raises(Unexpected):
            inbound.read(Message(rubbish, {}, b""))


async def test_what_goes_wrong_is_told_by_who_has_to_act(sandbox, drive):
    files = CONNECTOR.streams["files"]
    with pytest.raises(StateExpired):
        await everything(files, drive, {"token": "99999"})
    with pytest.raises(Missing):
        await act(drive, "get_file", id="1NoSuchFile")
    with pytest.raises(Rejected):
        await act(drive, "share_file", id="1SandboxFileRoadmap", type="user", role="reader")
    drive.patient = False
    for fault, failure in (
        ("error", Transient), ("rate_limit", RateLimited), ("truncate", (Transient, Unexpected)),
        ("disconnect", Transient), ("expired_token", AuthFailed),
    ):  # fmt: skip
        sandbox.fault(fault, provider="google")
        with pytest.raises(failure):
            await everything(files, drive)
        assert (await everything(files, drive))[0]
