"""The audit log: read by those who may, changed by nobody."""

import asyncpg
import pytest

from tests.accounts.office import Office, public
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.ids import new


async def listed(office: Office, token: str, query: str = ""):
    return (await office.ask(token, "GET", f"/v1/audit{query}")).json()


async def test_it_is_read_newest_first_page_by_page_and_by_action(office):
    org, other = await office.organization(), await office.organization()
    token = await office.signed_in(org, "auditor")
    async with office.database.tenant(org) as tx:
        for number in range(5):
            action = "thing.created" if number % 2 else "thing.deleted"
            await audit.record_system(tx, org, action, target_kind="thing", target_id=str(number))
    async with office.database.tenant(other) as tx:
        await audit.record_system(tx, other, "thing.created", target_kind="thing", target_id="foreign")
    seen, cursor = [], ""
    while cursor is not None:
        page = await listed(office, token, f"?limit=2{cursor and '&cursor=' + cursor}")
        seen += [entry["target_id"] for entry in page["data"]]
        cursor = page["next_cursor"]
    assert seen == ["4", "3", "2", "1", "0", public("org", org)]
    by_action = await listed(office, token, "?action=thing.created")
    assert [entry["target_id"] for entry in by_action["data"]] == ["3", "1"]
    assert by_action["data"][0]["actor_kind"] == "system"


@pytest.mark.parametrize(
    "query", ["?action=x", "?action=a.b'--", "?action=%00.a", "?cursor=x", "?limit=0", "?limit=201"]
)
async def test_what_cannot_be_asked_is_refused(office, query):
    token = await office.signed_in(await office.organization(), "auditor")
    assert (await office.ask(token, "GET", f"/v1/audit{query.replace('%00', chr(0))}")).status == 422


async def test_an_entry_stands_or_falls_with_what_it_tells_of(office):
    org = await office.organization()
    person = Principal("person", org, org, new(), new(), "person:x", frozenset())
    before = len(await office.audited(org))

    async def fail() -> None:
        async with office.database.tenant(org) as tx:
            await audit.record(tx, person, "thing.created", target_kind="thing", target_id="1")
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await fail()
    assert len(await office.audited(org)) == before


async def test_changes_and_origin_come_back_as_they_were(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    await office.ask(
        token, "PATCH", f"/v1/organizations/{public('org', org)}", {"name": "Größe ≠ 1"},
        user_agent="agent\x7f\x01/" + "x" * 500, x_request_id="request-1234",
    )  # fmt: skip
    entry = (await listed(office, token, "?action=organization.updated"))["data"][0]
    assert entry["changes"] == {"name": ["Org-1", "Größe ≠ 1"]}
    assert (entry["ip"], entry["request_id"], entry["result"]) == ("127.0.0.1", "request-1234", "done")
    assert entry["user_agent"] == ("agent/" + "x" * 500)[:400]


async def test_the_hub_s_own_login_cannot_change_it(office):
    org = await office.organization()
    for statement in ("update hub.audit_log set action = 'a.b'", "delete from hub.audit_log", "truncate hub.audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with office.database.tenant(org) as tx:
                await tx.run(statement)


async def test_what_the_route_itself_refuses_is_written_down_and_what_it_did_is_undone(office):
    org = await office.organization()
    admin = await office.person(org, "admin")
    await office.person(org, "owner")
    token = await office.session(org, admin)
    answer = await office.ask(
        token, "POST", "/v1/invitations", {"email": "a@b.c", "role": "owner"}, idempotency_key="again"
    )
    assert answer.status == 403
    (entry,) = await office.audited(org, "access.refused")
    assert (entry["target_id"], entry["result"]) == ("POST /v1/invitations", "refused")
    assert "organizations:write" in entry["changes"]
    assert await office.admin.fetchval("select count(*) from hub.idempotency_keys") == 0
