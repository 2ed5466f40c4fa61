"""All three databases, held to the same: what is read, what is written, what is refused. Real servers, real files."""

import asyncio

import jsonschema_rs
import pytest

from tests.connectors import databases
from tests.connectors.sandbox_api import everything
from worksphere_hub.sdk.direct import Account
from worksphere_hub.sdk.errors import BadSettings, Missing, Rejected, StateExpired, Transient

PEOPLE = """
create table people (id integer primary key, name varchar(40) not null, email varchar(80) unique, score integer,
    changed timestamp null);
"""


@pytest.fixture(params=["postgresql", "sqlite", pytest.param("mysql", marks=databases.needs_mariadb)])
def kind(request):
    """Which database, and the server that it is on."""
    servers = {"postgresql": "cluster", "mysql": "mariadb", "sqlite": "tmp_path"}
    return request.param, request.getfixturevalue(servers[request.param])


@pytest.fixture
async def served(kind):
    name, where = kind
    opened = {"postgresql": databases.postgresql, "mysql": databases.mysql, "sqlite": databases.sqlite}[name]
    async with opened(where.server if name == "postgresql" else where) as found:
        yield found


async def filled(served, count=25):
    await served.sql(PEOPLE)
    rows = ", ".join(
        f"({n}, 'Name {n}', 'p{n}@example.com', {n % 3}, '2026-11-0{1 + n % 9} 10:00:00')" for n in range(count)
    )
    await served.sql(f"insert into people (id, name, email, score, changed) values {rows}")


async def test_a_check_says_whose_it_is(served):
    account = await served.connector.check(served.api)
    assert isinstance(account, Account)
    assert served.api.settings.get("database", served.api.settings.get("file")) in account.label


async def test_every_table_with_a_key_is_a_stream_with_its_columns(served):
    await filled(served, 1)
    await served.sql("create table loose (a integer)")
    await served.sql("create table pairs (a integer not null, b varchar(10) not null, primary key (b, a))")
    await served.sql("create view names as select id, name from people")
    found = await served.connector.discover(served.api)
    assert set(found) == {"people", "pairs"}
    assert found["pairs"].kind.primary_key == ("b", "a")
    kind = found["people"].kind
    assert kind.primary_key == ("id",)
    assert list(kind.schema["properties"]) == ["id", "name", "email", "score", "changed"]
    assert kind.schema["properties"]["score"]["type"] == ["integer", "null"]
    jsonschema_rs.meta.validate(dict(kind.schema))
    assert not kind.incremental


async def test_a_table_is_read_whole_page_by_page_and_from_where_it_stopped(served):
    await filled(served)
    served.api.settings["page_rows"] = 10
    stream = await served.stream("people")
    pages = [page async for page in stream.read(served.api, None)]
    assert [len(page.records) for page in pages] == [10, 10, 5]
    assert [record["id"] for page in pages for record in page.records] == list(range(25))
    validator = jsonschema_rs.validator_for(dict(stream.kind.schema))
    assert all(validator.is_valid(record) for page in pages for record in page.records)
    rest = [page async for page in stream.read(served.api, pages[0].state)]
    assert [record["id"] for page in rest for record in page.records] == list(range(10, 25))


async def test_keys_of_several_columns_are_walked_in_their_order(served):
    await served.sql("create table pairs (a integer not null, b varchar(10) not null, c integer, primary key (b, a))")
    values = ", ".join(f"({n % 7}, 'b{n // 7}', {n})" for n in range(40))
    await served.sql(f"insert into pairs values {values}")
    served.api.settings["page_rows"] = 3
    records, _, state = await everything(await served.stream("pairs"), served.api)
    assert sorted(record["c"] for record in records.values()) == list(range(40))
    assert state == {}


async def test_what_changed_is_read_along_the_cursor(served):
    await filled(served)
    served.api.settings |= {"cursors": {"people": "changed"}, "overlap_seconds": 0, "page_rows": 4}
    stream = await served.stream("people")
    assert stream.kind.incremental
    records, _, state = await everything(stream, served.api)
    assert len(records) == 25
    # Only what stands at the cursor's last value is read again.
    again, _, same = await everything(stream, served.api, state)
    assert {record["id"] for record in again.values()} == {8, 17}
    assert same == state
    await served.sql("update people set name = 'Changed', changed = '2026-11-20 00:00:00' where id in (3, 8, 24)")
    await served.sql("insert into people (id, name, changed) values (99, 'New', '2026-11-19 00:00:00')")
    changed, _, state = await everything(stream, served.api, same)
    assert {record["id"] for record in changed.values()} == {3, 8, 17, 24, 99}
    assert (await everything(stream, served.api, state))[2] == state


