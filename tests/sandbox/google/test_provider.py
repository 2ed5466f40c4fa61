"""Google Drive's stand-in, driven by Google's own client library and held against Google's own description."""

import io
import json
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from googleapiclient import discovery_cache
from googleapiclient.channel import Channel, new_webhook_channel, notification_from_headers
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from tests.sandbox.control import pkce
from tests.sandbox.oracle import Oracle

CLIENT, SECRET = "sandbox.apps.googleusercontent.com", "google-sandbox-client-secret"
DRIVE = "https://www.googleapis.com/auth/drive"
DISCOVERY = json.loads((Path(discovery_cache.__file__).parent / "documents" / "drive.v3.json").read_text())
REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
ALL = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


def service(sandbox, credentials):
    """Google's client from Google's discovery document, with our address as its root, for uploads too."""
    root = f"{sandbox.urls['google']}/"
    document = {**DISCOVERY, "rootUrl": root, "baseUrl": f"{root}drive/v3/"}
    return build_from_document(document, credentials=credentials)


def as_user(sandbox, account="ada@acme.example", scopes=(DRIVE,)):
    given = sandbox.tokens("google", account=account, scopes=list(scopes))
    token_uri = f"{sandbox.urls['google']}/token"
    return Credentials(
        given["access_token"], refresh_token=given["refresh_token"], token_uri=token_uri, client_id=CLIENT,
        client_secret=SECRET, scopes=list(scopes),
    )  # fmt: skip


@pytest.fixture
def drive(sandbox):
    with service(sandbox, as_user(sandbox)) as found:
        yield found


@pytest.fixture
def grace(sandbox):
    with service(sandbox, as_user(sandbox, "grace@acme.example")) as found:
        yield found


def refused(request):
    with pytest.raises(HttpError) as error:
        request.execute()
    return error.value.status_code, error.value.error_details[0]["reason"]


def names(found):
    return [one["name"] for one in found["files"]]


def test_answers_are_as_google_describes_them(drive):
    oracle = Oracle("drive")
    everything = {"fields": "*"}
    oracle.check("get", "/about", drive.about().get(fields="user,storageQuota").execute())
    oracle.check("get", "/files", drive.files().list(**everything, **ALL).execute())
    found = drive.files().get(fileId="1SandboxFileBudget", **everything).execute()
    oracle.check("get", "/files/{fileId}", found)
    assert (found["size"], found["owners"][0]["emailAddress"], found["shared"]) == ("21", "ada@acme.example", True)
    made = drive.files().create(body={"name": "New"}, **everything).execute()
    oracle.check("post", "/files", made)
    oracle.check(
        "patch",
        "/files/{fileId}",
        drive.files().update(fileId=made["id"], body={"name": "Newer"}, **everything).execute(),
    )
    oracle.check("post", "/files/{fileId}/copy", drive.files().copy(fileId=made["id"], body={}, **everything).execute())
    oracle.check("get", "/files/generateIds", drive.files().generateIds(count=2).execute())
    oracle.check("get", "/changes/startPageToken", drive.changes().getStartPageToken().execute())
    oracle.check("get", "/changes", drive.changes().list(pageToken="1", **everything).execute())
    rights = drive.permissions()
    oracle.check("get", "/files/{fileId}/permissions", rights.list(fileId="1SandboxFileBudget", **everything).execute())
    body = {"type": "anyone", "role": "reader"}
    oracle.check(
        "post", "/files/{fileId}/permissions", rights.create(fileId=made["id"], body=body, **everything).execute()
    )
    oracle.check("get", "/drives", drive.drives().list(**everything).execute())
    oracle.check("get", "/drives/{driveId}", drive.drives().get(driveId="0ASandboxMarketing", **everything).execute())


