"""The whole room at its door: generated from what the routes declare."""

import pytest
from fastapi.routing import APIRoute

from tests.accounts.office import Office, permissions_of, public
from tests.accounts.samples import MUTATIONS, PROTECTED, SAMPLES, WITH_ID, Actor, all_routes, needed
from worksphere_hub import ids
from worksphere_hub.accounts import permissions
from worksphere_hub.accounts.requires import declared

ROLES = permissions.ROLE_NAMES
KEYABLE = permissions.key_scopes(operator=True)


def test_every_route_declares_one_permission_and_has_a_sample():
    found = all_routes()
    assert set(found) == set(SAMPLES)
    assert {name: declared(route) for name, route in found.items() if len(declared(route)) != 1} == {}


def test_a_route_without_declaration_is_seen():
    async def nothing() -> None: ...

    assert declared(APIRoute("/nothing", nothing)) == []


def test_only_these_routes_are_public():
    public_ones = {name for name in SAMPLES if needed(*name) == "public"}
    assert public_ones == {("POST", "/v1/sessions"), ("POST", "/v1/invitations/accept")}


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_exactly_what_its_permissions_say(office: Office, role: str, operator: bool):
    org = await office.organization(operator=operator)
    held = permissions_of(role, operator=operator) | {permissions.SELF, "public"}
    wrong = []
    for name, sample in SAMPLES.items():
        person = await office.person(org, role)
        path, body = await sample(office, Actor(org, person))
        answer = await office.ask(await office.session(org, person), name[0], path, body)
        right = answer.status // 100 == 2 if needed(*name) in held else answer.status == 403
        if not right:
            wrong.append((name, needed(*name), answer.status, answer.body))
    assert wrong == []


@pytest.mark.parametrize("operator", [False, True])
async def test_a_key_may_exactly_what_its_scopes_say(office: Office, operator: bool):
    org = await office.organization(operator=operator)
    possible = permissions.key_scopes(operator=operator)
    wrong = []
    for name in PROTECTED:
        permission = needed(*name)
        forged, key = await office.key(org)
        # Even a scope that no key can be given, written by somebody else than the API, is worth nothing.
        await office.admin.execute("update hub.api_keys set scopes = $1 where id = $2", [permission], key)
        others, _ = await office.key(org, *(possible - {permission}))
        for token, expected in ((forged, permission in possible), (others, False)):
            path, body = await SAMPLES[name](office, Actor(org))
            answer = await office.ask(token, name[0], path, body)
            if (answer.status // 100 == 2) != expected or (not expected and answer.status != 403):
                wrong.append((name, permission, expected, answer.status, answer.body))
    assert wrong == []


async def test_nobody_comes_in_without_a_credential(office: Office):
    org = await office.organization(operator=True)
    for name in PROTECTED:
        path, body = await SAMPLES[name](office, Actor(org))
        answer = await office.ask(None, name[0], path, body)
        assert (answer.status, answer.json()["code"]) == (401, "unauthenticated"), name
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", WITH_ID, ids=lambda name: f"{name[0]} {name[1]}")
async def test_a_foreign_id_answers_byte_for_byte_like_a_missing_and_a_malformed_one(office: Office, name):
    here, there = await office.organization(), await office.organization()
    owner = await office.person(here, "owner")
    method, template = name
    stranger = await office.person(there, "owner")
    foreign, body = await SAMPLES[name](office, Actor(there, stranger))
    last = foreign.rsplit("/", 1)[1]
    prefix = last.partition("_")[0]
    absent = "no-such-role" if template.endswith("{role_name}") else ids.encode(prefix, ids.new())
    answers = []
    for wanted in (last, absent, "%00", f"{prefix}_{'g' * 32}", "'; drop"):
        path = template[: template.index("{")] + wanted.replace("%00", "\x00")
        token = await office.session(here, owner)
        answer = await office.ask(token, method, path, body, x_request_id="the-same-request")
        answers.append((answer.status, answer.headers, answer.body))
    assert answers[0][0] == 404
    assert [answer for answer in answers if answer != answers[0]] == []


@pytest.mark.parametrize("name", MUTATIONS, ids=lambda name: f"{name[0]} {name[1]}")
async def test_every_change_is_on_the_audit_log_with_who_did_it(office: Office, name):
    org = await office.organization(operator=True)
    person = await office.person(org, "owner")
    path, body = await SAMPLES[name](office, Actor(org, person))
    token = await office.session(org, person)
    before = await office.admin.fetchval("select count(*) from hub.audit_log")
    answer = await office.ask(token, name[0], path, body, user_agent="tester/1", x_request_id="request-1234")
    assert answer.status // 100 == 2, answer.body
    entries = await office.admin.fetch("select * from hub.audit_log order by id offset $1", before)
    assert entries
    for entry in entries:
        assert (entry["result"], entry["actor_kind"]) == ("done", "person")
        assert (str(entry["ip"]), entry["user_agent"], entry["request_id"]) == ("127.0.0.1", "tester/1", "request-1234")
        if needed(*name) != "public":
            assert entry["actor_id"] == public("per", person)


@pytest.mark.parametrize("name", PROTECTED, ids=lambda name: f"{name[0]} {name[1]}")
async def test_every_refusal_is_on_the_audit_log(office: Office, name):
    org = await office.organization()
    token, key = await office.key(org, "metrics:read")
    path, body = await SAMPLES[name](office, Actor(org))
    answer = await office.ask(token, name[0], path, body)
    assert answer.status == 403
    (entry,) = await office.audited(org, "access.refused")
    assert (entry["actor_kind"], entry["actor_id"]) == ("api_key", public("key", key))
    assert (entry["result"], entry["target_kind"], entry["target_id"]) == ("refused", "route", " ".join(name))
    assert needed(*name) in entry["changes"]


@pytest.mark.parametrize("name", MUTATIONS, ids=lambda name: f"{name[0]} {name[1]}")
async def test_fields_that_nobody_asked_for_are_refused(office: Office, name):
    org = await office.organization(operator=True)
    person = await office.person(org, "owner")
    path, body = await SAMPLES[name](office, Actor(org, person))
    if body is None:
        pytest.fail("a route without a body was expected to take none") if all_routes()[name].body_field else None
        return
    for extra in ("org_id", "operator", "id", "created_at", "built_in", "created_by", "digest", "suspended_at"):
        token = await office.session(org, person)
        answer = await office.ask(token, name[0], path, body | {extra: "x"})
        assert answer.status == 422, extra
        assert [problem["field"] for problem in answer.json()["errors"]] == [extra]


@pytest.mark.parametrize("name", PROTECTED, ids=lambda name: f"{name[0]} {name[1]}")
async def test_the_operator_s_header_is_no_way_in_for_others(office: Office, name):
    here, there = await office.organization(), await office.organization()
    owner = await office.person(here, "owner")
    path, body = await SAMPLES[name](office, Actor(there, await office.person(there, "owner")))
    token = await office.session(here, owner)
    answer = await office.ask(token, name[0], path, body, hub_organization=public("org", there))
    assert (answer.status, answer.json()["code"]) == (404, "not_found")
