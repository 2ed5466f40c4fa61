"""Every example of the guide to connections is taken as it stands, and what it names is there."""

import json
import re

from tests.architecture.sources import ROOT
from worksphere_hub.app.api import document
from worksphere_hub.app.settings import names
from worksphere_hub.connections.action_schemas import ActionRun
from worksphere_hub.connections.condition import _EVENTS
from worksphere_hub.connections.schemas import AuthorizationRequest, ClientCreate, ConnectionCreate, ReturnUrls

GUIDE = (ROOT / "docs" / "guides" / "connections.md").read_text(encoding="utf-8")
KINDS = {
    "client": ClientCreate,
    "connection": ConnectionCreate,
    "action": ActionRun,
    "authorization": AuthorizationRequest,
    "return-urls": ReturnUrls,
}


def test_every_example_is_taken():
    examples = re.findall(r"```json ([a-z-]+)\n(.*?)```", GUIDE, re.DOTALL)
    assert {kind for kind, _ in examples} == set(KINDS)
    for kind, text in examples:
        KINDS[kind].model_validate(json.loads(text))


def test_every_route_it_names_is_there():
    paths = document()["paths"]
    for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/v1/[a-z{}/_-]+)`", GUIDE):
        found = path.replace("{id}", "{connection_id}")
        assert method.lower() in paths[found], (method, path)


def test_every_setting_and_event_it_names_is_there():
    for name in re.findall(r"HUB_([A-Z_]+)", GUIDE):
        assert name.lower() in names()
    assert set(re.findall(r"`(hub\.connection\.[a-z_]+)`", GUIDE)) == set(_EVENTS.values())
