"""The first organization, owner and key, without anyone to ask."""

import pytest

from tests.accounts.office import PASSWORD, PEPPER, Office, public
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap, permissions
from worksphere_hub.accounts.errors import (
    AlreadyMember,
    OrganizationNotFound,
    PermissionUnknown,
    SlugTaken,
    TooManyKeys,
)
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.errors import InvalidInput


async def owner(office: Office, org, email: str = "Ana@Example.com", password: str = PASSWORD):
    return await bootstrap.create_owner(
        office.database, office.passwords, org, email=email, name="Ana", password=password
    )


async def test_from_nothing_to_a_working_key_and_owner(office):
    made = await bootstrap.create_organization(office.database, slug="home", name="Home", operator=True)
    person = await owner(office, made.id)
    key = await bootstrap.create_key(office.database, PEPPER, made.id, NewKey("first"))
    found = await office.authenticator.authenticate(f"Bearer {key.secret.reveal()}")
    assert (found.org, found.operator) == (made.id, True)
    assert found.permissions == permissions.key_scopes(operator=True)
    signed_in = await office.ask(None, "POST", "/v1/sessions", {"email": "ana@example.com", "password": PASSWORD})
    assert signed_in.json()["person"]["id"] == public("per", person)
    actions = [(entry["actor_kind"], entry["action"]) for entry in await office.audited(made.id)]
    assert actions[:3] == [("cli", "organization.created"), ("cli", "member.added"), ("cli", "api_key.created")]


async def test_a_known_person_keeps_the_password(office):
    one, two = await office.organization(), await office.organization()
    first = await owner(office, one)
    assert await owner(office, two, "ana@example.com", "another password") == first
    with pytest.raises(AlreadyMember):
        await owner(office, two)
    stored = await office.admin.fetchval("select password_hash from hub.people")
    assert await office.passwords.verify(stored, PASSWORD)


async def test_mistakes_are_said_in_words(office):
    org = await office.organization()
    database = office.database
    with pytest.raises(SlugTaken):
        await bootstrap.create_organization(database, slug="org-1", name="x")
    for slug, name in (("No Slug", "x"), ("fine", ""), ("fine", "x" * 201)):
        with pytest.raises(InvalidInput):
            await bootstrap.create_organization(database, slug=slug, name=name)
    with pytest.raises(InvalidInput, match="e-mail"):
        await owner(office, org, "x")
    with pytest.raises(OrganizationNotFound):
        await owner(office, ids.new())
    with pytest.raises(OrganizationNotFound):
        await bootstrap.create_key(database, PEPPER, ids.new(), NewKey("x"))
    with pytest.raises(PermissionUnknown):
        await bootstrap.create_key(database, PEPPER, org, NewKey("x", ["organizations:create"]))
    for new in (NewKey(""), NewKey("x", rate_limit=0), NewKey("x", days=0), NewKey("x", days=9999)):
        with pytest.raises(InvalidInput):
            await bootstrap.create_key(database, PEPPER, org, new)
    with pytest.raises(TooManyKeys):
        await bootstrap.create_key(database, PEPPER, org, NewKey("x"), AccountSettings(key_limit=0))
    assert await office.admin.fetchval("select count(*) from hub.api_keys") == 0