SEARCHES = {
    "name = 'Roadmap.txt'": ["Roadmap.txt"],
    "'1SandboxFolderPlans' in parents and trashed = false": ["Roadmap.txt"],
    "mimeType = 'application/vnd.google-apps.folder'": ["Plans"],
    "name contains 'mee' or fullText contains 'paper'": ["Budget.csv", "Meeting notes"],
    "not 'ada@acme.example' in owners": ["Meeting notes"],
    "sharedWithMe": ["Meeting notes"],
    "'root' in parents and mimeType != 'text/csv'": ["Plans"],
    "(mimeType contains 'text/' and modifiedTime > '2020-01-01T00:00:00') and name != 'Budget.csv'": ["Roadmap.txt"],
}


def test_a_search_finds_what_it_says(drive):
    assert {q: names(drive.files().list(q=q, orderBy="name").execute()) for q in SEARCHES} == SEARCHES
    for wrong in ("nome = 'x'", "name = ", "name = 'x' and", "name ~ 'x'"):
        assert refused(drive.files().list(q=wrong)) == (400, "invalid")


def test_a_page_leads_to_the_next_one(drive):
    request, found = drive.files().list(pageSize=2, orderBy="name_natural"), []
    while request is not None:
        answer = request.execute()
        found.append(names(answer))
        request = drive.files().list_next(request, answer)
    assert found == [["Budget.csv", "Meeting notes"], ["Plans", "Roadmap.txt"]]
    assert refused(drive.files().list(pageToken="none")) == (400, "invalid")


def test_what_is_not_selected_is_not_sent(drive):
    assert set(drive.files().get(fileId="1SandboxFileBudget").execute()) == {"kind", "id", "name", "mimeType"}
    cut = drive.files().list(fields="files(id,owners/emailAddress)", q="name = 'Budget.csv'").execute()
    assert cut == {"files": [{"id": "1SandboxFileBudget", "owners": [{"emailAddress": "ada@acme.example"}]}]}
    assert refused(drive.files().list(fields="files(id")) == (400, "invalid")
    assert refused(drive.about().get()) == (400, "required")


def test_somebody_elses_file_is_not_there(drive, grace):
    assert refused(drive.files().get(fileId="1SandboxFilePrivate")) == (404, "notFound")
    assert refused(drive.files().update(fileId="1SandboxDocNotes", body={"name": "x"})) == (
        403,
        "insufficientFilePermissions",
    )
    assert grace.files().update(fileId="1SandboxFileBudget", body={"name": "Budget 2.csv"}).execute()
    assert refused(grace.files().delete(fileId="1SandboxFileBudget")) == (403, "insufficientFilePermissions")
    assert refused(drive.files().get(fileId="1SandboxFileLogo")) == (404, "notFound")
    assert drive.files().get(fileId="1SandboxFileLogo", supportsAllDrives=True).execute()["name"] == "Logo.svg"
    shared = drive.files().list(corpora="drive", driveId="0ASandboxMarketing", **ALL).execute()
    assert names(shared) == ["Logo.svg"]


def test_scopes_hold(sandbox):
    with service(sandbox, as_user(sandbox, scopes=[f"{DRIVE}.readonly"])) as reader:
        assert reader.files().get(fileId="1SandboxFileBudget").execute()
        assert refused(reader.files().create(body={"name": "x"})) == (403, "insufficientPermissions")
    with service(sandbox, as_user(sandbox, scopes=[f"{DRIVE}.metadata.readonly"])) as sees:
        assert refused(sees.files().get_media(fileId="1SandboxFileBudget"))[0] == 403
    with service(sandbox, as_user(sandbox, scopes=[f"{DRIVE}.file"])) as picker:
        assert names(picker.files().list().execute()) == []
        picker.files().create(body={"name": "Made by this app"}).execute()
        assert names(picker.files().list().execute()) == ["Made by this app"]


