"""The sandbox as a process: one port or several, its own words when it cannot begin."""

import signal
import subprocess
import sys

import httpx
import pytest

from worksphere_hub.sandbox.app import Sandbox
from worksphere_hub.sandbox.errors import SandboxRefusal
from worksphere_hub.sandbox.serve import Binding, Service, running_sandbox


def test_each_provider_has_its_own_port_when_split():
    with running_sandbox(binding=Binding(port=0, split=True)) as running, httpx.Client(trust_env=False) as http:
        assert len(set(running.urls.values())) == 6
        assert http.get(f"{running.urls['slack']}/api/auth.test").json()["error"] == "not_authed"
        assert http.get(f"{running.url}/slack/api/auth.test").json()["error"] == "not_authed"
        assert http.get(f"{running.urls['zoom']}/api/auth.test").status_code == 404


async def test_a_public_address_is_what_answers_say():
    transport = httpx.ASGITransport(Sandbox(public_url="https://sandbox.example.org/"))
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as http:
        address = "/microsoft/common/v2.0/.well-known/openid-configuration"
        found = (await http.get(address)).json()
    assert found["token_endpoint"] == "https://sandbox.example.org/microsoft/common/oauth2/v2.0/token"


@pytest.mark.parametrize("command", [["-m", "worksphere_hub.sandbox"], ["-m", "worksphere_hub", "sandbox"]])
def test_it_runs_from_the_command_line_until_it_is_interrupted(command, tmp_path):
    (tmp_path / "seed.json").write_text('{"zoom": {"account_id": "from the file"}}')
    arguments = [sys.executable, *command, "--port", "0", "--seed", str(tmp_path / "seed.json")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        name, url = process.stdout.readline().split()
        assert name == "sandbox"
        with httpx.Client(trust_env=False) as http:
            shown = http.get(f"{url}/_sandbox").json()
        assert shown["providers"]["zoom"]["account_id"] == "from the file"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        process.communicate()


@pytest.mark.parametrize("command", [["-m", "worksphere_hub.sandbox"], ["-m", "worksphere_hub", "sandbox"]])
def test_a_seed_that_is_wrong_is_a_sentence(command, tmp_path):
    arguments = [sys.executable, *command, "--seed", str(tmp_path / "none.json")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said():
    with running_sandbox() as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(SandboxRefusal, match="cannot be listened on"):
            Service(Sandbox(), Binding(port=port))
