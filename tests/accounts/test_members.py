"""Members: nobody rises above themselves, and somebody always owns the house."""

import asyncio

import asyncpg
import pytest

from tests.accounts.office import Office, public
from tests.accounts.samples import new_invitation


async def change(office: Office, token: str, person, role: str):
    return await office.ask(token, "PATCH", f"/v1/members/{public('per', person)}", {"role": role})


async def remove(office: Office, token: str, person):
    return await office.ask(token, "DELETE", f"/v1/members/{public('per', person)}")


async def test_members_are_listed_newest_first_page_by_page(office):
    org = await office.organization()
    people = [await office.person(org, "developer") for _ in range(4)]
    await office.person(await office.organization(), "owner")
    token = await office.session(org, people[0])
    seen, cursor = [], ""
    while cursor is not None:
        answer = (await office.ask(token, "GET", f"/v1/members?limit=3{cursor and '&cursor=' + cursor}")).json()
        seen += [member["id"] for member in answer["data"]]
        cursor = answer["next_cursor"]
    assert seen == [public("per", person) for person in sorted(people, reverse=True)]


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_an_admin_touches_no_owner_and_makes_none(office, role):
    org = await office.organization()
    await office.person(org, "owner")
    owner, analyst = await office.person(org, "owner"), await office.person(org, "analyst")
    token = await office.signed_in(org, role)
    expected = 200 if role == "owner" else 403
    assert (await change(office, token, analyst, "owner")).status == expected
    refused = await change(office, token, owner, "analyst")
    assert refused.status == expected
    if role == "admin":
        assert "organizations:write" in refused.json()["detail"]
        assert (await remove(office, token, owner)).status == 403
        assert (await office.ask(token, "POST", "/v1/invitations", {"email": "a@b.c", "role": "owner"})).status == 403


async def test_an_admin_may_change_and_remove_another_admin(office):
    org = await office.organization()
    token, other = await office.signed_in(org, "admin"), await office.person(org, "admin")
    assert (await change(office, token, other, "developer")).status == 200
    assert (await remove(office, token, other)).status == 204
    assert (await remove(office, token, other)).status == 404


async def test_a_custom_role_with_members_write_gives_only_what_it_has(office):
    org = await office.organization()
    clerk = await office.role(org, "members:write", "metrics:read", "organizations:read")
    small = await office.role(org, "metrics:read")
    token, target = await office.signed_in(org, clerk), await office.person(org, small)
    assert (await change(office, token, target, "analyst")).status == 403
    assert (await change(office, token, target, clerk)).status == 200
    assert (await remove(office, token, await office.person(org, "analyst"))).status == 403


async def test_the_last_owner_stays(office):
    org = await office.organization()
    owner = await office.person(org, "owner")
    token = await office.session(org, owner)
    for answer in (await change(office, token, owner, "admin"), await remove(office, token, owner)):
        assert (answer.status, answer.json()["code"]) == (409, "last_owner")
    second = await office.person(org, "owner")
    assert (await change(office, token, owner, "admin")).status == 200
    assert (await change(office, await office.session(org, second), second, "analyst")).status == 409


async def test_two_owners_who_remove_each_other_at_once_leave_one(office, house):
    org = await office.organization()
    one, two = await office.person(org, "owner"), await office.person(org, "owner")
    tokens = [await office.session(org, one), await office.session(org, two)]
    # Both have begun, and wait for the same rows, before either goes on.
    holder = await asyncpg.connect(house.admin_url)
    try:
        async with holder.transaction():
            await holder.execute("select from hub.members for update")
            asked = [
                asyncio.create_task(remove(office, tokens[0], two)),
                asyncio.create_task(change(office, tokens[1], one, "admin")),
            ]
            await both_wait(office)
    finally:
        await holder.close()
    statuses = sorted([(await asyncio.wait_for(task, 20)).status for task in asked])
    left = await office.admin.fetchval("select count(*) from hub.members where role = 'owner'")
    assert left == 1
    # The one who came second is told why: nothing deadlocked, and nothing has to be tried again.
    assert statuses in ([200, 409], [204, 409])


async def both_wait(office: Office) -> None:
    async with asyncio.timeout(20):
        while (
            await office.admin.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
            < 2
        ):
            await asyncio.sleep(0.01)


async def test_a_changed_role_signs_the_member_out_and_takes_back_invitations(office):
    org = await office.organization()
    admin = await office.person(org, "admin")
    token = await office.session(org, admin)
    await new_invitation(office, org)
    made = await office.ask(token, "POST", "/v1/invitations", {"email": "a@b.c", "role": "admin"})
    assert made.status == 201
    assert (await change(office, await office.signed_in(org, "owner"), admin, "analyst")).status == 200
    assert (await office.ask(token, "GET", "/v1/sessions")).status == 401
    left = await office.admin.fetch("select email from hub.invitations")
    assert len(left) == 1
    assert left[0]["email"] != "a@b.c"


async def test_the_same_role_again_changes_nothing(office):
    org = await office.organization()
    member = await office.person(org, "analyst")
    session = await office.session(org, member)
    assert (await change(office, await office.signed_in(org, "owner"), member, "analyst")).status == 200
    assert (await office.ask(session, "GET", "/v1/sessions")).status == 200
    assert await office.audited(org, "member.role_changed") == []


async def test_an_unknown_role_is_named(office):
    org = await office.organization()
    member = await office.person(org, "analyst")
    answer = await change(office, await office.signed_in(org, "owner"), member, "king")
    assert (answer.status, answer.json()["code"]) == (422, "role_unknown")
    assert answer.json()["errors"][0]["field"] == "role"


async def test_a_removed_member_is_gone_with_sessions_and_keys(office):
    org, elsewhere = await office.organization(), await office.organization()
    member = await office.person(org, "developer")
    await office.join(elsewhere, member, "developer")
    here, there = await office.session(org, member), await office.session(elsewhere, member)
    key, _ = await office.key(org, "metrics:read", creator=member)
    assert (await remove(office, await office.signed_in(org, "owner"), member)).status == 204
    assert (await office.ask(here, "GET", "/v1/sessions")).status == 401
    assert (await office.ask(key, "GET", "/v1/sessions")).status == 401
    assert (await office.ask(there, "GET", "/v1/sessions")).status == 200
    (entry,) = await office.audited(org, "member.removed")
    assert entry["target_id"] == public("per", member)
