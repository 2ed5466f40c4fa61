"""Every example of the guide to the Python client runs against a running hub."""

import ast
import asyncio
import contextlib
import inspect
import io
import re
import time

import asyncpg
import pytest

from tests.acceptance.conftest import hub as running
from tests.architecture.sources import ROOT
from tests.security.hostile import HostileReceiver
from worksphere_hub.security import signing

GUIDE = (ROOT / "docs" / "guides" / "python-client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
SECRET = signing.new_secret()
BODY = b'{"type":"invoice.paid","timestamp":"2026-11-23T10:00:00Z","data":{"amount":100}}'

hub = running


@pytest.fixture(scope="module")
async def surroundings(hub):
    """What the examples' names in capitals stand for."""
    url = await hub.command("organizations", "login", "acme")
    owner = await asyncpg.connect(url)
    organization = await owner.fetchval("select hub.current_org()")
    await owner.close()
    stamp = int(time.time())
    header = signing.sign([signing.parse_secret(SECRET)], "evt_1", stamp, BODY)
    async with HostileReceiver() as receiver:
        yield {
            "HUB_URL": hub.base_url,
            "HUB_KEY": hub.key,
            "DATABASE_URL": url,
            "ORGANIZATION": f"org_{organization.hex}",
            "RECEIVER_URL": receiver.url("/ok"),
            "SECRET": SECRET,
            "HEADERS": {"webhook-id": "evt_1", "webhook-timestamp": str(stamp), "webhook-signature": header},
            "BODY": BODY,
        }


def run(source, names):
    """Run an example as it stands, in a loop of its own where it awaits; answers what it prints."""
    code = compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        outcome = eval(code, dict(names))
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)
    return printed.getvalue()


def with_a_table(source):
    """The table of invoices that a reader would have, made in the connection that the example opens."""
    table = 'connection.execute("create temp table invoices (id text, paid boolean)")\n'
    source = source.replace("    connection.execute(", f"    {table}    connection.execute(", 1)
    return source.replace("    await connection.execute(", f"    await {table}    await connection.execute(", 1)


@pytest.mark.parametrize("source", EXAMPLES, ids=lambda source: source.strip().splitlines()[-1].strip()[:40])
async def test_an_example_runs(surroundings, source):
    printed = await asyncio.to_thread(run, with_a_table(source), surroundings)
    if "Refused)" in source or "refused.code, refused.status" in source:
        assert printed.startswith("invalid_event ")
    if "verify(" in source:
        assert printed == "evt_1 invoice.paid {'amount': 100}\n"


def test_it_shows_everything():
    everything = "".join(EXAMPLES)
    assert len(EXAMPLES) >= 8
    assert all(word in everything for word in ("publish_batch", "outbox.publish_sync", "verify(", "create_endpoint"))
