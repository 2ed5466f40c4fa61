"""Signing in, out, and changing one's password."""

import asyncio
from datetime import datetime, timedelta

import argon2
import pytest

from tests.accounts.office import PASSWORD, Office, public
from tests.accounts.samples import new_session
from worksphere_hub import ids
from worksphere_hub.security.passwords import PasswordHasher

OTHER = "another password of mine"


async def sign_in(office: Office, email: str, password: str = PASSWORD, **more):
    return await office.ask(None, "POST", "/v1/sessions", {"email": email, "password": password} | more)


async def change(office: Office, token: str, current: str, new: str):
    return await office.ask(token, "PUT", "/v1/password", {"current_password": current, "new_password": new})


async def test_the_token_is_shown_once_and_only_its_hash_is_kept(office):
    org = await office.organization()
    person = await office.person(org, "developer")
    answer = await sign_in(office, (await office.email(person)).upper())
    made = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (made["person"]["id"], made["organization"]["id"]) == (public("per", person), public("org", org))
    current = await office.ask(made["token"], "GET", "/v1/sessions/current")
    assert current.json() == {name: value for name, value in made.items() if name != "token"}
    stored = await office.admin.fetch("select s::text from hub.sessions s")
    logged = await office.admin.fetch("select a::text from hub.audit_log a")
    assert made["token"] not in str(stored) + str(logged) + current.body.decode()


async def test_an_unknown_person_a_wrong_password_and_a_foreign_organization_answer_alike(office):
    org, other = await office.organization(), await office.organization()
    email = await office.email(await office.person(org, "developer"))
    slug = await office.admin.fetchval("select slug from hub.organizations where id = $1", other)
    answers = [
        await office.ask(None, "POST", "/v1/sessions", body, x_request_id="the-same-request")
        for body in (
            {"email": "nobody@example.com", "password": PASSWORD},
            {"email": email, "password": "wrong"},
            {"email": email, "password": "x" * 1024},
            {"email": email, "password": PASSWORD, "organization": slug},
            {"email": email, "password": PASSWORD, "organization": "no-such-slug"},
        )
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


class Watched(PasswordHasher):
    """Counts what is really computed."""

    computed = 0

    def _fits(self, stored: str, password: str) -> bool:
        self.computed += 1
        return super()._fits(stored, password)


async def test_an_unknown_person_costs_the_same_hash_as_a_wrong_password(office):
    org = await office.organization()
    email = await office.email(await office.person(org, "developer"))
    watched = Watched(parameters=argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 8, 1))
    try:
        office.passwords = watched
        quiet = office.with_settings()
        costs = []
        for who, password in ((email, "wrong"), ("nobody@example.com", "wrong"), ("", ""), (email, "x" * 1024)):
            before = watched.computed
            assert (await sign_in(quiet, who, password)).status == 401
            costs.append(watched.computed - before)
        assert costs == [1, 1, 1, 1]
    finally:
        watched.close()


async def test_members_of_several_choose(office):
    one, two = await office.organization(), await office.organization()
    person = await office.person(one, "developer")
    await office.join(two, person, "analyst")
    email = await office.email(person)
    refused = await sign_in(office, email)
    assert (refused.status, refused.json()["code"]) == (422, "organization_required")
    assert "org-1, org-2" in refused.json()["detail"]
    chosen = await sign_in(office, email, organization="org-2")
    assert (chosen.json()["organization"]["id"], chosen.json()["role"]) == (public("org", two), "analyst")
    await office.admin.execute("update hub.organizations set suspended_at = now() where id = $1", one)
    assert (await sign_in(office, email)).json()["organization"]["id"] == public("org", two)


async def test_who_belongs_nowhere_cannot_sign_in(office):
    email = await office.email(await office.person(await office.organization(), "developer"))
    await office.admin.execute("delete from hub.members")
    assert (await sign_in(office, email)).status == 401


@pytest.mark.parametrize(("role", "hours"), [("owner", 24), ("admin", 24), ("developer", 168), ("analyst", 168)])
async def test_a_session_lives_a_week_and_an_administrator_s_a_day(office, role, hours):
    email = await office.email(await office.person(await office.organization(), role))
    expires = datetime.fromisoformat((await sign_in(office, email)).json()["expires_at"])
    now = await office.admin.fetchval("select now()")
    assert abs(expires - now - timedelta(hours=hours)) < timedelta(minutes=5)


async def test_wrong_passwords_are_counted_by_address_of_either_kind(office):
    email = await office.email(await office.person(await office.organization(), "developer"))
    limited = office.with_settings(attempts_per_email=3, attempts_per_address=5)
    assert [(await sign_in(limited, email, "wrong")).status for _ in range(4)] == [401, 401, 401, 429]
    refused = await sign_in(limited, email)
    assert (refused.status, refused.json()["code"]) == (429, "too_many_attempts")
    assert int(refused.headers["retry-after"]) > 0
    # The fifth came from this address, too, whoever it asked for.
    assert (await sign_in(limited, "nobody@example.com", "wrong")).status == 429


