"""What every connector is held to, whatever provider it knows."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

import worksphere_hub.connectors
from worksphere_hub.catalog import manifests
from worksphere_hub.sdk import quality, registry
from worksphere_hub.sdk.manifest.auth import OAuth2

FOLDERS = Path(worksphere_hub.connectors.__file__).parent
SLUGS = sorted(registry.names())


@pytest.fixture(params=SLUGS)
def connector(request):
    return registry.load(request.param)


def folder_of(connector):
    return FOLDERS / connector.manifest.slug.replace("-", "_")


def test_they_are_there():
    five = {"google-drive", "microsoft-teams", "salesforce", "slack", "zoom"}
    assert set(SLUGS) == five | {"airbyte", "mysql", "postgresql", "rest-api", "singer", "sqlite", "webhook"}


def test_its_manifest_is_read_without_a_problem(connector):
    checked = manifests.check(json.loads((folder_of(connector) / "manifest.json").read_text()))
    assert list(checked.problems) == []


def test_its_folder_explains_itself(connector):
    readme = (folder_of(connector) / "README.md").read_text()
    assert readme.startswith(f"# {connector.manifest.name}\n")
    assert len(readme) > 400


def test_its_quality_is_gold_and_what_it_is_exempt_from_has_a_reason(connector):
    report = quality.judge(connector.manifest, folder_of(connector), strict=True)
    assert {"gold", "platinum"} >= {report.tier}, [each for each in report.results if each.status == "missing"]


def test_its_names_are_the_keys_it_is_found_under(connector):
    assert all(name == stream.name for name, stream in connector.streams.items())
    assert all(name == action.name for name, action in connector.actions.items())
    # What a database has is only known once one is connected, what an API has once its settings say so.
    assert connector.streams or connector.direct or connector.manifest.slug in {"rest-api", "webhook"}
    assert connector.actions or connector.manifest.slug in {"airbyte", "singer"}


def test_its_schemas_are_schemas_and_hold_the_keys(connector):
    for stream in connector.streams.values():
        jsonschema_rs.meta.validate(dict(stream.kind.schema))
        assert set(stream.kind.primary_key) <= set(stream.kind.schema["properties"])
        assert stream.kind.title
    for action in connector.actions.values():
        jsonschema_rs.meta.validate(dict(action.deed.input_schema))
        assert action.deed.input_schema["additionalProperties"] is False


def test_the_scopes_that_it_needs_are_ones_that_are_asked_for(connector):
    asked = {
        scope for method in connector.manifest.auth.values() if isinstance(method, OAuth2) for scope in method.scopes
    }
    things = [each.kind for each in connector.streams.values()] + [each.deed for each in connector.actions.values()]
    for thing in things:
        # An account-wide app has the same under another name.
        assert {scope.removesuffix(":admin") for scope in thing.scopes} <= asked | {"user:read:list_users"}


def test_what_is_called_directly_says_whose_account_it_is_and_has_no_call_of_its_own(connector):
    assert connector.direct == (connector.check is not None)
    if connector.direct:
        assert connector.manifest.api is None
        assert connector.manifest.verification is None


def test_what_it_takes_in_is_verified_as_its_manifest_says(connector):
    if connector.inbound is not None and connector.manifest.inbound is not None:
        assert connector.manifest.inbound.scheme == connector.inbound.scheme
