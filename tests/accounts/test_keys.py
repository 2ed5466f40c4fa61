"""API keys: what they can be given, and who may take them back."""

from datetime import datetime, timedelta

import pytest

from tests.accounts.office import Office, permissions_of, public
from worksphere_hub.accounts import permissions


async def create(office: Office, token: str, **new):
    return await office.ask(token, "POST", "/v1/api-keys", {"name": "ci"} | new)


async def test_a_key_is_shown_once_and_works(office):
    org = await office.organization()
    person = await office.person(org, "developer")
    token = await office.session(org, person)
    made = (await create(office, token, scopes=["metrics:read", "metrics:read"])).json()
    assert made["key"].startswith(f"hub_live_{made['key_id']}_")
    assert made["key"].endswith(made["last4"])
    assert (made["scopes"], made["created_by"]) == (["metrics:read"], public("per", person))
    found = await office.authenticator.authenticate(f"Bearer {made['key']}")
    assert (found.org, found.permissions) == (org, {"metrics:read"})
    shown = await office.ask(token, "GET", f"/v1/api-keys/{made['id']}")
    assert "key" not in shown.json()
    stored = await office.admin.fetch("select k::text from hub.api_keys k")
    logged = await office.admin.fetch("select a::text from hub.audit_log a")
    assert made["key"][22:] not in str(stored) + str(logged) + shown.body.decode()


async def test_a_key_can_do_what_its_creator_may_and_a_key_can(office):
    for role in ("owner", "admin", "developer"):
        org = await office.organization()
        made = (await create(office, await office.signed_in(org, role))).json()
        assert set(made["scopes"]) == permissions_of(role) & permissions.key_scopes(operator=False)


async def test_nobody_gives_a_key_what_they_lack(office):
    token = await office.signed_in(await office.organization(), "developer")
    answer = await create(office, token, scopes=["metrics:read", "audit:read"])
    assert answer.status == 403
    assert "audit:read" in answer.json()["detail"]


@pytest.mark.parametrize("scope", ["api_keys:write", "members:write", "organizations:create", "self:manage", "x"])
async def test_what_no_key_can_be_given_is_named(office, scope):
    token = await office.signed_in(await office.organization(), "owner")
    answer = await create(office, token, scopes=[scope])
    assert (answer.status, answer.json()["code"]) == (422, "permission_unknown")


async def test_the_operator_s_key_can_run_the_hub(office):
    token = await office.signed_in(await office.organization(operator=True), "admin")
    assert (await create(office, token, scopes=["organizations:create", "organizations:act"])).status == 201


async def test_a_key_lives_a_year_or_as_long_as_is_said_but_two_at_most(office):
    token = await office.signed_in(await office.organization(), "developer")
    for days, soon in ((None, False), (31, False), (29, True), (730, False)):
        made = (await create(office, token, expires_in_days=days)).json()
        created, expires = (datetime.fromisoformat(made[name]) for name in ("created_at", "expires_at"))
        assert expires - created == timedelta(days=days or 365)
        assert made["expires_soon"] is soon
    for days in (0, -1, 731):
        answer = await create(office, token, expires_in_days=days)
        assert answer.status == 422
        assert answer.json()["errors"][0]["field"] == "expires_in_days"


async def test_only_the_operator_gives_more_than_the_usual_rate(office):
    usual = office.settings.rate_limit
    tenant = await office.organization()
    token = await office.signed_in(tenant, "owner")
    assert (await create(office, token, rate_limit=usual)).status == 201
    assert (await create(office, token, rate_limit=usual + 1)).json()["code"] == "rate_limit_too_high"
    operator = await office.signed_in(await office.organization(operator=True), "owner")
    wanted = {"name": "big", "rate_limit": usual * 5}
    made = await office.ask(operator, "POST", "/v1/api-keys", wanted, hub_organization=public("org", tenant))
    assert made.status == 201
    # Made by somebody who is no member: it answers to nobody in particular, and works.
    assert made.json()["created_by"] is None
    assert (await office.authenticator.authenticate(f"Bearer {made.json()['key']}")).org == tenant


async def test_a_developer_revokes_the_own_and_an_operator_anyone_s(office):
    org = await office.organization()
    developer = await office.person(org, "developer")
    token = await office.session(org, developer)
    _, own = await office.key(org, creator=developer)
    _, nobodys = await office.key(org)
    _, other = await office.key(org, creator=await office.person(org, "developer"))
    paths = [f"/v1/api-keys/{public('key', key)}" for key in (own, nobodys, other)]
    assert [(await office.ask(token, "DELETE", path)).status for path in paths] == [204, 403, 403]
    operator = await office.signed_in(org, "operator")
    assert [(await office.ask(operator, "DELETE", path)).status for path in paths] == [204, 204, 204]
    # What was revoked already is not revoked again.
    assert len(await office.audited(org, "api_key.revoked")) == 3


async def test_revoked_keys_stay_on_the_list(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    _, key = await office.key(org)
    await office.ask(token, "DELETE", f"/v1/api-keys/{public('key', key)}")
    (listed,) = (await office.ask(token, "GET", "/v1/api-keys")).json()["data"]
    assert listed["revoked_at"] is not None
    assert listed["expires_soon"] is False


async def test_there_may_be_only_so_many(office):
    org = await office.organization()
    limited = office.with_settings(key_limit=2)
    token = await office.signed_in(org, "developer")
    assert [(await create(limited, token)).status for _ in range(3)] == [201, 201, 409]
    await office.admin.execute("update hub.api_keys set revoked_at = now()")
    assert (await create(limited, token)).status == 201


async def test_the_same_request_again_is_the_same_key(office):
    org = await office.organization()
    token = await office.signed_in(org, "developer")
    answers = [
        await office.ask(token, "POST", "/v1/api-keys", {"name": "ci"}, idempotency_key="once") for _ in range(3)
    ]
    assert len({answer.body for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", "true"]
    assert await office.admin.fetchval("select count(*) from hub.api_keys") == 1
    sealed = await office.admin.fetchval("select sealed_answer from hub.idempotency_keys")
    assert answers[0].json()["key"].encode() not in sealed
    other = await office.ask(token, "POST", "/v1/api-keys", {"name": "cd"}, idempotency_key="once")
    assert other.json()["code"] == "idempotency_key_reused"
