"""Only what the operator has installed is found, and only by its name."""

import pytest

from tests.sdk.tap.programs import program
from worksphere_hub.sdk.errors import BadSettings
from worksphere_hub.sdk.tap import installed


def test_what_is_installed_is_found_by_name_and_protocol(tmp_path):
    made = program(tmp_path, "tap-a", "")
    program(tmp_path, "airbyte", "", protocol="airbyte")
    assert installed.find(tmp_path, "tap-a", "singer") == made
    assert [each.name for each in installed.every(tmp_path)] == ["airbyte", "tap-a"]
    with pytest.raises(BadSettings, match="there are: tap-a"):
        installed.find(tmp_path, "tap-b", "singer")
    with pytest.raises(BadSettings):
        installed.find(tmp_path, "tap-a", "airbyte")
    with pytest.raises(BadSettings, match="HUB_CONNECTIONS_TAPS"):
        installed.find(None, "tap-a", "singer")


@pytest.mark.parametrize("name", ["", ".", "..", "../tap-a", "/etc", "Tap", "a" * 61, "tap-a/bin"])
def test_a_name_is_no_way_out(tmp_path, name):
    (tmp_path / "taps").mkdir()
    program(tmp_path, "tap-a", "")
    with pytest.raises(BadSettings):
        installed.find(tmp_path / "taps", name, "singer")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"protocol": "singer", "program": 5, "requirements": []}'])
def test_a_description_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / installed.DESCRIPTION).write_text(text)
    assert installed.every(tmp_path) == []
    assert installed.every(tmp_path / "nowhere") == []
