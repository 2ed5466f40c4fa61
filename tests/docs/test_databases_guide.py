"""Every example of the guide to databases does what it says, on a real one."""

import json
import re

import jsonschema_rs
import pytest

from tests.architecture.sources import ROOT
from tests.connectors import databases
from worksphere_hub.sdk import registry

GUIDE = (ROOT / "docs" / "guides" / "databases.md").read_text(encoding="utf-8")


def examples(kind):
    """The JSON of a kind, with the word after it."""
    return [
        (word, json.loads(text)) for word, text in re.findall(rf"```json {kind} ?(\w*)\n(.*?)```", GUIDE, re.DOTALL)
    ]


def test_the_settings_and_credentials_are_ones():
    seen = set()
    for slug, settings in examples("settings"):
        jsonschema_rs.validate(dict(registry.load(slug).manifest.settings), settings)
        seen.add(slug)
    assert seen == {"postgresql", "mysql", "sqlite"}
    for slug, credential in examples("credential"):
        jsonschema_rs.validate(dict(registry.load(slug).manifest.auth["password"].fields), credential)


@pytest.fixture
async def served(cluster):
    async with databases.postgresql(cluster.server) as found:
        yield found


async def test_the_actions_do_what_they_say(served):
    await served.sql("create table contacts (id integer primary key, name text, balance numeric(30, 2))")
    told = {}
    for name, given in examples("action"):
        jsonschema_rs.validate(dict(served.connector.actions[name].deed.input_schema), given)
        if name == "query":
            told[name] = await served.act(name, **given)
        else:
            told[name] = (await served.act(name, **given))["failed"]
    assert told["query"]["rows"] == [{"name": "Ada L.", "balance": "12345678901234567890.12"}]
    assert [told[name] for name in ("insert", "upsert", "update", "delete")] == [[]] * 4
    ((_, shown),) = examples("answer")
    assert await served.act("delete", table="contacts", rows=[{"id": 1}, {"id": 99}]) == shown


async def test_the_login_can_be_made_as_shown(served):
    (statements,) = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    database = served.api.settings["database"]
    await served.sql(statements.replace("database crm", f"database {database}").replace("hub_reader", f"r_{database}"))
    await served.sql("create table t (id integer primary key); grant select on t to r_" + database)
    api = databases.LocalApi(served.api.settings, {"username": f"r_{database}", "password": "choose one"})
    assert set(await served.connector.discover(api)) == {"t"}
    await served.sql(f"drop owned by r_{database}; drop role r_{database}")
