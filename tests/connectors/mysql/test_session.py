"""What only MySQL and MariaDB have: their types, exactly; encryption; what a hostile server may ask for."""

import asyncio
import struct

import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, NotPermitted, Transient

ODD = {
    "id": 1, "tall": 18_446_744_073_709_551_615, "exact": "1234567890123456789012345678.0123456789", "rough": 0.1,
    "yes": 1, "words": "tab\t line\n emoji 🚀 quote ' \" \\ %s", "empty": "", "mood": "glad", "day": "2026-10-25",
    "clock": "-26:59:59.999999", "here": "2026-10-25T01:30:00.123456", "moment": "2026-10-25T00:30:00.123456Z",
    "raw": "AP8Kfw==", "flags": "BQ==", "nothing": None, "made": 2026, "some": "a,b",
}  # fmt: skip
TABLE = """
create table odd (
    id integer primary key, tall bigint unsigned, exact decimal(38, 10), rough double, yes tinyint(1), words text,
    empty varchar(10), mood enum('glad', 'sad'), day date, clock time(6), here datetime(6), moment timestamp(6) null,
    raw varbinary(100), flags bit(8), nothing text, made year, some set('a', 'b'),
    doubled integer generated always as (id * 2) stored
)
"""


@pytest.fixture
async def served(mariadb):
    async with databases.mysql(mariadb) as found:
        yield found


pytestmark = databases.needs_mariadb


async def test_every_type_comes_back_as_it_was_written(served):
    await served.sql(TABLE)
    assert (await served.act("insert", table="odd", rows=[ODD]))["failed"] == []
    records, _, _ = await everything(await served.stream("odd"), served.api)
    assert records[(1,)] == {**ODD, "doubled": 2}
    again = {name: value for name, value in records[(1,)].items() if name != "doubled"}
    assert (await served.act("upsert", table="odd", rows=[{**again, "id": 2}]))["failed"] == []
    same = "select count(*) from odd a join odd b on a.id = 1 and b.id = 2 and a.exact = b.exact and a.here = b.here"
    assert (await served.sql(f"{same} and a.moment = b.moment and a.raw = b.raw and a.flags = b.flags"))[0][0] == 1


async def test_a_value_that_does_not_fit_is_refused_and_never_cut(served):
    await served.sql("create table t (id integer primary key, short varchar(3), n integer, d date, here datetime)")
    rows = [
        {"id": 1, "short": "abcd"}, {"id": "x"}, {"id": 3, "n": 2**40}, {"id": 4, "d": "2026-02-30"},
        {"id": 5, "here": "2026-01-01T00:00:00Z"}, {"id": 6, "n": "1.5"}, {"id": 7, "n": "NaN"},
        {"id": 8, "short": "abc", "n": True, "d": "2026-02-28"},
    ]  # fmt: skip
    told = await served.act("insert", table="t", rows=rows)
    assert [each["index"] for each in told["failed"]] == [0, 1, 2, 3, 4, 5, 6]
    assert {each["code"] for each in told["failed"]} == {"rejected"}


async def test_large_numbers_are_walked_exactly(served):
    await served.sql("create table t (id bigint unsigned primary key)")
    await served.sql("insert into t values " + ", ".join(f"({2**63 + n})" for n in range(9)))
    served.api.settings["page_rows"] = 2
    records, _, _ = await everything(await served.stream("t"), served.api)
    assert sorted(key[0] for key in records) == [2**63 + n for n in range(9)]


async def test_a_key_of_several_columns_is_walked_along_its_index(served):
    await served.sql("create table t (a integer, b integer, primary key (a, b))")
    await served.sql("insert into t select 1, seq from seq_1_to_5000")
    await served.sql("analyze table t")
    plan = await served.sql("explain select a, b from t where (a > 1 or (a = 1 and b > 4900)) order by a, b limit 10")
    assert plan[0][3] == "range"