async def test_an_overlap_finds_what_was_committed_late(served):
    await filled(served)
    served.api.settings |= {"cursors": {"people": "changed"}, "overlap_seconds": 3600}
    stream = await served.stream("people")
    _, _, state = await everything(stream, served.api)
    await served.sql("insert into people (id, name, changed) values (99, 'Late', '2026-11-09 09:30:00')")
    records, _, _ = await everything(stream, served.api, state)
    assert (99,) in records or served.api.folder is not None, "SQLite's moments are texts: no overlap can be taken"


async def test_a_read_by_cursor_goes_on_where_it_stopped(served):
    await filled(served)
    served.api.settings |= {"cursors": {"people": "changed"}, "overlap_seconds": 0, "page_rows": 4}
    stream = await served.stream("people")
    _, _, state = await everything(stream, served.api)
    await served.sql("update people set changed = '2026-11-20 00:00:00' where id < 20")
    pages = [page async for page in stream.read(served.api, state)]
    rest, _, _ = await everything(stream, served.api, pages[1].state)
    seen = {record["id"] for page in pages[:2] for record in page.records}
    assert len(seen) == 8
    assert {record["id"] for record in rest.values()} | seen >= set(range(20))
    assert not {record["id"] for record in rest.values()} & seen


async def test_a_state_of_another_key_says_to_begin_anew(served):
    await filled(served, 3)
    stream = await served.stream("people")
    with pytest.raises(StateExpired):
        await everything(stream, served.api, {"upto": None, "after": [1, 2]})


async def test_a_cursor_that_is_no_column_is_named(served):
    await filled(served, 1)
    served.api.settings["cursors"] = {"people": "nope"}
    with pytest.raises(BadSettings, match="nope"):
        await served.connector.discover(served.api)


async def test_rows_are_inserted_changed_and_deleted(served):
    await filled(served, 3)
    assert await served.act("insert", table="people", rows=[{"id": 10, "name": "Ada"}, {"id": 11, "name": "Bo"}]) == {
        "written": 2,
        "failed": [],
    }
    upserted = [{"id": 10, "name": "Ada L.", "score": 5}, {"id": 12, "name": "Cy", "score": None}]
    assert (await served.act("upsert", table="people", rows=upserted))["written"] == 2
    assert (await served.act("update", table="people", rows=[{"id": 11, "name": "Bob"}]))["written"] == 1
    assert (await served.act("delete", table="people", rows=[{"id": 0}, {"id": 1}]))["written"] == 2
    records, _, _ = await everything(await served.stream("people"), served.api)
    assert {key[0]: (record["name"], record["score"]) for key, record in records.items()} == {
        2: ("Name 2", 2), 10: ("Ada L.", 5), 11: ("Bob", None), 12: ("Cy", None),
    }  # fmt: skip


async def test_an_upsert_of_the_same_rows_twice_changes_nothing(served):
    await filled(served, 3)
    rows = [{"id": n, "name": f"Name {n}"} for n in range(6)]
    await served.act("upsert", table="people", rows=rows)
    await served.act("upsert", table="people", rows=rows)
    keys = await served.act("upsert", table="people", rows=[{"id": 1}])
    assert keys["failed"] == [] or keys["failed"][0]["code"] == "rejected"
    records, _, _ = await everything(await served.stream("people"), served.api)
    assert len(records) == 6


async def test_a_bad_row_is_named_and_keeps_no_other_from_being_written(served):
    await filled(served, 2)
    rows = [
        {"id": 20, "name": "Good"},
        {"id": 0, "name": "Taken"},
        {"id": 21, "name": None},
        {"id": 22, "name": "Odd", "shoe_size": 9},
        {"id": 23, "name": "Good too"},
    ]
    told = await served.act("insert", table="people", rows=rows)
    assert told["written"] == 2
    assert [(each["index"], each["code"]) for each in told["failed"]] == [
        (1, "conflict"), (2, "rejected"), (3, "rejected"),
    ]  # fmt: skip
    assert "shoe_size" in told["failed"][2]["reason"]
    records, _, _ = await everything(await served.stream("people"), served.api)
    assert {key[0] for key in records} == {0, 1, 20, 23}


