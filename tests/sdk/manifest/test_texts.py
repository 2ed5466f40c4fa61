"""No template, expression or schema of a manifest is missed, wherever it stands."""

from tests.sdk.manifest.samples import CUSTOM, OAUTH, base
from worksphere_hub.sdk.manifest.read import read
from worksphere_hub.sdk.manifest.texts import walk

DOCUMENT = base(
    auth={"oauth": {**OAUTH, "slots": {"main": {"scope": "scope"}}}, "custom": {**CUSTOM, "expires_in": "ttl"}}
)
DOCUMENT["api"]["retry"] = {"after": [{"body": "retry"}], "rate_limited": "limited"}
DOCUMENT["verification"]["path"] = "/me"
DOCUMENT["inbound"] = {"scheme": "github", "event_type": "type"}


def paths(kind: str) -> set[str]:
    manifest = read(DOCUMENT).manifest
    assert manifest is not None
    return {".".join(path) for path, _ in walk(manifest, kind)}


def test_templates():
    assert paths("template") >= {
        "hosts.0", "hosts.1", "auth.oauth.token_url", "auth.oauth.place.0.value", "auth.custom.steps.1.url",
        "auth.custom.steps.0.json_body.id", "auth.custom.signature.message", "api.base_url",
        "actions.close.call.path", "verification.path",
    }  # fmt: skip


def test_expressions():
    assert paths("expression") >= {
        "auth.oauth.slots.main.scope", "auth.oauth.slots.main.access_token", "auth.oauth.capture.account",
        "auth.oauth.errors.code", "auth.custom.steps.0.capture.session", "auth.custom.expires_in",
        "api.retry.after.0.body", "api.retry.rate_limited", "api.pagination.cursor", "verification.account_key",
        "streams.tickets.records", "inbound.event_type",
    }  # fmt: skip


def test_schemas():
    assert paths("schema") == {
        "settings", "auth.oauth.fields", "auth.custom.fields", "actions.close.input_schema",
    }  # fmt: skip