async def test_a_prefix_tells_no_row_from_another(served):
    await served.sql("create table a (code text, unique (code(3))); create table b (c varchar(9) not null unique)")
    assert set(await served.connector.discover(served.api)) == {"b"}


async def test_a_wrong_password_a_missing_database_and_a_missing_right_are_told_apart(served):
    await served.sql("create table t (id integer primary key)")
    with pytest.raises(AuthFailed) as refused:
        await served.connector.check(databases.LocalApi(served.api.settings, {"username": "hub", "password": "secret"}))
    assert "secret" not in refused.value.detail
    with pytest.raises(BadSettings, match="nowhere"):
        await served.connector.check(
            databases.LocalApi(served.api.settings | {"database": "nowhere"}, served.api.credential)
        )
    await served.sql("create or replace user 'limited'@'127.0.0.1' identified by 'limited'")
    name = served.api.settings["database"]
    await served.sql(f"grant select on {name}.t to 'limited'@'127.0.0.1'")
    limited = databases.LocalApi(served.api.settings, {"username": "limited", "password": "limited"})
    assert set(await served.connector.discover(limited)) == {"t"}
    with pytest.raises(NotPermitted):
        await served.connector.actions["insert"].run(limited, {"table": "t", "rows": [{"id": 1}]})


async def test_the_servers_name_and_authority_are_verified(served):
    for wrong in ({"host": "other.example"}, {"authorities": databases.certify("db.example")[0]}, {"authorities": ""}):
        with pytest.raises(BadSettings, match="cannot be protected"):
            await served.connector.check(databases.LocalApi(served.api.settings | wrong, served.api.credential))
    for tls in ("encrypt", "off"):
        api = databases.LocalApi(served.api.settings | {"host": "other.example", "tls": tls}, served.api.credential)
        await served.connector.check(api)
    with pytest.raises(BadSettings, match="PEM"):
        await served.connector.check(
            databases.LocalApi(served.api.settings | {"authorities": "no"}, served.api.credential)
        )


async def test_a_statement_that_nobody_waits_for_ends_at_the_server(served):
    task = asyncio.create_task(served.act("query", statement="select sleep(50), 'left behind'"))
    running = "select count(*) from information_schema.processlist where info like '%%left behind%%' and id <> %s"
    (mine,) = (await served.sql("select connection_id()"))[0]
    while not (await served.sql(running, mine))[0][0]:
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        while (await served.sql(running, mine))[0][0]:
            await asyncio.sleep(0.05)


async def hostile(reader, writer, said):
    """A server that asks for the password as it is."""
    plugin = b"mysql_clear_password\0"
    capabilities = 0x00080000 | 0x00008000 | 0x00000200 | 0x00000008 | 0x00000001
    greeting = b"\x0a8.0.0\0" + struct.pack("<I", 1) + b"a" * 8 + b"\0" + struct.pack("<H", capabilities & 0xFFFF)
    greeting += b"\x21\x02\0" + struct.pack("<H", capabilities >> 16) + b"\x15" + b"\0" * 10 + b"b" * 12 + b"\0"
    greeting += plugin
    writer.write(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
    said.append(await reader.read(4096))
    asked = b"\xfe" + plugin
    writer.write(struct.pack("<I", len(asked))[:3] + b"\x02" + asked)
    said.append(await reader.read(4096))
    writer.close()


async def test_a_server_that_asks_for_the_password_as_it_is_does_not_get_it_unprotected(served):
    said = []
    server = await asyncio.start_server(lambda reader, writer: hostile(reader, writer, said), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    api = databases.LocalApi(
        served.api.settings | {"port": port, "tls": "off"}, {"username": "hub", "password": "very secret"}
    )
    async with server:
        with pytest.raises((AuthFailed, Transient)) as refused:
            await served.connector.check(api)
        assert isinstance(refused.value, AuthFailed)
        encrypted = databases.LocalApi(api.settings | {"tls": "encrypt"}, api.credential)
        with pytest.raises(BadSettings):
            await served.connector.check(encrypted)
    assert said
    assert b"very secret" not in b"".join(said)
