"""What only PostgreSQL has: its types, exactly; a pooler in between; encryption; who may do what."""

import asyncio

import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from tests.db.pooler import PGBOUNCER, needs_pgbouncer, pooling
from worksphere_hub.db.embedded import free_port
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, Missing, NotPermitted, Transient

ODD = {
    "id": 1, "tall": 9_223_372_036_854_775_807, "exact": "1234567890123456789012345678.0123456789", "rough": 0.1,
    "yes": True, "words": "tab\t line\n emoji 🚀 quote ' \" \\", "empty": "", "padded": "ab   ", "mood": "glad",
    "day": "2026-10-25", "clock": "23:59:59.999999", "here": "2026-10-25T01:30:00.123456",
    "moment": "2026-10-25T00:30:00.123456Z", "span": "1 year 2 mons 03:04:05", "raw": "AP8Kfw==",
    "doc": {"a": [1, None, "x"], "b": {"c": 1.5}}, "uid": "5b0e6c39-6a51-4d9a-9b2c-6d9f5f5d2f11",
    "numbers": [1, None, 3], "grid": [[1, 2], [3, 4]], "money": ["1.10", "2.20"], "moods": ["glad", "sad"],
    "net": "10.0.0.0/8", "nothing": None, "positive": 7,
}  # fmt: skip
TABLE = """
create type mood as enum ('glad', 'sad');
create domain positive as integer check (value > 0);
create table odd (
    id integer primary key, tall bigint, exact numeric(38, 10), rough double precision, yes boolean, words text,
    empty text, padded char(5), mood mood, day date, clock time, here timestamp, moment timestamptz, span interval,
    raw bytea, doc jsonb, uid uuid, numbers integer[], grid integer[], money numeric(5, 2)[], moods mood[],
    net cidr, nothing text, positive positive, doubled integer generated always as (id * 2) stored,
    given bigint generated always as identity
)
"""


@pytest.fixture
async def served(cluster):
    async with databases.postgresql(cluster.server) as found:
        yield found


async def test_every_type_comes_back_as_it_was_written(served):
    await served.sql(TABLE)
    told = await served.act("insert", table="odd", rows=[ODD])
    assert told["failed"] == []
    records, _, _ = await everything(await served.stream("odd"), served.api)
    assert records[(1,)] == {**ODD, "doubled": 2, "given": 1}
    # And once more what was read, as a sync would write it.
    again = {name: value for name, value in records[(1,)].items() if name not in {"doubled", "given"}}
    assert (await served.act("upsert", table="odd", rows=[{**again, "id": 2}]))["failed"] == []
    same = await served.sql("select count(*) from odd a join odd b on a.id = 1 and b.id = 2 and (a.exact, a.rough, "
                            "a.moment, a.span, a.raw, a.doc, a.grid) = (b.exact, b.rough, b.moment, b.span, b.raw, "
                            "b.doc, b.grid) where true and $1", True)  # fmt: skip
    assert same[0][0] == 1


async def test_a_value_that_does_not_fit_is_refused_and_never_cut(served):
    await served.sql("create table t (id integer primary key, short varchar(3), code char(2), made integer "
                     "generated always as (id) stored)")  # fmt: skip
    rows = [
        {"id": 1, "short": "abcd"}, {"id": 2, "code": "abc"}, {"id": "x"}, {"id": 4, "short": "a\x00b"},
        {"id": 5, "made": 5}, {"id": 6, "short": {"no": 1}}, {"id": 7, "short": "abc", "code": "ab"},
    ]  # fmt: skip
    told = await served.act("insert", table="t", rows=rows)
    assert [each["index"] for each in told["failed"]] == [0, 1, 2, 3, 4, 5]
    assert {each["code"] for each in told["failed"]} == {"rejected"}


async def test_what_never_ends_and_what_is_no_number_has_a_word(served):
    await served.sql("create table t (id integer primary key, at timestamptz, x double precision, n numeric)")
    rows = [{"id": 1, "at": "infinity", "x": "NaN", "n": "NaN"}, {"id": 2, "at": "-infinity", "x": "-Infinity"}]
    assert (await served.act("insert", table="t", rows=rows))["failed"] == []
    records, _, _ = await everything(await served.stream("t"), served.api)
    assert records[(1,)] == rows[0]
    assert records[(2,)] == {**rows[1], "n": None}


async def test_other_schemas_and_partitions_are_seen_where_they_are_asked_for(served):
    await served.sql(
        "create schema crm; create table crm.people (id integer primary key); create table t (id integer primary key);"
        "create table parts (id integer, day date, primary key (id, day)) partition by range (day);"
        "create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01')"
    )
    served.api.settings["schemas"] = ["public", "crm"]
    assert set(await served.connector.discover(served.api)) == {"t", "crm.people", "parts"}
    assert (await served.act("insert", table="crm.people", rows=[{"id": 1}]))["written"] == 1
    served.api.settings["schemas"] = ["public"]
    with pytest.raises(Missing):
        await served.act("insert", table="crm.people", rows=[{"id": 2}])


