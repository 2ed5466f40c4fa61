"""What an instance is by definition: its own organization's, with defaults, stopped when its version is."""

import json

import asyncpg
import pytest

from tests.sdk.manifest.samples import base
from worksphere_hub import ids
from worksphere_hub.catalog import definitions, manifests
from worksphere_hub.catalog.definitions import with_defaults
from worksphere_hub.db.pool import Database

SETTINGS = {
    "type": "object",
    "properties": {
        "subdomain": {"type": "string"},
        "page": {"type": "integer", "default": 50},
        "more": {"type": "object", "properties": {"a": {"default": 1}, "b": {"default": 2}}},
    },
    "required": ["subdomain"],
}


@pytest.fixture
async def admin(database):
    connection = await asyncpg.connect(database.admin_url)
    yield connection
    await connection.close()


@pytest.fixture(params=["app_url", "worker_url"])
async def process(request, database):
    """A process of the hub, of either sort."""
    opened = await Database.open(getattr(database, request.param), application="test", size=2)
    yield opened
    await opened.close()


async def _instance(admin, org, **settings):
    """An enabled instance of an integration of the organization's own."""
    document = base(settings=SETTINGS, summary=f"Of {org}.")
    integration, instance = ids.new(), ids.new()
    await admin.execute("insert into hub.organizations (id, slug, name) values ($1, $2, 'Test')", org, f"o-{org.hex}")
    await admin.execute(
        "insert into hub.integrations (org_id, id, slug, version, name, category, manifest, manifest_digest, state)"
        " values ($1, $2, 'tickets', '1.2.0', 'Tickets', 'crm', $3, $4, 'published')",
        org, integration, json.dumps(document), manifests.check(document).digest,
    )  # fmt: skip
    await admin.execute(
        "insert into hub.integration_instances"
        " (org_id, id, integration_org_id, integration_id, name, environment, status, settings)"
        " values ($1, $2, $1, $3, 'Mine', 'staging', 'enabled', $4)",
        org, instance, integration, json.dumps(settings),
    )  # fmt: skip
    return integration, instance


async def _definition(process, org, instance):
    async with process.tenant(org) as tx:
        return await definitions.of_instance(tx, org, instance)


async def test_it_is_whole_and_the_manifest_is_read_once(admin, process):
    org = ids.new()
    integration, instance = await _instance(admin, org, subdomain="acme", more={"b": 3})
    found = await _definition(process, org, instance)
    assert found is not None
    assert found.enabled
    assert (found.name, found.environment, found.slug, found.version) == ("Mine", "staging", "tickets", "1.2.0")
    assert (found.integration_org, found.integration) == (org, integration)
    assert found.settings == {"subdomain": "acme", "page": 50, "more": {"a": 1, "b": 3}}
    again = await _definition(process, org, instance)
    assert again is not None
    assert again.manifest is found.manifest


async def test_a_foreign_instance_is_none(admin, process):
    owner, stranger = ids.new(), ids.new()
    _, instance = await _instance(admin, owner, subdomain="acme")
    await _instance(admin, stranger, subdomain="other")
    assert await _definition(process, stranger, instance) is None
    assert await _definition(process, owner, ids.new()) is None
    async with process.tenant(stranger) as tx:
        assert await definitions.of_instance(tx, owner, instance) is None


async def test_a_stopped_version_disables_its_instances(admin, process):
    org = ids.new()
    integration, instance = await _instance(admin, org, subdomain="acme")
    withdraw = (
        "update hub.integrations set state = 'withdrawn', withdrawn_at = now(), withdrawn_reason = 'Leaks',"
        " stopped = $2 where id = $1"
    )
    for stopped, status in ((False, "enabled"), (True, "disabled")):
        await admin.execute(withdraw, integration, stopped)
        found = await _definition(process, org, instance)
        assert found is not None
        assert (found.status, found.withdrawn) == (status, "Leaks")


def test_defaults_leave_what_is_there_alone():
    schema = {"properties": {"a": {"default": 1}, "b": True, "c": {"properties": {"d": {"default": 2}}}}}
    given = {"a": None, "c": {}}
    assert with_defaults(schema, given) == {"a": None, "c": {"d": 2}}
    assert given == {"a": None, "c": {}}
    assert with_defaults({}, given) == given