def test_bytes_go_up_in_every_way_and_come_down(drive):
    small = MediaIoBaseUpload(io.BytesIO(b"small"), "text/plain")
    made = (
        drive.files().create(body={"name": "a.txt"}, media_body=small, fields="id,size,md5Checksum,mimeType").execute()
    )
    assert (made["size"], made["mimeType"]) == ("5", "text/plain")
    bare = drive.files().create(media_body=small, fields="name,size").execute()
    assert bare == {"name": "Untitled", "size": "5"}
    large = bytes(range(256)) * 3000
    media = MediaIoBaseUpload(io.BytesIO(large), "application/octet-stream", chunksize=256 * 1024, resumable=True)
    request, answer, steps = drive.files().update(fileId=made["id"], media_body=media, fields="size,version"), None, 0
    while answer is None:
        _, answer = request.next_chunk()
        steps += 1
    assert (answer["size"], steps) == (str(len(large)), 3)
    came = io.BytesIO()
    download, done = MediaIoBaseDownload(came, drive.files().get_media(fileId=made["id"]), chunksize=500_000), False
    while not done:
        _, done = download.next_chunk()
    assert came.getvalue() == large
    assert drive.files().export(fileId="1SandboxDocNotes", mimeType="text/plain").execute() == b"Notes of the meeting"
    assert refused(drive.files().get_media(fileId="1SandboxDocNotes"))[0] == 403


def test_an_upload_that_broke_off_is_taken_up_again(sandbox):
    token = sandbox.tokens("google", scopes=[DRIVE])["access_token"]
    base = f"{sandbox.urls['google']}/upload/drive/v3/files"
    body, piece = b"x" * 600_000, 262_144
    with httpx.Client(trust_env=False) as http:
        begun = http.post(
            f"{base}?uploadType=resumable", json={"name": "x.bin"}, headers={"authorization": f"Bearer {token}"}
        )
        where = begun.headers["location"]
        asked = http.put(where, headers={"content-range": f"bytes */{len(body)}"})
        assert (asked.status_code, asked.headers.get("range")) == (308, None)
        first = http.put(where, content=body[:piece], headers={"content-range": f"bytes 0-{piece - 1}/{len(body)}"})
        assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{piece - 1}")
        odd = http.put(
            where, content=body[piece : piece + 10], headers={"content-range": f"bytes {piece}-{piece + 9}/{len(body)}"}
        )
        assert odd.status_code == 400
        asked = http.put(where, headers={"content-range": f"bytes */{len(body)}"})
        assert asked.headers["range"] == f"bytes=0-{piece - 1}"
        last = http.put(
            where, content=body[piece:], headers={"content-range": f"bytes {piece}-{len(body) - 1}/{len(body)}"}
        )
        assert last.status_code == 200
        assert http.put(where, headers={"content-range": f"bytes */{len(body)}"}).json() == last.json()
        assert http.put(f"{where}x").status_code == 404


def changes(drive, token, **options):
    """Everything since a token, and the next one."""
    found = []
    while True:
        answer = drive.changes().list(pageToken=token, pageSize=2, fields="*", **options).execute()
        found += answer["changes"]
        if "newStartPageToken" in answer:
            return found, answer["newStartPageToken"]
        token = answer["nextPageToken"]


def test_the_feed_tells_what_happened_and_only_that(drive, grace):
    start = drive.changes().getStartPageToken().execute()["startPageToken"]
    made = [drive.files().create(body={"name": f"n{number}"}).execute()["id"] for number in range(3)]
    drive.files().update(fileId=made[0], body={"name": "renamed"}).execute()
    drive.files().update(fileId=made[1], body={"trashed": True}).execute()
    drive.files().delete(fileId=made[2]).execute()
    grace.files().create(body={"name": "private to grace"}).execute()
    drive.permissions().delete(fileId="1SandboxFileBudget", permissionId="100000000000000000002").execute()
    found, end = changes(drive, start)
    seen = [
        (one["fileId"], one["removed"], one.get("file", {}).get("name"), one.get("file", {}).get("trashed"))
        for one in found
    ]
    assert seen == [
        (made[0], False, "renamed", False), (made[1], False, "n1", True), (made[2], True, None, None),
        ("1SandboxFileBudget", False, "Budget.csv", False),
    ]  # fmt: skip
    assert changes(drive, end) == ([], end)
    assert [one["fileId"] for one in changes(drive, start, includeRemoved=False)[0]] == [
        made[0],
        made[1],
        "1SandboxFileBudget",
    ]
    taken = [(one["fileId"], one["removed"]) for one in changes(grace, start)[0]]
    assert taken[-1] == ("1SandboxFileBudget", True)
    drive.files().update(fileId="1SandboxFileLogo", body={"name": "Logo 2.svg"}, supportsAllDrives=True).execute()
    assert changes(drive, end)[0] == []
    assert [one["driveId"] for one in changes(drive, end, **ALL)[0]] == ["0ASandboxMarketing"]
    assert len(changes(drive, end, driveId="0ASandboxMarketing", **ALL)[0]) == 1
    assert refused(drive.changes().list(pageToken="9999")) == (400, "invalid")


