"""What people do with messages."""

import base64
import hashlib
import hmac

import pytest

from worksphere_hub import ids

SECRET = "a secret of many characters"
BODY = b'{"a":1}'


@pytest.fixture
async def source(reception):
    return await reception.source("github", secret=SECRET)


async def send(reception, source, delivery: str) -> str:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": delivery}
    return (await reception.send(source, BODY, headers)).headers["hub-message"]


def path_of(source, *more: str) -> str:
    return "/".join([f"/v1/inbound-sources/{source['id']}/messages", *more])


async def test_messages_are_listed_with_their_verdicts_and_repetitions(reception, source):
    names = [await send(reception, source, f"d-{number}") for number in range(3)]
    await send(reception, source, "d-1")
    first = (await reception.ask("GET", path_of(source) + "?limit=2")).json()
    assert [message["id"] for message in first["data"]] == [names[2], names[1]]
    shown = first["data"][1]
    assert (shown["verdict"], shown["state"], shown["repeats"], shown["size"]) == ("verified", "received", 1, 7)
    assert shown["next_attempt_at"] is not None
    rest = (await reception.ask("GET", f"{path_of(source)}?limit=2&cursor={first['next_cursor']}")).json()
    assert [message["id"] for message in rest["data"]] == [names[0]]
    await reception.process()
    assert (await reception.ask("GET", path_of(source) + "?state=received")).json()["data"] == []
    done = (await reception.ask("GET", path_of(source) + "?state=processed")).json()["data"]
    assert [message["event_id"] is not None for message in done] == [True] * 3


async def test_a_body_is_shown_to_those_who_may_see_payloads(reception, source):
    message = await send(reception, source, "d-1")
    shown = (await reception.ask("GET", path_of(source, message))).json()
    assert base64.b64decode(shown["body_base64"]) == BODY
    assert {"name": "x-hub-signature-256", "value": "[redacted]"} in shown["headers"]
    assert BODY.decode() not in str((await reception.ask("GET", path_of(source))).json())


async def test_a_replay_publishes_anew_and_a_second_one_again(reception, source):
    message = await send(reception, source, "d-1")
    await reception.process()
    for number in (2, 3):
        answer = await reception.ask("POST", path_of(source, message, "replay"))
        assert (answer.status, answer.json()["state"], answer.json()["replays"]) == (202, "received", number - 1)
        await reception.process()
        assert len(await reception.events()) == number
    actions = "select count(*) from hub.audit_log where action = 'inbound_message.replayed' and target_id = $1"
    assert await reception.admin.fetchval(actions, message) == 2


async def test_what_waits_or_is_under_way_is_not_replayed(reception, source):
    message = await send(reception, source, "d-1")
    answer = await reception.ask("POST", path_of(source, message, "replay"))
    assert (answer.status, answer.json()["code"]) == (409, "inbound_message_busy")


async def test_a_message_that_is_ignored_is_not_processed_until_it_is_replayed(reception, source):
    message = await send(reception, source, "d-1")
    for _ in range(2):
        answer = await reception.ask("POST", path_of(source, message, "ignore"))
        assert (answer.status, answer.json()["state"]) == (200, "ignored")
    assert await reception.process() == 0
    await reception.ask("POST", path_of(source, message, "replay"))
    assert await reception.process() == 1
    assert (await reception.ask("POST", path_of(source, message, "ignore"))).json()["state"] == "processed"


async def test_a_challenge_has_nothing_to_replay(reception):
    source = await reception.source("zoom", secret=SECRET)
    body = b'{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}'
    stamp = str(int(await reception.admin.fetchval("select extract(epoch from now())")))
    digest = hmac.new(SECRET.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    headers = {"x-zm-request-timestamp": stamp, "x-zm-signature": f"v0={digest}"}
    answer = await reception.send(source, body, headers)
    encrypted = hmac.new(SECRET.encode(), b"abc", hashlib.sha256).hexdigest()
    assert answer.json() == {"plainToken": "abc", "encryptedToken": encrypted}
    answer = await reception.ask("POST", path_of(source, answer.headers["hub-message"], "replay"))
    assert (answer.status, answer.json()["code"]) == (409, "inbound_message_handshake")


async def test_a_message_belongs_to_its_source(reception, source):
    message = await send(reception, source, "d-1")
    other = await reception.source("github")
    for path in (path_of(other, message), path_of(source, "inm_x"), path_of(source, "inm_" + "0" * 32)):
        assert (await reception.ask("GET", path)).status == 404
        for verb in ("replay", "ignore"):
            assert (await reception.ask("POST", f"{path}/{verb}")).status == 404


async def test_what_became_an_event_goes_with_its_message(reception, source):
    first, second = await send(reception, source, "d-1"), await send(reception, source, "d-2")
    assert await reception.process() == 2
    row = await reception.admin.fetchrow("select org_id, event_id from hub.inbound_messages order by id limit 1")
    forget = "select hub.forget_inbound_of($1, $2)"
    async with reception.app.tenant(ids.new()) as tx:
        assert await tx.value(forget, row["org_id"], row["event_id"]) == 0
    async with reception.app.tenant(row["org_id"]) as tx:
        assert await tx.value(forget, row["org_id"], row["event_id"]) == 1
    kept = await reception.messages()
    assert [ids.encode("inm", message["id"]) for message in kept] == [second] != [first]
    # It is known by its provider's id for as long as these are remembered, and not taken again.
    await send(reception, source, "d-1")
    assert len(await reception.messages()) == 1
