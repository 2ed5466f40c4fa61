"""Every example of the guide to the connect page is taken as it stands, and what it names is there."""

import json
import re
import shlex

from typer.testing import CliRunner

from tests.architecture.sources import PACKAGE, ROOT
from worksphere_hub.app.api import document
from worksphere_hub.app.settings import names
from worksphere_hub.cli.connections import app
from worksphere_hub.connections.condition import _EVENTS
from worksphere_hub.connections.connect import pages
from worksphere_hub.connections.connect.schemas import ConnectSessionCreate, ConnectSessionOut

GUIDE = (ROOT / "docs" / "guides" / "connect-page.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    table = GUIDE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)


def test_every_example_is_taken():
    examples = re.findall(r"```json session\n(.*?)```", GUIDE, re.DOTALL)
    assert len(examples) == 2
    for text in examples:
        ConnectSessionCreate.model_validate(json.loads(text))


def test_every_field_and_state_it_names_is_there():
    assert set(rows("field")) <= ConnectSessionCreate.model_fields.keys()
    state = ConnectSessionOut.model_json_schema()["properties"]["state"]["enum"]
    assert sorted(rows("`state`")) == sorted(state)
    for language in pages.LANGUAGES:
        assert f"`{language}`" in GUIDE


def test_every_route_setting_and_event_it_names_is_there():
    paths = document()["paths"]
    named = re.findall(r"`(GET|POST|PUT|DELETE) (/v1/[a-z{}/_-]+)`", GUIDE)
    assert len(named) >= 4
    for method, path in named:
        assert method.lower() in paths[path.replace("{id}", "{session_id}")], (method, path)
    for name in re.findall(r"HUB_([A-Z_]+)", GUIDE):
        assert name.lower() in names()
    assert set(re.findall(r"`(hub\.connection\.[a-z_]+)`", GUIDE)) <= set(_EVENTS.values())


def test_every_problem_it_names_can_be():
    listed = GUIDE.partition("`problem` is a stable word")[2].partition("You need not")[0]
    code = "".join(path.read_text() for path in (PACKAGE / "connections").rglob("*.py"))
    for word in set(re.findall(r"`([a-z_]+)`", listed)) - {"problem_detail"}:
        assert f'"{word}"' in code, word


def test_its_command_is_asked_as_it_stands(monkeypatch):
    asked = []
    monkeypatch.setattr("worksphere_hub.cli.connections.call", lambda *given: asked.append(given) or {})
    (command,) = re.findall(r"`worksphere-hub connections (connect-link .*?)`", GUIDE)
    done = CliRunner().invoke(app, shlex.split(command))
    assert done.exit_code == 0, done.output
    ((method, path, wanted),) = asked
    assert (method, path) == ("POST", "/v1/connect-sessions")
    assert wanted == {
        "instance_id": "inst_...", "product": "Acme Desk", "return_url": None, "language": None, "expires_in": 1800,
    }  # fmt: skip
    ConnectSessionCreate.model_validate(wanted)