async def test_a_unique_index_without_nulls_is_a_key_and_one_with_conditions_is_not(served):
    await served.sql(
        "create table a (code text not null unique, v integer); create table b (code text unique);"
        "create table c (code text not null); create unique index on c (code) where code > 'x';"
        "create table d (one integer not null, two integer not null, primary key (two, one) include (one))"
    )
    found = await served.connector.discover(served.api)
    assert {name: stream.kind.primary_key for name, stream in found.items()} == {"a": ("code",), "d": ("two", "one")}


async def test_a_wrong_password_a_missing_database_and_a_missing_right_are_told_apart(served):
    await served.sql("create table t (id integer primary key)")
    for change, kind in (({"password": "wrong"}, AuthFailed), ({"username": "nobody_here"}, AuthFailed)):
        api = databases.LocalApi(served.api.settings, served.api.credential | change)
        with pytest.raises(kind) as refused:
            await served.connector.check(api)
        assert "wrong" not in refused.value.detail
    with pytest.raises(BadSettings, match="nowhere"):
        await served.connector.check(
            databases.LocalApi(served.api.settings | {"database": "nowhere"}, served.api.credential)
        )
    limited = databases.LocalApi(served.api.settings, {"username": "hub_worker_login", "password": "worker"})
    assert await served.connector.discover(limited) == {}
    with pytest.raises(NotPermitted):
        await served.connector.actions["query"].run(limited, {"statement": "select * from t"})


async def test_a_server_that_does_not_answer_and_one_that_does_not_encrypt_are_told_apart(served):
    away = databases.LocalApi(served.api.settings | {"port": free_port()}, served.api.credential)
    with pytest.raises(Transient) as refused:
        await served.connector.check(away)
    assert refused.value.sent is False
    served.api.settings["tls"] = "verify"
    with pytest.raises(BadSettings, match="does not encrypt"):
        await served.connector.check(served.api)


async def test_the_next_address_is_tried_where_one_does_not_answer(served):
    served.api.addresses = ("127.0.0.2", "127.0.0.1")
    await served.connector.check(served.api)


async def test_a_statement_that_nobody_waits_for_ends_at_the_server(served):
    task = asyncio.create_task(served.act("query", statement="select pg_sleep(50), 'left behind'"))
    running = "select count(*) from pg_stat_activity where query like $1 and pid <> pg_backend_pid()"
    while not (await served.sql(running, "%left behind%"))[0][0]:
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(20):
        while (await served.sql(running, "%left behind%"))[0][0]:
            await asyncio.sleep(0.02)


async def test_no_statement_holds_anything_between_pages(served):
    await served.sql("create table t (id integer primary key); insert into t select generate_series(1, 30)")
    served.api.settings["page_rows"] = 10
    stream = await served.stream("t")
    pages = stream.read(served.api, None)
    await anext(pages)
    await served.sql("set lock_timeout = '5s'; alter table t add column more integer")
    assert len((await anext(pages)).records) == 10
    await pages.aclose()


@needs_pgbouncer
async def test_it_works_through_a_pooler_in_transaction_mode_encrypted_and_verified(served, cluster, roomy_folder):
    assert PGBOUNCER
    authority, certificate, key = databases.certify("db.example")
    for name, text in (("cert.pem", certificate), ("key.pem", key)):
        (roomy_folder / name).write_text(text)
        (roomy_folder / name).chmod(0o644)
    more = f"client_tls_sslmode = require\nclient_tls_cert_file = {roomy_folder}/cert.pem\n"
    more += f"client_tls_key_file = {roomy_folder}/key.pem\n"
    async with pooling(roomy_folder, cluster.url(served.api.settings["database"]), more=more) as port:
        verified = {"port": port, "tls": "verify", "authorities": authority}
        api = databases.LocalApi(served.api.settings | verified, served.api.credential)
        await served.connector.check(api)
        await served.sql("create table t (id integer primary key, doc jsonb)")
        for action in ("insert", "upsert"):
            rows = [{"id": n, "doc": {"n": n}} for n in range(20)]
            told = await served.connector.actions[action].run(api, {"table": "t", "rows": rows})
            assert told == {"written": 20, "failed": []}
        records, _, _ = await everything((await served.connector.discover(api))["t"], api)
        assert len(records) == 20
        for wrong in ({"host": "other.example"}, {"authorities": databases.certify("db.example")[0]}):
            other = databases.LocalApi(served.api.settings | verified | wrong, served.api.credential)
            with pytest.raises(BadSettings, match="cannot be protected"):
                await served.connector.check(other)
        blind = databases.LocalApi(
            served.api.settings | {"port": port, "tls": "encrypt", "host": "other.example"}, served.api.credential
        )
        await served.connector.check(blind)


async def test_the_environment_of_the_hub_says_nothing_to_the_driver(served, monkeypatch):
    # What libpq's variables say is the operator's own, and not the organization's.
    wrong = {"HOST": "192.0.2.1", "PORT": "1", "USER": "other", "PASSWORD": "other", "DATABASE": "other",
             "SSLMODE": "verify-full", "PASSFILE": "/nowhere", "SERVICE": "other"}  # fmt: skip
    for name, value in wrong.items():
        monkeypatch.setenv(f"PG{name}", value)
    await served.connector.check(served.api)
