"""The command line explains itself, and a failure is a sentence."""

import asyncio
import os
import subprocess
import sys

import pytest

from worksphere_hub import __version__
from worksphere_hub.cli.entry import COMMANDS, NOUNS


async def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worksphere_hub", *arguments,
        env=outside | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_help_names_every_command():
    status, out, _ = await run("--help")
    assert status == 0
    for name in (*COMMANDS, *NOUNS):
        assert name in out


async def test_each_command_has_help_of_its_own():
    answers = await asyncio.gather(*(run(name, "--help") for name in (*COMMANDS, *NOUNS)))
    assert [status for status, _, _ in answers] == [0] * len(answers)


async def test_the_version():
    assert (await run("version"))[1].strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["serve"], {}, "HUB_DATABASE_URL is not set"),
        (["work"], {"HUB_PORT": "many"}, "HUB_PORT must be of type int"),
        (["events", "list"], {"HUB_HOME": "/nonexistent"}, "Set HUB_URL and HUB_API_KEY"),
        (["events", "list"], {"HUB_URL": "http://127.0.0.1:1", "HUB_API_KEY": "x"}, "does not answer"),
        (["events", "publish", "a", "{"], {"HUB_URL": "http://127.0.0.1:1", "HUB_API_KEY": "x"}, "not JSON"),
        (["events", "list", "--where", "limit=1"], {}, "each name once, of channel, ordering_key"),
        (["demo"], {"HUB_DATABASE_URL": "postgresql://a/b"}, "The demo brings its own database"),
    ],
)
async def test_a_failure_is_a_sentence_and_no_traceback(arguments, settings, said):
    status, _, err = await run(*arguments, **settings)
    assert status == 1
    assert said in err
    assert "Traceback" not in err
