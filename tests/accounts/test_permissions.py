"""The table of rights, as the product promises it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.accounts import permissions
from worksphere_hub.accounts.errors import Forbidden
from worksphere_hub.accounts.permissions import CATALOGUE, NAMES, built_in_roles, key_scopes
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.ids import new

# One line an action: which of the roles and whether a key. Written apart from the code, from what is promised.
PROMISED = {
    "organizations:write": "owner",
    "members:write": "owner admin",
    "roles:write": "owner admin",
    "integrations:write": "owner admin developer key",
    "connections:write": "owner admin developer operator key",
    "endpoints:write": "owner admin developer key",
    "endpoints:pause": "owner admin developer operator key",
    "endpoints:rotate": "owner admin developer operator key",
    "events:publish": "owner admin developer key",
    "payloads:read": "owner admin developer key",
    "deliveries:retry": "owner admin developer operator key",
    "metrics:read": "owner admin developer operator analyst auditor key",
    "audit:read": "owner admin auditor key",
    "api_keys:write": "owner admin developer",
    "api_keys:revoke_any": "owner admin operator",
}
Names = st.frozensets(st.sampled_from(sorted(NAMES)))


@pytest.mark.parametrize("permission", PROMISED)
def test_the_promised_rights(permission):
    holders = {role for role, held in built_in_roles(operator=False).items() if permission in held}
    if permission in key_scopes(operator=False):
        holders.add("key")
    assert holders == set(PROMISED[permission].split())


def test_the_owner_may_everything_and_nobody_else_as_much():
    for operator in (False, True):
        roles = built_in_roles(operator=operator)
        assert set(roles["owner"]) == (NAMES if operator else NAMES - permissions.OPERATOR_ONLY)
        assert all(set(held) < set(roles["owner"]) for role, held in roles.items() if role != "owner")


def test_only_the_operator_s_organization_has_what_runs_the_hub():
    for held in built_in_roles(operator=False).values():
        assert not permissions.OPERATOR_ONLY & set(held)
    assert not permissions.OPERATOR_ONLY & key_scopes(operator=False)
    assert key_scopes(operator=True) >= permissions.OPERATOR_ONLY


def test_a_key_can_make_neither_keys_nor_people_nor_roles():
    resources = {scope.partition(":")[0] for scope in key_scopes(operator=True)}
    assert not resources & {"api_keys", "members", "roles"}
    assert "organizations:write" not in key_scopes(operator=True)


def test_names_are_resources_and_verbs_and_fit_the_database():
    assert len(CATALOGUE) == len(NAMES) <= 100
    assert all(name.replace("_", "").replace(":", "", 1).isalpha() for name in NAMES)


@given(Names, st.none() | Names, st.booleans())
def test_a_key_never_may_more_than_its_scopes_or_its_creator(scopes, creator, operator):
    may = permissions.of_key(scopes, creator, operator=operator)
    assert may <= scopes
    assert creator is None or may <= creator
    assert may <= key_scopes(operator=operator)


@given(Names, Names)
def test_nothing_beyond_is_what_one_holds(held, wanted):
    assert set(permissions.beyond(held, wanted)) | (wanted & held) == wanted


def principal(*held: str, operator: bool = False) -> Principal:
    org = new()
    return Principal("person", org, org, new(), new(), "person:x", frozenset(held), operator)


def test_a_lack_is_named():
    with pytest.raises(Forbidden, match="endpoints:write"):
        principal("endpoints:read").require("endpoints:write")
    with pytest.raises(Forbidden, match=r"This role takes .*: endpoints:write, events:publish\."):
        principal("endpoints:read").require_all(["events:publish", "endpoints:read", "endpoints:write"], "This role")
    with pytest.raises(Forbidden, match=r"and \d+ more"):
        principal().require_all(NAMES, "This role")
    principal("endpoints:read").require_all(["endpoints:read"], "This role")


def test_whoever_acts_for_another_does_not_run_the_hub_there():
    home = principal(*NAMES, permissions.SELF, operator=True)
    there = home.acting_for(new())
    assert (home.runs_hub, home.member, home.acting_org) == (True, home.id, None)
    assert (there.runs_hub, there.member, there.acting_org) == (False, None, home.org)
    assert there.permissions == NAMES - permissions.OPERATOR_ONLY


def test_a_permission_that_does_not_exist_cannot_be_required():
    with pytest.raises(ValueError, match="endpoints:wirte"):
        requires("endpoints:wirte")