def test_a_channel_says_that_something_changed_until_it_ends(sandbox, receiver, drive):
    start = drive.changes().getStartPageToken().execute()["startPageToken"]
    channel = new_webhook_channel(f"{receiver.url}/drive", token="the secret")
    opened = drive.changes().watch(pageToken=start, body=channel.body()).execute()
    Oracle("drive").check("post", "/changes/watch", opened)
    channel.update(opened)
    sync = receiver.next()
    assert (sync.headers["x-goog-resource-state"], sync.headers["x-goog-message-number"], sync.body) == (
        "sync",
        "1",
        b"",
    )
    assert sync.headers["x-goog-channel-token"] == "the secret"
    drive.files().create(body={"name": "new"}).execute()
    sandbox.settle()
    told = receiver.next()
    headers = {name.upper(): value for name, value in told.headers.items()}
    assert notification_from_headers(channel, headers).state == "change"
    assert int(told.headers["x-goog-message-number"]) > 1
    assert refused(drive.changes().watch(pageToken=start, body=channel.body()))[1] == "channelIdNotUnique"
    sandbox.advance(3600)
    with service(sandbox, as_user(sandbox)) as again:
        again.files().create(body={"name": "unseen"}).execute()
    sandbox.settle()
    assert receiver.everything() == []


def test_a_files_channel_says_what_changed_and_can_be_stopped(sandbox, receiver, drive):
    week = int((time.time() + 7 * 86_400) * 1000)
    channel = Channel("web_hook", "file-channel", "", f"{receiver.url}/file", expiration=week)
    opened = drive.files().watch(fileId="1SandboxFileBudget", body=channel.body()).execute()
    assert int(opened["expiration"]) < week - 5 * 86_400_000
    channel.update(opened)
    drive.files().update(fileId="1SandboxFileBudget", body={"name": "B.csv"}).execute()
    drive.files().update(fileId="1SandboxFileRoadmap", body={"name": "R.txt"}).execute()
    drive.files().update(fileId="1SandboxFileBudget", body={"trashed": True}).execute()
    sandbox.settle()
    told = [(one.headers["x-goog-resource-state"], one.headers.get("x-goog-changed")) for one in receiver.everything()]
    assert told == [("sync", None), ("update", "properties"), ("trash", None)]
    drive.channels().stop(body=channel.body()).execute()
    drive.files().update(fileId="1SandboxFileBudget", body={"trashed": False}).execute()
    sandbox.settle()
    assert receiver.everything() == []
    plain = Channel("web_hook", "plain", "", "http://example.org/hook")
    assert refused(drive.changes().watch(pageToken="1", body=plain.body()))[1] == "push.webhookUrlNotHttps"


def sign_in(sandbox, **query):
    verifier, challenge = pkce()
    asked = {
        "client_id": CLIENT, "response_type": "code", "redirect_uri": REDIRECT, "scope": DRIVE,
        "code_challenge": challenge, "code_challenge_method": "S256", **query,
    }  # fmt: skip
    came = sandbox.consent(f"{sandbox.urls['google']}/o/oauth2/v2/auth", **asked)
    given = {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "authorization_code", "redirect_uri": REDIRECT}
    answer = sandbox.http.post(
        f"{sandbox.urls['google']}/token", data={**given, "code": came["code"], "code_verifier": verifier}
    )
    return answer.json()


