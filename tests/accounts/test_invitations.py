"""Invitations: the code and the person's own password, and neither alone."""

import asyncio

import pytest

from tests.accounts.office import PASSWORD, Office, public
from tests.accounts.samples import new_invitation

OTHER = "another password of mine"


async def invite(office: Office, token: str, email: str, role: str = "analyst"):
    return await office.ask(token, "POST", "/v1/invitations", {"email": email, "role": role})


async def accept(office: Office, code: str, password: str = PASSWORD, name: str = "Ana", **headers: str):
    body = {"code": code, "name": name, "password": password}
    return await office.ask(None, "POST", "/v1/invitations/accept", body, **headers)


async def test_a_new_person_sets_a_password_and_is_signed_in(office):
    org = await office.organization()
    token = await office.signed_in(org, "admin")
    made = (await invite(office, token, "Ana@Example.com", "developer")).json()
    assert made["code"].startswith("hub_inv_")
    assert made["email"] == "ana@example.com"
    answer = (await accept(office, made["code"])).json()
    assert (answer["role"], answer["person"]["email"], answer["person"]["name"]) == (
        "developer", "ana@example.com", "Ana",
    )  # fmt: skip
    assert (await office.ask(answer["token"], "GET", "/v1/sessions/current")).status == 200
    signed_in = await office.ask(None, "POST", "/v1/sessions", {"email": "ANA@example.com", "password": PASSWORD})
    assert signed_in.status == 201
    assert (await accept(office, made["code"])).status == 404


async def test_neither_code_nor_digest_is_where_it_could_leak(office):
    org = await office.organization()
    token = await office.signed_in(org, "admin")
    made = (await invite(office, token, "ana@example.com")).json()
    listed = await office.ask(token, "GET", "/v1/invitations")
    assert "code" not in listed.json()["data"][0]
    stored = await office.admin.fetch("select i::text from hub.invitations i")
    logged = await office.admin.fetch("select a::text from hub.audit_log a")
    assert made["code"] not in str(stored) + str(logged) + listed.body.decode()


async def test_a_known_person_joins_with_the_own_password_only(office):
    known_at, org = await office.organization(), await office.organization()
    person = await office.person(known_at, "analyst")
    _, code = await new_invitation(office, org, await office.email(person))
    before = await office.admin.fetchval("select password_hash from hub.people where id = $1", person)
    # Whoever invites holds the code, and must not become the person by it.
    refused = await accept(office, code, OTHER)
    assert (refused.status, refused.json()["code"]) == (401, "sign_in_refused")
    assert await office.admin.fetchval("select password_hash from hub.people where id = $1", person) == before
    answer = await accept(office, code, name="Somebody Else")
    assert answer.status == 201
    shown = answer.json()["person"]
    assert shown["id"] == public("per", person)
    assert shown["name"] != "Somebody Else"


async def test_the_password_alone_opens_no_other_organization(office):
    # Somebody signs a person up in their own organization, with a password that they know ...
    attacker, org = await office.organization(), await office.organization()
    _, code = await new_invitation(office, attacker, "victim@example.com")
    assert (await accept(office, code)).status == 201
    # ... and when another organization invites that person, they are not there with it.
    await new_invitation(office, org, "victim@example.com")
    slug = await office.admin.fetchval("select slug from hub.organizations where id = $1", org)
    body = {"email": "victim@example.com", "password": PASSWORD, "organization": slug}
    assert (await office.ask(None, "POST", "/v1/sessions", body)).status == 401


async def test_inviting_tells_nothing_of_who_is_known_elsewhere(office):
    elsewhere, org = await office.organization(), await office.organization()
    known = await office.email(await office.person(elsewhere, "owner"))
    token = await office.signed_in(org, "admin")
    answers = [(await invite(office, token, email)) for email in (known, "nobody@example.com")]
    assert [answer.status for answer in answers] == [201, 201]
    shapes = [{name: type(value) for name, value in answer.json().items()} for answer in answers]
    assert shapes[0] == shapes[1]


async def test_who_is_a_member_or_invited_is_not_invited_again(office):
    org = await office.organization()
    token = await office.signed_in(org, "admin")
    member = await office.email(await office.person(org, "analyst"))
    assert (await invite(office, token, member.upper())).json()["code"] == "already_member"
    assert (await invite(office, token, "ana@example.com")).status == 201
    assert (await invite(office, token, "ana@example.com")).json()["code"] == "already_invited"
    await office.admin.execute("update hub.invitations set expires_at = now() - interval '1 second'")
    assert (await invite(office, token, "ana@example.com")).status == 201


@pytest.mark.parametrize(
    "statement",
    [
        "update hub.invitations set expires_at = now() - interval '1 second'",
        "update hub.organizations set suspended_at = now()",
        "delete from hub.invitations",
    ],
)
async def test_an_invitation_that_is_over_is_not_there(office, statement):
    org = await office.organization()
    _, code = await new_invitation(office, org)
    await office.admin.execute(statement)
    over = await accept(office, code, x_request_id="the-same-request")
    never = await accept(office, "x", x_request_id="the-same-request")
    assert over.status == 404
    assert over.body == never.body


async def test_of_two_who_accept_at_once_one_does(office):
    org = await office.organization()
    _, code = await new_invitation(office, org)
    answers = await asyncio.gather(*(accept(office, code) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [201, 404, 404]
    assert await office.admin.fetchval("select count(*) from hub.people") == 1


async def test_two_new_invitations_of_one_person_at_once_do_not_join_two_people(office):
    one, two = await office.organization(), await office.organization()
    codes = [(await new_invitation(office, org, "ana@example.com"))[1] for org in (one, two)]
    answers = await asyncio.gather(accept(office, codes[0], PASSWORD), accept(office, codes[1], OTHER))
    # Together, the second finds the address taken; one after the other, its password is another one.
    assert sorted(answer.status for answer in answers) in ([201, 409], [201, 401])


async def test_guessing_the_password_of_a_known_person_is_counted(office):
    org = await office.organization()
    person = await office.person(await office.organization(), "analyst")
    _, code = await new_invitation(office, org, await office.email(person))
    limited = office.with_settings(attempts_per_email=2)
    answers = [(await accept(limited, code, OTHER)).status for _ in range(3)]
    assert answers == [401, 401, 429]


async def test_a_weak_password_is_refused_and_the_invitation_stays(office):
    org = await office.organization()
    _, code = await new_invitation(office, org)
    assert (await accept(office, code, "short")).json()["code"] == "password_refused"
    assert (await accept(office, code)).status == 201


async def test_there_may_be_only_so_many(office):
    org = await office.organization()
    limited = office.with_settings(invitation_limit=2)
    token = await office.signed_in(org, "admin")
    codes = [(await invite(limited, token, f"p{number}@example.com")).status for number in range(3)]
    assert codes == [201, 201, 409]


@pytest.mark.parametrize("email", ["", "a", "a@", "@b", "a b@c.d", "a@b@c", "ä@example.com", "a@b\n", "a" * 255 + "@b"])
async def test_what_is_no_e_mail_address_is_refused(office, email):
    token = await office.signed_in(await office.organization(), "admin")
    answer = await invite(office, token, email)
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == "email"
