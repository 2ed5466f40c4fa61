"""The guide to event types: every command in it is run, and every answer it shows is the one that comes."""

import asyncio
import json
import re
import secrets
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "event-types.md"
BLOCK = re.compile(r"```(bash|json)\n(.*?)```", re.DOTALL)


def matches(shown, found):
    """Whether what is shown is there; "..." stands for more fields."""
    if isinstance(shown, dict):
        wanted = {key: value for key, value in shown.items() if key != "..."}
        whole = "..." in shown or wanted.keys() == found.keys()
        return whole and all(key in found and matches(value, found[key]) for key, value in wanted.items())
    if isinstance(shown, list):
        return len(shown) == len(found) and all(map(matches, shown, found))
    return shown == found


async def run(command, environment):
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", command, env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


async def test_every_command_of_the_guide_answers_as_shown(hub):
    slug = f"guide-{secrets.token_hex(4)}"
    await hub.command("organizations", "create", slug, "--name", "Guide")
    scopes = [
        each for name in ("event_types:read", "event_types:write", "events:publish") for each in ("--scope", name)
    ]
    key = await hub.command("keys", "create", slug, "--name", "guide", *scopes)
    environment = {**hub.environment, "HUB": hub.base_url, "KEY": key}
    blocks = BLOCK.findall(GUIDE.read_text())
    assert [kind for kind, _ in blocks] == ["bash", "json"] * 7
    for (_, command), (_, shown) in zip(blocks[::2], blocks[1::2], strict=True):
        found = await run(command, environment)
        assert matches(json.loads(shown), found), f"{command}\n{json.dumps(found, indent=1)}"


def test_what_is_shown_and_does_not_come_would_be_found():
    assert matches({"a": [{"b": 1, "...": "..."}]}, {"a": [{"b": 1, "c": 2}]})
    assert not matches({"a": 1}, {"a": 1, "b": 2})
    assert not matches({"a": 1, "...": "..."}, {"b": 1})
    assert not matches([1], [1, 2])