async def test_a_right_password_is_not_counted(office):
    email = await office.email(await office.person(await office.organization(), "developer"))
    limited = office.with_settings(attempts_per_email=2, attempts_per_address=2)
    assert [(await sign_in(limited, email)).status for _ in range(6)] == [201] * 6


async def test_a_hundred_wrong_passwords_at_once_do_not_all_get_through(office):
    email = await office.email(await office.person(await office.organization(), "developer"))
    limited = office.with_settings(attempts_per_email=3)
    answers = await asyncio.gather(*(sign_in(limited, email, "wrong") for _ in range(30)))
    assert sorted(answer.status for answer in answers) == [401] * 3 + [429] * 27


async def test_an_old_hash_is_renewed_when_its_password_comes_by(office):
    person = await office.person(await office.organization(), "developer")
    weak = PasswordHasher(parameters=argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 16, 1))
    old = await weak.hash(PASSWORD)
    weak.close()
    await office.admin.execute("update hub.people set password_hash = $1", old)
    session = await office.session(await office.admin.fetchval("select org_id from hub.members"), person)
    assert (await sign_in(office, await office.email(person))).status == 201
    renewed = await office.admin.fetchval("select password_hash from hub.people")
    assert renewed != old
    assert await office.passwords.verify(renewed, PASSWORD)
    # Renewing is not changing: nobody is signed out by it.
    assert (await office.ask(session, "GET", "/v1/sessions")).status == 200


async def test_a_renewed_hash_never_undoes_a_change(office):
    person = await office.person(await office.organization(), "developer")
    stored = await office.admin.fetchval("select password_hash from hub.people")
    changed = await office.passwords.hash(OTHER)
    await office.admin.execute("update hub.people set password_hash = $1", changed)
    late = await office.database.call("select hub.set_password($1, $2, $3)", person, stored, stored)
    assert late[0][0] is False
    assert await office.admin.fetchval("select password_hash from hub.people") == changed


async def test_one_s_own_sessions_and_nobody_else_s(office):
    org = await office.organization()
    one, other = await office.person(org, "owner"), await office.person(org, "owner")
    token = await office.session(org, one)
    mine = await new_session(office, org, one)
    foreign = await new_session(office, org, other)
    listed = (await office.ask(token, "GET", "/v1/sessions")).json()["data"]
    assert [entry["current"] for entry in listed] == [False, True]
    answers = [
        await office.ask(token, method, f"/v1/sessions/{public('ses', session)}", x_request_id="the-same-request")
        for method in ("GET", "DELETE")
        for session in (foreign, ids.new())
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert (await office.ask(token, "DELETE", f"/v1/sessions/{public('ses', mine)}")).status == 204
    assert (await office.ask(token, "DELETE", "/v1/sessions/current")).status == 204
    assert (await office.ask(token, "GET", "/v1/sessions")).status == 401
    assert await office.admin.fetchval("select count(*) from hub.sessions") == 1


async def test_signing_out_everywhere_means_everywhere(office):
    one, two = await office.organization(), await office.organization()
    person, other = await office.person(one, "owner"), await office.person(one, "owner")
    await office.join(two, person, "owner")
    here, there, others = [await office.session(org, who) for org, who in ((one, person), (two, person), (one, other))]
    assert (await office.ask(here, "DELETE", "/v1/sessions")).status == 204
    answers = [(await office.ask(token, "GET", "/v1/sessions")).status for token in (here, there, others)]
    assert answers == [401, 401, 200]


async def test_a_changed_password_ends_every_other_session(office):
    one, two = await office.organization(), await office.organization()
    person = await office.person(one, "analyst")
    await office.join(two, person, "analyst")
    here, also_here, there = [await office.session(org, person) for org in (one, one, two)]
    wrong = await change(office, here, "wrong", OTHER)
    assert (wrong.status, wrong.json()["code"]) == (422, "password_wrong")
    assert (await change(office, here, PASSWORD, "short")).json()["code"] == "password_refused"
    assert (await change(office, here, PASSWORD, OTHER)).status == 204
    answers = [(await office.ask(token, "GET", "/v1/sessions")).status for token in (here, also_here, there)]
    assert answers == [200, 401, 401]
    email = await office.email(person)
    assert (await sign_in(office, email, PASSWORD, organization="org-1")).status == 401
    assert (await sign_in(office, email, OTHER, organization="org-1")).status == 201


async def test_guessing_the_current_password_is_counted(office):
    org = await office.organization()
    token = await office.signed_in(org, "analyst")
    limited = office.with_settings(attempts_per_email=2)
    assert [(await change(limited, token, "wrong", OTHER)).status for _ in range(3)] == [422, 422, 429]


async def test_nothing_that_was_typed_is_told_back(office):
    answer = await office.ask(None, "POST", "/v1/sessions", {"email": 7, "password": "s3cret-typed"})
    assert answer.status == 422
    assert b"s3cret-typed" not in answer.body
    answer = await sign_in(office, "nobody@example.com", "s3cret-typed")
    assert b"s3cret-typed" not in answer.body