async def test_an_upsert_never_changes_another_row_that_it_collides_with(served):
    await filled(served, 3)
    told = await served.act("upsert", table="people", rows=[{"id": 50, "name": "X", "email": "p1@example.com"}])
    assert [each["code"] for each in told["failed"]] == ["conflict"]
    records, _, _ = await everything(await served.stream("people"), served.api)
    assert records[(1,)]["name"] == "Name 1"
    told = await served.act("upsert", table="people", key=["email"], rows=[{"email": "p1@example.com", "name": "Y"}])
    assert told["failed"] == [] or told["failed"][0]["code"] == "rejected", "id has no default everywhere"


async def test_what_tells_no_row_from_another_is_no_key(served):
    await filled(served, 2)
    told = await served.act("upsert", table="people", key=["name"], rows=[{"name": "Name 1", "score": 1}])
    assert "unique index" in told["failed"][0]["reason"]
    told = await served.act("update", table="people", rows=[{"name": "No key"}, {"id": 1}, {"id": 77, "name": "Gone"}])
    assert [each["code"] for each in told["failed"]] == ["rejected", "rejected", "missing"]


async def test_a_table_that_is_not_there_is_missing(served):
    with pytest.raises(Missing, match="nowhere"):
        await served.act("insert", table="nowhere", rows=[{"a": 1}])


async def test_names_and_values_are_never_taken_for_sql(served):
    quote = "`" if served.connector.manifest.slug == "mysql" else '"'
    odd = f"a{quote}b; drop table people; -- %s ? $1 100%"
    named = quote + odd.replace(quote, quote * 2) + quote
    await filled(served, 1)
    await served.sql(f"create table {named} (id integer primary key, {named} varchar(200))")
    text = "x'); drop table people; -- \\ \" ' %s 🚀"
    assert (await served.act("insert", table=odd, rows=[{"id": 1, odd: text}]))["failed"] == []
    assert (await served.act("upsert", table=odd, rows=[{"id": 1, odd: text * 2}]))["failed"] == []
    assert (await served.act("update", table=odd, rows=[{"id": 1, odd: text}]))["failed"] == []
    served.api.settings["page_rows"] = 1
    records, _, _ = await everything(await served.stream(odd), served.api)
    assert records == {(1,): {"id": 1, odd: text}}
    assert "people" in await served.connector.discover(served.api)


async def test_a_query_gives_rows_and_cannot_write(served):
    await filled(served, 5)
    place = {"postgresql": "$1", "mysql": "%s", "sqlite": "?1"}[served.connector.manifest.slug]
    told = await served.act("query", statement=f"select id from people where id > {place} order by id", parameters=[2])
    assert told == {"rows": [{"id": 3}, {"id": 4}], "truncated": False}
    cut = await served.act("query", statement="select id, '100%' as share from people order by id", limit=2)
    assert cut == {"rows": [{"id": 0, "share": "100%"}, {"id": 1, "share": "100%"}], "truncated": True}
    for statement in (
        "delete from people", "update people set score = 1", "drop table people", "create table q (a integer)",
        "commit; delete from people", "insert into people (id, name) values (100, 'X')",
    ):  # fmt: skip
        with pytest.raises(Exception) as refused:  # noqa: PT011 - each database has its own word
            await served.act("query", statement=statement)
        assert type(refused.value).__module__.endswith("sdk.errors"), statement
    with pytest.raises((Rejected, Missing)):
        await served.act("query", statement="select nothing from nowhere")
    records, _, _ = await everything(await served.stream("people"), served.api)
    assert len(records) == 5


async def test_a_statement_that_takes_too_long_is_ended(served):
    slow = {
        "postgresql": "select pg_sleep(60)",
        "mysql": "select sleep(60) from information_schema.tables",
        "sqlite": "with recursive n(x) as (select 1 union all select x + 1 from n) select sum(x) as total from n",
    }[served.connector.manifest.slug]
    served.api.settings["statement_seconds"] = 1
    with pytest.raises(Transient):
        await served.act("query", statement=slow)


async def test_who_loses_patience_leaves_nothing_running(served):
    slow = {
        "postgresql": "select pg_sleep(60)",
        "mysql": "select sleep(60) from information_schema.tables",
        "sqlite": "with recursive n(x) as (select 1 union all select x + 1 from n) select sum(x) as total from n",
    }[served.connector.manifest.slug]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await served.act("query", statement=slow)
    await filled(served, 1)
    assert (await served.act("query", statement="select count(*) as n from people"))["rows"] == [{"n": 1}]