def test_a_refresh_token_is_for_who_asks_for_it_and_stays(sandbox):
    assert "refresh_token" not in sign_in(sandbox)
    sandbox.reset()
    first = sign_in(sandbox, access_type="offline")
    assert "refresh_token" in first
    assert "refresh_token" not in sign_in(sandbox, access_type="offline")
    assert "refresh_token" in sign_in(sandbox, access_type="offline", prompt="consent")
    token_uri = f"{sandbox.urls['google']}/token"
    held = Credentials(
        None, refresh_token=first["refresh_token"], token_uri=token_uri, client_id=CLIENT, client_secret=SECRET
    )
    held.refresh(Request())
    assert held.token != first["access_token"]
    assert held.refresh_token == first["refresh_token"]
    given = {
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
        "client_id": CLIENT,
        "client_secret": SECRET,
    }
    assert "refresh_token" not in sandbox.http.post(token_uri, data=given).json()
    assert sandbox.http.post(f"{sandbox.urls['google']}/revoke", data={"token": held.token}).json() == {}
    with pytest.raises(RefreshError, match="expired or revoked"):
        held.refresh(Request())


def test_the_library_refreshes_a_token_that_expired(sandbox):
    credentials = as_user(sandbox)
    with service(sandbox, credentials) as drive:
        before = credentials.token
        sandbox.advance(3601)
        assert names(drive.files().list(q="name = 'Plans'").execute()) == ["Plans"]
        assert credentials.token != before


def test_refresh_tokens_die_of_testing_of_crowding_and_of_idleness(sandbox):
    address = f"{sandbox.urls['google']}/token"

    def alive(token):
        given = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT, "client_secret": SECRET}
        return sandbox.http.post(address, data=given).status_code == 200

    tokens = [sandbox.tokens("google")["refresh_token"] for _ in range(101)]
    assert [alive(tokens[0]), alive(tokens[1]), alive(tokens[100])] == [False, True, True]
    sandbox.advance(180 * 86_400 + 1)
    assert not alive(tokens[100])
    sandbox.call("POST", "/apps", provider="google", client_id=CLIENT, settings={"publishing": "testing"})
    short = sandbox.tokens("google")["refresh_token"]
    sandbox.advance(7 * 86_400 - 10)
    assert alive(short)
    sandbox.advance(11)
    assert not alive(short)


def test_a_service_account_acts_for_somebody_of_its_domain(sandbox):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    robot = "robot@sandbox.iam.gserviceaccount.com"
    settings = {"service_account": robot, "public_key": public.decode(), "delegation": True}
    sandbox.call("POST", "/apps", provider="google", client_id="robot", settings=settings)
    info = {"client_email": robot, "private_key": private.decode(), "token_uri": f"{sandbox.urls['google']}/token"}
    credentials = ServiceAccount.from_service_account_info(info, scopes=[DRIVE], subject="grace@acme.example")
    with service(sandbox, credentials) as drive:
        assert drive.about().get(fields="user").execute()["user"]["emailAddress"] == "grace@acme.example"
    sandbox.call("POST", "/apps", provider="google", client_id="robot", settings={"delegation": False})
    with pytest.raises(RefreshError, match="unauthorized_client"):
        credentials.refresh(Request())


def test_a_limit_is_told_in_the_body_alone(sandbox, drive):
    sandbox.fault("rate_limit", provider="google", retry_after=30)
    with pytest.raises(HttpError) as late:
        drive.files().list().execute(num_retries=0)
    assert late.value.status_code == 429
    assert "Retry after" in str(late.value)
    assert "retry-after" not in late.value.resp
    sandbox.fault("rate_limit", provider="google")
    assert refused(drive.files().list()) == (403, "userRateLimitExceeded")
