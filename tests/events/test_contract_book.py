"""How fresh, how bounded and how rare the looks into the database are."""

import asyncio
from uuid import UUID

import pytest

from worksphere_hub import ids
from worksphere_hub.db.pool import Database
from worksphere_hub.events import type_store
from worksphere_hub.events.contract_book import ContractBook, check_unchecked
from worksphere_hub.events.message import message_body
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.events.type_store import NewVersion, Terms

WHOLE = {"type": "object", "properties": {"n": {"type": "integer"}}}
LASTING = EventSettings(contract_seconds=1000.0)
INSTANT = EventSettings(contract_seconds=0.0)


@pytest.fixture
async def worker(database):
    opened = await Database.open(database.worker_url, application="test", size=2)
    yield opened
    await opened.close()


class Counting:
    """The database, and how often it is asked."""

    def __init__(self, database):
        self.database = database
        self.asked: list[list[UUID]] = []
        self.opened = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def call(self, query, *args):
        self.asked.append(args[0])
        await self.gate.wait()
        return await self.database.call(query, *args)

    def tenant(self, org):
        self.opened += 1
        return self.database.tenant(org)


async def define(tenant, name="invoice.paid", schema=None, enforcement="reject"):
    async with tenant.database.tenant(tenant.org) as tx:
        new = NewVersion(WHOLE if schema is None else schema, None, "", None)
        return await type_store.insert(tx, tenant.org, name, Terms("", enforcement), new, limit=1000)


async def change(tenant, before, schema, enforcement="reject"):
    async with tenant.database.tenant(tenant.org) as tx:
        return await type_store.update(
            tx, tenant.org, before, Terms("", enforcement), NewVersion(schema, None, "", None)
        )


async def test_a_type_without_a_contract_asks_once_and_then_not_at_all(tenant):
    database = Counting(tenant.database)
    book = ContractBook(database, LASTING)
    assert book.binds(tenant.org, "a.b")
    assert await book.check(tenant.org, "a.b", b"1") is None
    assert not book.binds(tenant.org, "a.b")
    assert (len(database.asked), database.opened) == (1, 0)


async def test_a_contract_is_read_once_and_says_what_is_wrong(tenant):
    await define(tenant)
    database = Counting(tenant.database)
    book = ContractBook(database, LASTING)
    assert await book.check(tenant.org, "invoice.paid", b'{"n":1}') is None
    violation = await book.check(tenant.org, "invoice.paid", b'{"n":"1"}', "events.3.data")
    assert (violation.version, violation.enforcement) == (1, "reject")
    assert [each.field for each in violation.problems] == ["events.3.data.n"]
    assert (len(database.asked), database.opened) == (1, 1)
    assert book.binds(tenant.org, "invoice.paid")
    assert not book.binds(tenant.org, "invoice.sent")


async def test_off_binds_nothing(tenant):
    await define(tenant, enforcement="off")
    book = ContractBook(tenant.database, LASTING)
    assert await book.check(tenant.org, "invoice.paid", b'{"n":"1"}') is None
    assert not book.binds(tenant.org, "invoice.paid")


async def test_a_change_is_seen_once_what_is_known_is_too_old(tenant):
    before = await define(tenant)
    book, old = ContractBook(tenant.database, INSTANT), ContractBook(tenant.database, LASTING)
    text = b'{"n":"1"}'
    assert await book.check(tenant.org, "invoice.paid", text)
    assert await old.check(tenant.org, "invoice.paid", text)
    after = await change(tenant, before, {"properties": {"n": {"type": "string"}}}, "warn")
    assert await book.check(tenant.org, "invoice.paid", text) is None
    assert (await book.check(tenant.org, "invoice.paid", b'{"n":1}')).version == after.current.version == 2
    assert (await old.check(tenant.org, "invoice.paid", text)).version == 1


async def test_a_type_made_anew_is_another_one(tenant):
    await define(tenant)
    book = ContractBook(tenant.database, INSTANT)
    assert await book.check(tenant.org, "invoice.paid", b'{"n":"1"}')
    async with tenant.database.tenant(tenant.org) as tx:
        await type_store.delete(tx, tenant.org, "invoice.paid")
    assert await book.check(tenant.org, "invoice.paid", b'{"n":"1"}') is None
    await define(tenant, schema={"properties": {"n": {"type": "string"}}})
    assert await book.check(tenant.org, "invoice.paid", b'{"n":"1"}') is None
    assert (await book.check(tenant.org, "invoice.paid", b'{"n":1}')).version == 1


async def test_a_contract_deleted_before_it_was_read_binds_nothing(tenant):
    await define(tenant)
    book = ContractBook(tenant.database, LASTING)
    await book.check(tenant.org, "another", b"1")
    async with tenant.database.tenant(tenant.org) as tx:
        await type_store.delete(tx, tenant.org, "invoice.paid")
    assert book.binds(tenant.org, "invoice.paid")
    assert await book.check(tenant.org, "invoice.paid", b'{"n":"1"}') is None


async def test_what_many_organizations_ask_meanwhile_is_one_question(tenant):
    await define(tenant)
    database = Counting(tenant.database)
    book = ContractBook(database, LASTING)
    database.gate.clear()
    others = [ids.new() for _ in range(20)]
    first = asyncio.create_task(book.check(others[0], "a", b"1"))
    while not database.asked:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(book.check(org, "invoice.paid", b'{"n":"1"}')) for org in [*others[1:], tenant.org] * 3]
    database.gate.set()
    answers = await asyncio.gather(first, *rest)
    assert [len(asked) for asked in database.asked] == [1, 20]
    # And nobody is held to another organization's contract.
    assert sum(answer is not None for answer in answers) == 3
    assert database.opened == 1


async def test_who_gives_up_takes_the_answer_from_nobody(tenant):
    await define(tenant)
    database = Counting(tenant.database)
    book = ContractBook(database, LASTING)
    database.gate.clear()
    impatient = asyncio.create_task(book.check(tenant.org, "invoice.paid", b'{"n":"1"}'))
    while not database.asked:
        await asyncio.sleep(0)
    patient = asyncio.create_task(book.check(tenant.org, "invoice.paid", b'{"n":"1"}'))
    impatient.cancel()
    database.gate.set()
    assert await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_what_is_kept_is_bounded(tenant):
    for number in range(4):
        await define(tenant, f"type.{number}", {"description": "x" * 1000})
    database = Counting(tenant.database)
    book = ContractBook(database, EventSettings(contract_seconds=1000.0, contract_bytes=2500))
    for number in (0, 1, 0, 1, 2, 1, 0):
        await book.check(tenant.org, f"type.{number}", b"1")
    # 0 and 1 are read and kept; 2 pushes 0 out, which is read again at the end.
    assert database.opened == 4


async def test_a_database_that_is_away_is_told_to_everybody_who_waits(tenant):
    class Away:
        async def call(self, *_):
            raise OSError("away")

    book = ContractBook(Away(), LASTING)
    found = await asyncio.gather(*(book.check(tenant.org, "a", b"1") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [OSError] * 3
    assert book.binds(tenant.org, "a")


async def test_a_worker_checks_an_event_from_sql_by_its_message(tenant, worker):
    made = await define(tenant, enforcement="warn")
    book = ContractBook(worker, LASTING)
    for data, wrong in ((b'{"n":1}', False), (b'{"n":"1"}', True)):
        body = message_body("invoice.paid", made.created_at, data)
        assert bool(await check_unchecked(book, tenant.org, "invoice.paid", body)) == wrong
    assert (
        await check_unchecked(book, tenant.org, "invoice.sent", message_body("invoice.sent", made.created_at, b"1"))
        is None
    )
