"""Roles of an organization's own."""

import pytest

from tests.accounts.office import Office
from tests.accounts.samples import new_invitation


async def create(office: Office, token: str, name: str, *allowed: str):
    return await office.ask(token, "POST", "/v1/roles", {"name": name, "permissions": list(allowed)})


async def test_the_built_in_ones_come_first(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    assert (await create(office, token, "aardvark", "metrics:read", "metrics:read")).json()["permissions"] == [
        "metrics:read"
    ]
    listed = (await office.ask(token, "GET", "/v1/roles")).json()["data"]
    assert [role["built_in"] for role in listed] == [True] * 6 + [False]
    assert listed[-1]["name"] == "aardvark"


async def test_nobody_makes_a_role_that_may_more_than_they(office):
    org = await office.organization()
    admin = await office.signed_in(org, "admin")
    assert (await create(office, admin, "boss", "organizations:write")).status == 403
    assert (await create(office, admin, "clerk", "members:write", "events:read")).status == 201


@pytest.mark.parametrize("permission", ["organizations:create", "organizations:act", "self:manage", "x:y", ""])
async def test_a_permission_that_nobody_can_have_here_is_named(office, permission):
    token = await office.signed_in(await office.organization(), "owner")
    answer = await create(office, token, "new", permission)
    assert (answer.status, answer.json()["code"]) == (422, "permission_unknown")


async def test_a_name_is_used_once(office):
    token = await office.signed_in(await office.organization(), "owner")
    assert (await create(office, token, "clerk", "metrics:read")).status == 201
    for name in ("clerk", "owner"):
        assert (await create(office, token, name, "metrics:read")).json()["code"] == "role_exists"


async def test_a_role_in_use_stays(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    for name in ("clerk", "guest"):
        await create(office, token, name, "metrics:read")
    await office.person(org, "clerk")
    await new_invitation(office, org)
    await office.admin.execute("update hub.invitations set role = 'guest'")
    for name in ("clerk", "guest"):
        assert (await office.ask(token, "DELETE", f"/v1/roles/{name}")).json()["code"] == "role_in_use"
    await office.admin.execute("delete from hub.invitations")
    assert (await office.ask(token, "DELETE", "/v1/roles/guest")).status == 204


async def test_built_in_roles_and_higher_ones_stay(office):
    org = await office.organization()
    higher = await office.role(org, "organizations:write")
    token = await office.signed_in(org, "admin")
    assert (await office.ask(token, "DELETE", "/v1/roles/analyst")).json()["code"] == "role_built_in"
    assert (await office.ask(token, "DELETE", f"/v1/roles/{higher}")).status == 403


async def test_there_may_be_only_so_many(office):
    limited = office.with_settings(role_limit=2)
    token = await office.signed_in(await office.organization(), "owner")
    assert [(await create(limited, token, f"r{number}", "metrics:read")).status for number in range(3)] == [
        201,
        201,
        409,
    ]
