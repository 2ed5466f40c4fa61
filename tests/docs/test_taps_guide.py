"""The examples of the guide to taps are what they say, and its commands install a program."""

import json
import os
import re
import subprocess
import sys
import zipfile

import jsonschema_rs
import pytest

from tests.architecture.sources import ROOT
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.tap import airbyte, installed

GUIDE = (ROOT / "docs" / "guides" / "taps.md").read_text(encoding="utf-8")


def test_the_settings_and_the_credential_are_ones():
    examples = re.findall(r"```json settings (\w+)\n(.*?)```", GUIDE, re.DOTALL)
    assert [slug for slug, _ in examples] == ["singer", "airbyte"]
    for slug, text in examples:
        jsonschema_rs.validate(dict(registry.load(slug).manifest.settings), json.loads(text))
    airbyte.require_plain(json.loads(examples[1][1])["manifest"])
    (credential,) = re.findall(r"```json credential\n(.*?)```", GUIDE, re.DOTALL)
    found = json.loads(credential)
    jsonschema_rs.validate(dict(registry.load("singer").manifest.auth["secret"].fields), found)
    assert json.loads(found["config"])


@pytest.fixture
def package(tmp_path):
    """A wheel with one program."""
    path = tmp_path / "tap_tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tap_tiny.py", "def main():\n    print('{\"streams\": []}')\n")
        info = "tap_tiny-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tap-tiny\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\ntap-tiny = tap_tiny:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def run(folder, *words):
    environment = {**os.environ, "HUB_CONNECTIONS_TAPS": str(folder)} if folder else dict(os.environ)
    command = [sys.executable, "-m", "worksphere_hub", "taps", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_package_is_installed_listed_run_and_removed(tmp_path, package):
    folder = tmp_path / "taps"
    wrong = run(folder, "install", "tiny", str(package))
    assert wrong.returncode == 1
    assert "tap-tiny" in wrong.stderr
    assert not (folder / "tiny").exists()
    made = run(folder, "install", "tiny", str(package), "--program", "tap-tiny")
    assert made.returncode == 0, made.stderr
    assert run(folder, "list").stdout.split("\t")[:3] == ["tiny", "singer", "tap-tiny"]
    found = installed.find(folder, "tiny", "singer")
    assert subprocess.run([found.program], capture_output=True, check=True).stdout == b'{"streams": []}\n'
    assert run(folder, "install", "tiny", str(package)).returncode == 1
    assert run(folder, "remove", "tiny").returncode == 0
    assert list(folder.iterdir()) == []
    assert run(folder, "remove", "../taps").returncode == 1


def test_what_cannot_be_says_why(tmp_path):
    assert "HUB_CONNECTIONS_TAPS" in run(None, "list").stderr
    assert "pip" in run(tmp_path, "install", "x").stderr
    assert "small letters" in run(tmp_path, "install", "../x", "y").stderr


def test_every_command_of_the_guide_is_one():
    verbs = {line.split()[2] for line in GUIDE.splitlines() if line.startswith("worksphere-hub taps ")}
    assert verbs == {"install", "list", "remove"}
