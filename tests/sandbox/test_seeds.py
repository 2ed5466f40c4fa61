"""What a sandbox begins with: the standard seed, parts of it replaced, and the same again after a reset."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from worksphere_hub.sandbox.errors import WrongSeed
from worksphere_hub.sandbox.seeds import PROVIDERS, moment, read_seed, standard, whole_seed
from worksphere_hub.sandbox.serve import running_sandbox

START = datetime(2026, 5, 6, 9, tzinfo=UTC)


def test_times_are_absolute_or_from_the_start():
    assert moment(None, START) == moment("now", START) == START
    assert moment("-3d", START) == START - timedelta(days=3)
    assert moment("+1d12h", START) == START + timedelta(days=1, hours=12)
    assert moment("2026-01-15T09:00:00Z", START) == datetime(2026, 1, 15, 9, tzinfo=UTC)
    for wrong in ("yesterday", "-3", "-3w", "d"):
        with pytest.raises(WrongSeed, match="is not a time"):
            moment(wrong, START)


def test_a_seed_replaces_the_keys_it_has():
    whole = whole_seed({"limits": False, "zoom": {"plan": "business"}})
    assert whole["zoom"] == {**standard("zoom"), "plan": "business"}
    assert whole["slack"] == standard("slack")
    assert whole["limits"] is False
    with pytest.raises(WrongSeed, match="A seed has no sluck"):
        whole_seed({"sluck": {}})
    with pytest.raises(WrongSeed, match="A seed is an object"):
        whole_seed([])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.json", '{"limits": false}'),
        ("s.toml", "limits = false"),
        ("s.yaml", "limits: false"),
        ("s.yml", "limits: no"),
    ],
)
def test_a_file_is_read_as_what_its_name_says(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_seed(tmp_path / name) == {"limits": False}


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(WrongSeed, match="is not what its name says"):
        read_seed(tmp_path / "broken.json")
    with pytest.raises(WrongSeed, match="cannot be read"):
        read_seed(tmp_path / "none.json")


def test_the_same_seed_makes_the_same_ids_and_tokens(sandbox):
    def made():
        sandbox.reset({"start": "2026-05-06T09:00:00Z"})
        tokens = {name: sandbox.tokens(name, scopes=["x"]) for name in PROVIDERS if name != "microsoft"}
        channel = sandbox.call("GET", "")["providers"]["zoom"]["accounts"]
        return json.dumps([{**one, "issued_at": 0, "signature": ""} for one in tokens.values()]), channel

    assert made() == made()


def test_a_reset_forgets_everything_and_may_begin_otherwise(sandbox):
    sandbox.fault("error")
    sandbox.call("POST", "/apps", provider="zoom", client_id="mine")
    sandbox.advance(86_400)
    before = sandbox.call("GET", "/clock")["now"]
    sandbox.reset({"zoom": {"account_id": "another"}})
    assert sandbox.provider("zoom")["account_id"] == "another"
    sandbox.reset()
    assert sandbox.call("GET", "/faults")["data"] == []
    assert "mine" not in {app["client_id"] for app in sandbox.provider("zoom")["apps"]}
    assert sandbox.provider("zoom")["account_id"] == "zoomSandboxAccount01"
    assert sandbox.call("GET", "/clock")["now"] < before


def test_a_reset_takes_back_what_the_instance_was_made_with():
    with running_sandbox({"zoom": {"account_id": "own"}}) as running:
        running.sandbox.load(None)
        assert running.sandbox.providers["zoom"].state.account_id == "own"
