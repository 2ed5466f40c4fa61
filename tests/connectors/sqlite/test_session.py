"""What only SQLite has: a file among others, and statements that would reach for them."""

import sqlite3

import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from worksphere_hub.sdk.errors import BadSettings, ConnectorFailed, Missing, NotPermitted, Rejected, Transient


@pytest.fixture
async def served(tmp_path):
    async with databases.sqlite(tmp_path) as found:
        yield found


async def test_values_come_back_as_they_were_written(served):
    await served.sql("create table odd (id integer primary key, x, r real, t text, b blob, n numeric, d datetime, "
                     "twice integer generated always as (id * 2))")  # fmt: skip
    row = {"id": 1, "x": "🚀 ' \"", "r": 0.1, "t": "", "b": "AP8Kfw==", "n": 12, "d": "2026-01-01 00:00:00"}
    odd = [row, {"id": -(2**63), "x": None, "t": "a\x00b"}, {"id": 2**63 - 1}]
    assert (await served.act("insert", table="odd", rows=odd))["failed"] == []
    told = await served.act("insert", table="odd", rows=[{"id": 2**63}, {"id": 5, "x": [1]}, {"id": 6, "twice": 1}])
    assert [each["code"] for each in told["failed"]] == ["rejected"] * 3
    records, _, _ = await everything(await served.stream("odd"), served.api)
    assert records[(1,)] == {**row, "twice": 2}
    assert records[(-(2**63),)]["t"] == "a\x00b"


async def test_no_statement_reaches_another_file_or_changes_a_setting(served, tmp_path):
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("create table secret (id integer primary key)")
    other.close()
    for statement in (
        f"attach database '{tmp_path}/other.db' as o", "pragma journal_mode = off", "pragma writable_schema = on",
        "select load_extension('x')", "vacuum into 'copy.db'", "select * from pragma_database_list",
    ):  # fmt: skip
        with pytest.raises((NotPermitted, Rejected)):
            await served.act("query", statement=statement)
    assert {each.name for each in tmp_path.iterdir()} >= {"other.db"}
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("name", ["../x.db", "/etc/passwd", "a/b.db", ".", "..", ".hidden", "", "x" * 101])
async def test_a_file_is_in_the_organizations_folder_or_nowhere(served, name):
    with pytest.raises(BadSettings):
        await served.connector.check(databases.LocalApi({"file": name}, folder=served.api.folder))


async def test_links_lead_nowhere_and_files_that_are_not_there_are_not_made(served, tmp_path):
    inside = tmp_path / "mine"
    inside.mkdir()
    (inside / "link.db").symlink_to(tmp_path / served.api.settings["file"])
    with pytest.raises(BadSettings, match="link"):
        await served.connector.check(databases.LocalApi({"file": "link.db"}, folder=inside))
    with pytest.raises(Missing):
        await served.connector.check(databases.LocalApi({"file": "new.db"}, folder=inside))
    assert not (inside / "new.db").exists()
    with pytest.raises(BadSettings, match="HUB_CONNECTIONS_FILES"):
        await served.connector.check(databases.LocalApi({"file": "new.db"}))


async def test_what_is_no_database_says_so(served, tmp_path):
    (tmp_path / "photo.db").write_bytes(b"GIF89a" * 1000)
    with pytest.raises(BadSettings, match="not a database"):
        await served.connector.check(databases.LocalApi({"file": "photo.db"}, folder=tmp_path))


async def test_a_file_that_somebody_else_writes_is_busy_and_not_broken(served, monkeypatch):
    monkeypatch.setattr("worksphere_hub.connectors.sqlite.session._BUSY_SECONDS", 0.1)
    await served.sql("create table t (id integer primary key)")
    await served.sql("begin exclusive")
    with pytest.raises(Transient):
        await served.act("insert", table="t", rows=[{"id": 1}])
    await served.sql("select 1")  # a script commits what is open first
    assert (await served.act("insert", table="t", rows=[{"id": 1}]))["written"] == 1


async def test_text_that_is_no_text_is_read_all_the_same(served):
    await served.sql("create table t (id integer primary key, name text)")
    await served.sql("insert into t values (1, cast(x'ff41' as text))")
    records, _, _ = await everything(await served.stream("t"), served.api)
    assert records[(1,)]["name"] == "\ufffdA"


async def test_a_key_that_sqlite_lets_be_null_is_told(served):
    await served.sql("create table t (code text primary key, v integer); insert into t values (null, 1)")
    stream = await served.stream("t")
    assert stream.kind.primary_key == ("code",)
    records, _, _ = await everything(stream, served.api)
    assert records == {(None,): {"code": None, "v": 1}}
    with pytest.raises(ConnectorFailed):
        await served.act("query", statement="select * from nowhere")
