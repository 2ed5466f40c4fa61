"""The README's five-minute start, run as a stranger would, in a copy of the checkout."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from worksphere_hub.db.embedded import EmbeddedServer, free_port

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def copy_checkout(folder: Path) -> None:
    """What a clone would have, with this run's environment in place of a fresh one (CI installs that from nothing)."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")


@contextmanager
def background(command: str, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A command in a terminal of its own, interrupted with Ctrl-C at the end."""
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        # What nobody has read must not keep it from ending.
        process.communicate(timeout=60)


def wait_for(found, within: float = 90.0):
    """Wait until something is there."""
    deadline = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def arrived(receiver: subprocess.Popen[str], name: str) -> str:
    """Read what the receiver prints until `name` is in it, and answer the message below it."""
    assert receiver.stdout
    for line in receiver.stdout:
        if name in line:
            return receiver.stdout.readline()
    raise AssertionError(f"{name} never arrived")


@pytest.mark.timeout(180)
def test_the_five_minute_start(roomy_folder):
    copy_checkout(roomy_folder)
    start, *commands = blocks("bash")
    assert start.strip() == "make demo"
    receiver_port = str(free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environment |= {"HUB_PORT": str(free_port())}
    with background(start, roomy_folder, environment):
        demo_file = roomy_folder / ".hub" / "demo.json"
        demo = json.loads(wait_for(lambda: demo_file.exists() and demo_file.read_text()))
        commands = [command.replace("9000", receiver_port) for command in commands]
        position = next(number for number, command in enumerate(commands) if "receiver.py" in command)
        with background(commands.pop(position), roomy_folder, environment) as receiver:
            assert receiver.stdout
            assert "Listening" in receiver.stdout.readline()
            script = "set -euo pipefail\n" + "\n".join(commands)
            done = subprocess.run(
                ["bash", "-c", script], cwd=roomy_folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert '"secret":"whsec_' in done.stdout
            assert json.loads(arrived(receiver, "invoice-1"))["data"] == {"amount": 100, "currency": "EUR"}
            (statements,) = blocks("sql")
            psql = EmbeddedServer(roomy_folder / "tools", password="", port=0).program("psql")
            by_sql = subprocess.run(
                [psql, demo["database_url"], "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", statements],
                capture_output=True,
                text=True,
                check=False,
            )
            assert by_sql.returncode == 0, by_sql.stderr
            published = re.search(r"evt_[0-9a-f]{32}", by_sql.stdout)
            assert published
            assert json.loads(arrived(receiver, published[0]))["data"] == {"amount": 250}
