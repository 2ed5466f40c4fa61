"""Every example of the guide to the sandbox runs against a running sandbox."""

import contextlib
import io
import json
import os
import re
import subprocess

import pytest

from tests.architecture.sources import ROOT
from tests.sandbox.receiver import receiving
from worksphere_hub.sandbox.faults import KINDS
from worksphere_hub.sandbox.serve import running_sandbox

GUIDE = (ROOT / "docs" / "guides" / "sandbox.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def surroundings():
    with running_sandbox() as sandbox, receiving() as receiver:
        receiver.answer = lambda request: (200, "text/plain", json.loads(request.body).get("challenge", "").encode())
        yield {**os.environ, "SANDBOX": sandbox.url, "RECEIVER": receiver.url, "NO_PROXY": "*", "no_proxy": "*"}


def test_every_command_runs_in_the_order_of_the_guide(surroundings):
    printed = []
    for block in blocks("bash"):
        done = subprocess.run(["bash", "-euc", block], env=surroundings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, block + done.stdout + done.stderr
        printed.append(done.stdout)
    everything = "".join(printed)
    assert "http://localhost:3000/callback?code=" in everything
    assert '"access_token":"xoxe.xoxb-1-' in everything
    assert '"state":"delivered"' in everything


def test_the_test_of_the_guide_runs():
    (source,) = blocks("python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "example", "exec"), {})
    assert printed.getvalue() == "3\n"


def test_the_seed_of_the_guide_can_be_loaded():
    (seed,) = (json.loads(text) for text in blocks("json"))
    with running_sandbox(seed) as running:
        assert list(running.sandbox.providers["slack"].teams) == ["T1"]
        assert running.sandbox.world.limits is False


def test_every_kind_of_fault_is_explained():
    assert set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)) == set(KINDS)
