"""A tap of somebody else's against a real database; and taps that do what they should not."""

import sys
from pathlib import Path

import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from tests.sdk.tap.programs import program
from worksphere_hub.connectors.singer.connector import CONNECTOR
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, Transient, Unexpected
from worksphere_hub.sdk.tap.installed import DESCRIPTION, Installed, describe

CATALOGUE = '{"streams": [{"stream": "a", "key_properties": ["id"], "schema": {"type": "object", "properties": {}}}]}'
DISCOVERING = f"if '--discover' in sys.argv:\n    print({CATALOGUE!r})\n    sys.exit(0)\n"


@pytest.fixture
async def served(cluster, tmp_path):
    """The tap beside the tests' own tools, where an operator would have it, and a database for it."""
    real = Path(sys.executable).with_name("tap-postgres")
    place = tmp_path / "postgres" / "bin" / "tap-postgres"
    place.parent.mkdir(parents=True)
    place.symlink_to(real)
    (tmp_path / "postgres" / DESCRIPTION).write_text(describe(Installed("postgres", "singer", place)))
    async with databases.postgresql(cluster.server) as found:
        found.connector = CONNECTOR
        wanted = {"host": "127.0.0.1", "port": found.api.settings["port"], "user": "hub_admin",
                  "database": found.api.settings["database"], "filter_schemas": ["public"]}  # fmt: skip
        found.api = databases.LocalApi({"tap": "postgres", "config": wanted}, {"config": '{"password": "admin"}'})
        found.api.taps = tmp_path
        yield found


async def test_a_tap_of_somebody_elses_is_discovered_and_read(served):
    await served.sql("create table people (id integer primary key, name text, changed timestamptz)")
    await served.sql(
        "insert into people select n, 'Name ' || n, '2026-01-01'::timestamptz + n * interval '1 day'"
        " from generate_series(1, 2500) n"
    )
    account = await CONNECTOR.check(served.api)
    assert account.label == "postgres"
    stream = (await CONNECTOR.discover(served.api))["public-people"]
    assert stream.kind.primary_key == ("id",)
    pages = [page async for page in boundary.pages(stream, served.api, None)]
    assert [record["id"] for page in pages for record in page.records] == list(range(1, 2501))
    assert max(len(page.records) for page in pages) <= 1_000
    assert pages[-1].state


async def test_a_tap_that_cannot_log_in_says_whose_matter_that_is(served):
    served.api.credential["config"] = '{"password": "wrong-canary"}'
    with pytest.raises((AuthFailed, Transient, Unexpected)) as failed:
        await CONNECTOR.check(served.api)
    assert isinstance(failed.value, AuthFailed | Transient)
    assert "wrong-canary" not in failed.value.detail


def api(folder, body, **settings):
    program(folder, "odd", body)
    made = databases.LocalApi({"tap": "odd", **settings}, {"config": '{"token": "t0ken-canary"}'})
    made.taps = folder
    return made


async def read(made, state=None):
    return await everything((await CONNECTOR.discover(made))["a"], made, state)


async def test_a_state_is_given_back_as_it_was_said(tmp_path):
    body = (
        DISCOVERING
        + """
state = json.load(open("state.json")) if "--state" in sys.argv else {"n": 0}
catalogue = json.load(open("catalog.json"))
assert catalogue["streams"][0]["schema"]["selected"] is True
for n in range(state["n"] + 1, state["n"] + 4):
    print(json.dumps({"type": "RECORD", "stream": "a", "record": {"id": n}}))
    print(json.dumps({"type": "RECORD", "stream": "child", "record": {"id": n}}))
    print(json.dumps({"type": "STATE", "value": {"n": n}}))
"""
    )
    made = api(tmp_path, body)
    records, _, state = await read(made)
    assert (sorted(records), state) == ([(1,), (2,), (3,)], {"value": {"n": 3}})
    records, _, state = await read(made, state)
    assert (sorted(records), state) == ([(4,), (5,), (6,)], {"value": {"n": 6}})


async def test_a_deletion_is_one(tmp_path):
    body = (
        DISCOVERING
        + """
print(json.dumps({"type": "RECORD", "stream": "a", "record": {"id": 1}}))
print(json.dumps({"type": "RECORD", "stream": "a", "record": {"id": 2, "_sdc_deleted_at": "2026-01-01"}}))
"""
    )
    records, gone, state = await read(api(tmp_path, body))
    assert (set(records), gone, state) == ({(1,)}, {(2,)}, {})


@pytest.mark.parametrize("body", ["print('hello')", 'print(\'{"type": "BATCH"}\')', "print('[1')", "print('{}')"])
async def test_rubbish_ends_the_run_and_is_not_repeated(tmp_path, body):
    with pytest.raises(Unexpected):
        await read(api(tmp_path, DISCOVERING + body))


async def test_a_tap_that_renews_its_credential_by_itself_is_stopped(tmp_path):
    body = DISCOVERING + "open('config.json', 'w').write('{\"token\": \"new\"}')"
    with pytest.raises(BadSettings, match="renews"):
        await read(api(tmp_path, body))


async def test_a_tap_that_dies_in_the_middle_gives_what_it_said_and_fails(tmp_path):
    body = (
        DISCOVERING
        + """
for n in range(1500):
    print(json.dumps({"type": "RECORD", "stream": "a", "record": {"id": n}}))
sys.exit("status 503 for t0ken-canary")
"""
    )
    made = api(tmp_path, body)
    seen = 0
    with pytest.raises(Transient) as failed:  # noqa: PT012 - what came before counts
        async for page in boundary.pages((await CONNECTOR.discover(made))["a"], made, None):
            seen += len(page.records)
            assert page.state == {}
    assert seen == 1_000
    assert "[redacted]" in failed.value.detail


async def test_only_what_the_operator_has_installed_is_run(tmp_path):
    made = api(tmp_path, "")
    for name in ("other", "../odd"):
        made.settings["tap"] = name
        with pytest.raises(BadSettings):
            await CONNECTOR.check(made)
    made.taps = None
    with pytest.raises(BadSettings, match="HUB_CONNECTIONS_TAPS"):
        await CONNECTOR.check(made)
