"""The guide to the marketplace: its bodies are taken, its commands run against a hub, its formula is the database's."""

import asyncio
import json
import os
import re
import shlex
import sys

from tests.architecture.sources import ROOT
from tests.catalog.conftest import counter, hall, market  # noqa: F401 - the fixtures of the room
from tests.sdk.manifest.samples import base
from worksphere_hub.catalog.market_schemas import Install, ListingCreate, ReviewCreate

GUIDE = (ROOT / "docs" / "guides" / "marketplace.md").read_text(encoding="utf-8")
MANIFESTS = (ROOT / "docs" / "guides" / "manifests.md").read_text(encoding="utf-8")
BODIES = dict(re.findall(r"```json (\w+)\n(.*?)```", GUIDE, re.DOTALL))
INSTANCE = "inst_0198c0a1b2c3d4e5f60718293a4b5c6d"


def commands(text: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


async def run(market, command, folder, answer="y\n"):  # noqa: F811 - the fixture
    """Run a line of the guide as it stands; answers what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environment |= {"HUB_URL": f"http://127.0.0.1:{market.port}", "HUB_API_KEY": market.acme.key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worksphere_hub", *shlex.split(command)[1:], env=environment, cwd=folder,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(answer.encode())
    return process.returncode, out.decode(), err.decode()


def test_its_bodies_are_taken():
    shapes = {"install": Install, "listing": ListingCreate, "review": ReviewCreate}
    assert shapes.keys() == BODIES.keys()
    for name, shape in shapes.items():
        shape.model_validate(json.loads(BODIES[name]))


async def test_its_commands_do_what_they_say(market, tmp_path):  # noqa: F811 - the fixture
    await market.listed(version="1.0.0")
    lines = commands(GUIDE)
    assert len(lines) == 5
    for line in lines[:3]:
        status, out, err = await run(market, line, tmp_path)
        assert status == 0, err
        assert "tickets" in out
    (mine,) = (await market.done(market.acme, "GET", "/v1/instances"))["data"]
    assert (mine["environment"], mine["settings"]) == ("staging", {"subdomain": "acme"})
    await market.published(market.operator, version="2.0.0", hosts=["*.tickets.example"])
    for line, version in ((lines[3], "2.0.0"), (lines[4], "1.0.0")):
        status, _, err = await run(market, line.replace(INSTANCE, mine["id"]), tmp_path)
        assert status == 0, err
        assert f"Tickets is at {version}" in err
    status, _, err = await run(market, f"worksphere-hub marketplace uninstall {mine['id']}", tmp_path, "n\n")
    assert (status, "nothing besides" in err) == (1, True)
    status, _, err = await run(market, f"worksphere-hub marketplace uninstall {mine['id']} --yes", tmp_path)
    assert status == 0, err
    assert (await market.done(market.acme, "GET", "/v1/instances"))["data"] == []


async def test_the_commands_of_the_guide_to_manifests(market, tmp_path):  # noqa: F811 - the fixture
    document = re.search(r"```json manifest\n(.*?)```", MANIFESTS, re.DOTALL)
    assert document is not None
    (tmp_path / "parcels.json").write_text(document[1])
    for line in commands(MANIFESTS):
        status, _, err = await run(market, line, tmp_path)
        assert status == 0, err
    (made,) = (await market.done(market.acme, "GET", "/v1/integrations"))["data"]
    assert (made["slug"], made["state"]) == ("parcels", "published")
    (tmp_path / "bad.json").write_text(json.dumps(base(versoin="1")))
    status, out, _ = await run(market, "worksphere-hub integrations validate bad.json", tmp_path)
    assert status == 1
    assert out.split("\t")[0] == "versoin"
    for line, shown in (
        ("list", "parcels"),
        (f"show {made['id']}", '"manifest"'),
        (f"withdraw {made['id']} --reason Over", ""),
        ("instances", ""),
    ):
        status, out, err = await run(market, f"worksphere-hub integrations {line}", tmp_path)
        assert status == 0, err
        assert shown in out


async def test_the_score_is_what_it_says(market):  # noqa: F811 - the fixture
    score = "select hub.rating_score($1, $2)::text"
    for count, total in ((1, 5), (200, 920)):
        told = await market.admin.fetchval(score, count, total)
        assert told == f"{(total + 15) / (count + 5):.3f}"
        assert told in GUIDE
