"""Counting refused requests."""

from uuid import uuid4

from worksphere_hub.inbound.refusals import Refusals


async def test_a_flood_is_a_few_rows_and_the_sum_is_right(reception):
    refusals = Refusals(reception.app, pause=0.0)
    source, other = uuid4(), uuid4()
    for number in range(5_000):
        refusals.note(reception.org, source, "signature_wrong", f"10.0.0.{number % 256}")
        refusals.note(reception.org, other, "too_large", None)
    await refusals.close()
    rows = await reception.admin.fetch("select * from hub.inbound_refusals order by reason")
    assert [(row["source_id"], row["count"], row["last_address"]) for row in rows] == [
        (source, 5_000, "10.0.0.135"),
        (other, 5_000, None),
    ]


async def test_later_ones_are_added(reception):
    source = uuid4()
    for _ in range(2):
        refusals = Refusals(reception.app, pause=0.0)
        refusals.note(reception.org, source, "no_secret", None)
        await refusals.close()
    assert await reception.admin.fetchval("select count from hub.inbound_refusals") == 2


async def test_a_database_that_refuses_is_survived(reception):
    refusals = Refusals(reception.app, pause=0.0)
    refusals.note(reception.org, uuid4(), "NOT A REASON", None)
    await refusals.close()
    refusals.note(reception.org, uuid4(), "too_large", None)
    await refusals.close()
    assert await reception.admin.fetchval("select count(*) from hub.inbound_refusals") == 1
