"""Organizations: made by the operator, changed by their owners."""

import pytest

from tests.accounts.office import PASSWORD, Office, public
from worksphere_hub import ids
from worksphere_hub.accounts import organizations, permissions
from worksphere_hub.accounts.errors import OrganizationNotFound


async def create(office: Office, token: str, **wanted):
    return await office.ask(token, "POST", "/v1/organizations", {"slug": "acme", "name": "Acme"} | wanted)


async def test_a_new_one_has_its_roles_and_invites_its_owner(office):
    home = await office.organization(operator=True)
    token, _ = await office.key(home, "organizations:create")
    made = (await create(office, token, owner_email="ana@example.com")).json()
    assert (made["slug"], made["operator"], made["suspended_at"]) == ("acme", False, None)
    org = ids.decode("org", made["id"])
    roles = dict(await office.admin.fetch("select name, permissions from hub.roles where org_id = $1", org))
    expected = permissions.built_in_roles(operator=False)
    assert {name: set(held) for name, held in roles.items()} == {name: set(held) for name, held in expected.items()}
    code = made["owner_invitation"]["code"]
    accepted = await office.ask(
        None, "POST", "/v1/invitations/accept", {"code": code, "name": "Ana", "password": PASSWORD}
    )
    assert (accepted.json()["role"], accepted.json()["organization"]["slug"]) == ("owner", "acme")
    created = (await office.audited(org))[0]
    assert (created["action"], created["acting_org_id"]) == ("organization.created", home)


async def test_a_slug_is_used_once(office):
    token, _ = await office.key(await office.organization(operator=True))
    assert (await create(office, token)).json()["owner_invitation"] is None
    assert (await create(office, token)).json()["code"] == "slug_taken"


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a b", "ä", "a" * 64, "a\n"])
async def test_a_slug_is_small_letters_digits_and_dashes(office, slug):
    token, _ = await office.key(await office.organization(operator=True))
    assert (await create(office, token, slug=slug)).status == 422


async def test_the_operator_sees_all_and_others_themselves(office):
    home, one, two = await office.organization(operator=True), await office.organization(), await office.organization()
    operator, _ = await office.key(home)
    tenant, _ = await office.key(one)
    seen, cursor = [], ""
    while cursor is not None:
        page = (await office.ask(operator, "GET", f"/v1/organizations?limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [public("org", org) for org in (two, one, home)]
    found = await office.ask(operator, "GET", "/v1/organizations?slug=org-2")
    assert [each["id"] for each in found.json()["data"]] == [public("org", one)]
    for token, org, status in ((operator, one, 200), (tenant, one, 200), (tenant, two, 404), (tenant, home, 404)):
        assert (await office.ask(token, "GET", f"/v1/organizations/{public('org', org)}")).status == status


async def test_a_suspended_one_is_shut_until_it_is_resumed(office):
    home, org = await office.organization(operator=True), await office.organization()
    operator, _ = await office.key(home)
    key, _ = await office.key(org)
    session = await office.signed_in(org, "owner")
    path = f"/v1/organizations/{public('org', org)}"
    suspended = await office.ask(operator, "POST", f"{path}/suspend")
    assert suspended.json()["suspended_at"] is not None
    assert (await office.ask(operator, "POST", f"{path}/suspend")).json() == suspended.json()
    assert [(await office.ask(token, "GET", path)).status for token in (key, session, operator)] == [401, 401, 200]
    acting = await office.ask(operator, "GET", "/v1/audit", hub_organization=public("org", org))
    assert acting.status == 404
    assert (await office.ask(operator, "POST", f"{path}/resume")).json()["suspended_at"] is None
    assert [(await office.ask(token, "GET", path)).status for token in (key, session)] == [200, 200]
    entries = [entry["action"] for entry in await office.audited(org) if entry["acting_org_id"] == home]
    assert entries == ["organization.suspended", "organization.resumed"]


async def test_the_operator_does_not_shut_itself_out(office):
    home = await office.organization(operator=True)
    token, _ = await office.key(home)
    answer = await office.ask(token, "POST", f"/v1/organizations/{public('org', home)}/suspend")
    assert answer.json()["code"] == "operator_stays"
    assert (await office.ask(token, "POST", f"/v1/organizations/{public('org', ids.new())}/suspend")).status == 404


async def test_a_new_name_is_written_down_and_the_same_name_is_none(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    path = f"/v1/organizations/{public('org', org)}"
    for _ in range(2):
        assert (await office.ask(token, "PATCH", path, {"name": " Acme Ltd "})).json()["name"] == "Acme Ltd"
    (entry,) = await office.audited(org, "organization.updated")
    assert entry["changes"] == '{"name": ["Org-1", "Acme Ltd"]}'
    assert (await office.ask(token, "PATCH", path, {"name": "   "})).status == 422


async def test_the_operator_s_owner_acts_in_another_house(office):
    home, org = await office.organization(operator=True), await office.organization()
    token = await office.signed_in(home, "owner")
    there = {"hub_organization": public("org", org)}
    made = await office.ask(token, "POST", "/v1/invitations", {"email": "a@b.c", "role": "owner"}, **there)
    assert (made.status, made.json()["invited_by"]) == (201, None)
    # One's own sessions are at home, and the hub is run from there.
    assert (await office.ask(token, "GET", "/v1/sessions", **there)).status == 403
    assert (await office.ask(token, "GET", "/v1/organizations", **there)).status == 403
    (entry,) = await office.audited(org, "invitation.created")
    assert entry["acting_org_id"] == home


async def test_by_slug(office):
    org = await office.organization()
    assert (await organizations.find_by_slug(office.database, "org-1")).id == org
    with pytest.raises(OrganizationNotFound, match="nobody"):
        await organizations.find_by_slug(office.database, "nobody")
