"""One renewal per expiry: whoever asks, however many processes, and whatever dies on the way."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.connections.authority import Authority
from tests.connections.conftest import Desk, uuid_of
from worksphere_hub.connections.errors import NeedsReauthorization, ProviderUnavailable, RenewalBusy


async def ready(desk: Desk, connection, **changes):
    return await desk.room(**changes).broker.ready(desk.org, uuid_of(connection))


def token(found) -> str:
    return found.subject.contents["main"]["access_token"]


async def crashed_between_reply_and_write(desk: Desk, connection) -> None:
    """What is left when a process dies after the provider has answered: an intent, a lease that has run out."""
    room = desk.room()
    desk.authority.hold, desk.authority.asked = asyncio.Event(), asyncio.Event()
    dying = asyncio.create_task(room.broker.ready(desk.org, uuid_of(connection)))
    await desk.authority.asked.wait()
    for task in [dying, *room.renewer._running.values()]:
        task.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    desk.authority.hold.set()
    desk.authority.hold = None
    await desk.admin.execute("update hub.connection_credentials set lease_until = now() - interval '1 second'")


async def test_what_works_is_not_renewed(desk):
    connection = await desk.authorized()
    found = await ready(desk, connection)
    assert token(found) in desk.authority.access_tokens
    assert desk.authority.count("refresh_token") == 0


async def test_many_callers_in_many_processes_renew_once(desk):
    connection = await desk.authorized()
    rooms = [desk.room() for _ in range(4)]
    for expiry in range(1, 4):
        await desk.run_out(connection)
        calls = [rooms[n % 4].broker.ready(desk.org, uuid_of(connection)) for n in range(40)]
        found = await asyncio.gather(*calls)
        assert desk.authority.count("refresh_token") == expiry
        assert {token(each) for each in found} <= set(desk.authority.access_tokens)
        assert {each.version for each in found} == {expiry + 1}


async def test_a_caller_that_goes_away_takes_no_answer_with_it(desk):
    connection = await desk.authorized()
    await desk.run_out(connection)
    desk.authority.hold = asyncio.Event()
    room = desk.room()
    caller = asyncio.create_task(room.broker.ready(desk.org, uuid_of(connection)))
    desk.authority.asked.clear()
    await desk.authority.asked.wait()
    caller.cancel()
    desk.authority.hold.set()
    await room.renewer.close()
    assert (await desk.stored(connection))["version"] == 2
    assert (await ready(desk, connection)).version == 2
    assert desk.authority.count("refresh_token") == 1


async def test_a_refresh_token_that_does_not_come_is_the_old_one(desk):
    desk.authority.rotation = "none"
    connection = await desk.authorized()
    for _ in range(3):
        await desk.run_out(connection)
        await ready(desk, connection)
    assert len({call["refresh_token"] for call in desk.authority.calls if "refresh_token" in call}) == 1


async def test_an_api_that_refuses_a_token_gets_another_one_once(desk):
    connection = await desk.authorized()
    room = desk.room()
    first = await room.broker.ready(desk.org, uuid_of(connection))
    found = await asyncio.gather(
        *(room.broker.ready(desk.org, uuid_of(connection), refused=first.version) for _ in range(10))
    )
    assert {each.version for each in found} == {2}
    assert desk.authority.count("refresh_token") == 1


async def test_a_token_that_was_renewed_a_moment_ago_is_not_renewed_again(desk):
    connection = await desk.authorized()
    found = await desk.room(refused_pause=60.0).broker.ready(desk.org, uuid_of(connection), refused=1)
    assert found.version == 1
    assert desk.authority.count("refresh_token") == 0


@pytest.mark.parametrize("rotation", ["none", "rotating"])
async def test_a_process_dies_between_reply_and_write_where_reuse_is_no_crime(desk, rotation):
    desk.authority.rotation = rotation
    connection = await desk.authorized(await _installed(desk))
    await desk.run_out(connection)
    await crashed_between_reply_and_write(desk, connection)
    if rotation == "none":
        assert token(await ready(desk, connection)) in desk.authority.access_tokens
        return
    # The answer is lost for good: it is told so, and once.
    with pytest.raises(NeedsReauthorization, match="interrupted"):
        await ready(desk, connection)
    assert (await desk.shown(connection))["status"] == "needs_reauthorization"
    with pytest.raises(NeedsReauthorization):
        await ready(desk, connection)
    assert desk.authority.count("refresh_token") == 2


async def test_a_token_of_unknown_fate_is_left_alone_while_the_other_still_works(desk):
    connection = await desk.authorized(await _installed(desk))
    soon = datetime.now(UTC) + timedelta(minutes=5)
    await desk.run_out(connection)
    await crashed_between_reply_and_write(desk, connection)
    await desk.admin.execute("update hub.connection_credentials set expires_at = $1, due_at = now()", soon)
    assert await desk.upkeep().renew_due() == 1
    row = await desk.stored(connection)
    assert row["due_at"] > datetime.now(UTC) + timedelta(minutes=4)
    assert desk.authority.count("refresh_token") == 1
    assert all(family["alive"] for family in desk.authority.families.values())
    assert (await ready(desk, connection)).version == 1


async def test_a_process_that_dies_before_it_has_called_costs_nothing(desk):
    connection = await desk.authorized(await _installed(desk))
    await desk.run_out(connection)
    await desk.admin.execute(
        "update hub.connection_credentials set fence = 7, intent_fence = 7, sealed_intent = 'sealed',"
        " lease_until = now() - interval '1 second'"
    )
    assert token(await ready(desk, connection)) in desk.authority.access_tokens
    assert desk.authority.count("refresh_token") == 1


async def test_a_process_that_was_stopped_for_long_does_not_overwrite_the_newer_credential(desk):
    desk.authority.rotation = "none"
    connection = await desk.authorized(await _installed(desk))
    await desk.run_out(connection)
    slow = desk.room()
    desk.authority.hold = hold = asyncio.Event()
    late = asyncio.create_task(slow.broker.ready(desk.org, uuid_of(connection)))
    desk.authority.asked.clear()
    await desk.authority.asked.wait()
    await desk.admin.execute("update hub.connection_credentials set lease_until = now() - interval '1 second'")
    desk.authority.hold = None
    newer = await ready(desk, connection)
    hold.set()
    assert token(await late) == token(newer)
    assert (await desk.stored(connection))["version"] == 2


async def test_one_that_was_stopped_before_anybody_else_set_out_may_still_store(desk):
    """Its answer is the only one there is: to drop it would lose the family."""
    connection = await desk.authorized(await _installed(desk))
    await desk.run_out(connection)
    desk.authority.hold = asyncio.Event()
    late = asyncio.create_task(ready(desk, connection))
    desk.authority.asked.clear()
    await desk.authority.asked.wait()
    await desk.admin.execute(
        "update hub.connection_credentials set lease_until = now() - interval '1 second', fence = fence + 1"
    )
    desk.authority.hold.set()
    assert (await late).version == 2


async def test_an_authorization_beats_a_renewal_under_way(desk):
    connection = await desk.authorized(await _installed(desk))
    await desk.run_out(connection)
    desk.authority.hold = hold = asyncio.Event()
    late = asyncio.create_task(ready(desk, connection))
    desk.authority.asked.clear()
    await desk.authority.asked.wait()
    desk.authority.hold = None
    query, cookies = await desk.departed(connection)
    back = f"{query['redirect_uri']}?state={query['state']}&code={desk.authority.authorize(query)}"
    assert (await desk.browse(back, cookies)).status == 200
    hold.set()
    assert (await late).version == 2
    assert token(await ready(desk, connection)) in desk.authority.access_tokens


async def test_a_dead_credential_is_told_of_once_and_can_be_authorized_anew(desk):
    connection = await desk.authorized()
    await desk.run_out(connection)
    for family in desk.authority.families.values():
        family["alive"] = False
    with pytest.raises(NeedsReauthorization, match="invalid_grant"):
        await ready(desk, connection)
    with pytest.raises(NeedsReauthorization):
        await ready(desk, connection)
    assert desk.authority.count("refresh_token") == 1
    shown = await desk.shown(connection)
    assert (shown["status"], shown["status_code"], shown["health"]) == (
        "needs_reauthorization", "invalid_grant", "unhealthy",
    )  # fmt: skip
    types = [event["type"] for event in await desk.events()]
    assert types == ["hub.connection.connected", "hub.connection.needs_reauthorization"]
    query, cookies = await desk.departed(connection)
    back = f"{query['redirect_uri']}?state={query['state']}&code={desk.authority.authorize(query)}"
    await desk.browse(back, cookies)
    assert (await ready(desk, connection)).version == 2
    history = (await desk.ask("GET", f"/v1/connections/{connection['id']}/health")).json()["data"]
    assert [change["health"] for change in history] == ["healthy", "unhealthy"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [((503, {}), "connected"), ((429, {}), "connected"), ((401, {"error": "invalid_client"}), "failing"),
     ((400, {"error": "odd"}), "failing")],
)  # fmt: skip
async def test_a_failure_that_may_pass_is_tried_again_later(desk, answer, status):
    connection = await desk.authorized()
    await desk.run_out(connection)
    desk.authority.answers = [answer]
    with pytest.raises(ProviderUnavailable) as refused:
        await ready(desk, connection)
    assert (refused.value.retry_after or 0) > 5
    assert (await desk.shown(connection))["status"] == status
    row = await desk.stored(connection)
    # Nobody knows what became of a request that a gateway answered for.
    assert (row["intent_fence"] is not None) is (answer[0] == 503)
    with pytest.raises(ProviderUnavailable):
        await ready(desk, connection)
    assert len(desk.authority.calls) == 2, "one code, one refresh: the pause holds"
    await desk.admin.execute("update hub.connection_credentials set retry_at = now()")
    await ready(desk, connection)
    assert (await desk.shown(connection))["status"] == "connected"


async def test_what_fails_for_days_is_given_up(desk):
    connection = await desk.authorized()
    for _ in range(2):
        await desk.run_out(connection)
        desk.authority.answers = [(400, {"error": "odd"})]
        with pytest.raises((ProviderUnavailable, NeedsReauthorization)):
            await ready(desk, connection)
        await desk.admin.execute("update hub.connection_credentials set retry_at = now()")
        await desk.admin.execute("update hub.api_connections set health_since = now() - interval '5 days'")
    assert (await desk.shown(connection))["status"] == "needs_reauthorization"


async def test_who_waits_too_long_is_told_so(desk):
    connection = await desk.authorized()
    await desk.run_out(connection)
    await desk.admin.execute("update hub.connection_credentials set lease_until = now() + interval '1 minute'")
    with pytest.raises(RenewalBusy):
        await ready(desk, connection, renewal_wait=0.0)


async def test_the_worker_renews_what_is_due_and_only_keeps_alive_what_nobody_uses(desk):
    used, idle = await desk.authorized(), await desk.authorized(await _installed(desk, slug="other"))
    await desk.admin.execute("update hub.connection_credentials set due_at = now()")
    await desk.admin.execute(
        "update hub.api_connections set created_at = now() - interval '9 days' where id = $1", uuid_of(idle)
    )
    assert await desk.upkeep().renew_due() == 2
    assert (await desk.stored(used))["version"] == 2
    row = await desk.stored(idle)
    assert row["version"] == 1
    assert row["due_at"] > datetime.now(UTC) + timedelta(hours=12)
    assert await desk.upkeep().renew_due() == 0
    await desk.admin.execute(
        "update hub.connection_credentials set due_at = now(), obtained_at = now() - interval '2 days'"
        " where connection_id = $1", uuid_of(idle),
    )  # fmt: skip
    await desk.upkeep().renew_due()
    assert (await desk.stored(idle))["version"] == 2


async def test_slots_are_renewed_apart(desk):
    user = {name: f"authed_user.{name}" for name in ("access_token", "refresh_token", "expires_in", "scope")}
    way = desk.method(slots={"main": {}, "user": user})
    instance = await desk.installed(way)
    await desk.client(instance)
    connection = await desk.connection(instance)
    query, cookies = await desk.departed(connection)
    both = {
        "access_token": "bot", "refresh_token": "rb", "expires_in": 60, "scope": "read",
        "authed_user": {"access_token": "user", "refresh_token": "ru", "expires_in": 60, "scope": "write"},
    }  # fmt: skip
    desk.authority.answers = [(200, both)]
    await desk.browse(f"{query['redirect_uri']}?state={query['state']}&code=any", cookies)
    await desk.admin.execute(
        "update hub.connection_credentials set expires_at = now() - interval '1 second' where slot = 'user'"
        " and connection_id = $1", uuid_of(connection),
    )  # fmt: skip
    desk.authority.answers = [(200, {"access_token": "user2", "refresh_token": "ru2", "expires_in": 60})]
    found = await desk.room().broker.ready(desk.org, uuid_of(connection), "user")
    assert found.subject.contents["user"]["access_token"] == "user2"
    assert found.subject.contents["main"]["access_token"] == "bot"
    assert desk.authority.calls[-1]["refresh_token"] == "ru"
    assert ((await desk.stored(connection, "main"))["version"], found.version) == (1, 2)


async def test_the_previous_credential_is_kept_for_a_while_and_then_forgotten(desk):
    connection = await desk.authorized()
    await desk.run_out(connection)
    await ready(desk, connection)
    assert (await desk.stored(connection))["sealed_previous"] is not None
    await desk.admin.execute("update hub.connection_credentials set previous_until = now() - interval '1 second'")
    await desk.upkeep().forget()
    assert (await desk.stored(connection))["sealed_previous"] is None


async def _installed(desk: Desk, **given) -> str:
    instance = await desk.installed(desk.method(), **given)
    await desk.client(instance)
    return instance


def test_the_authority_revokes_the_family_on_reuse():
    """What the tests above rest on."""
    authority = Authority()
    _, first = authority._issue(authority._family())
    _, second = authority._refresh({"refresh_token": first["refresh_token"]})
    assert second["access_token"] in authority.access_tokens
    assert authority._refresh({"refresh_token": first["refresh_token"]})[0] == 400
    assert authority._refresh({"refresh_token": second["refresh_token"]})[0] == 400
    assert second["access_token"] not in authority.access_tokens
