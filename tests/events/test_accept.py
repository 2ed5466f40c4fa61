"""Accepting: committed once, with deliveries and verdicts, whatever comes at the same time."""

import asyncio

import asyncpg
import msgspec
import pytest

from worksphere_hub import clock, ids
from worksphere_hub.db.failures import DatabaseUnavailable
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.errors import EventIdReused, OrganizationClosed, TooManyWaiting
from worksphere_hub.events.message import EventInput, prepare
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.http.errors import IdempotencyKeyReused

SETTINGS = EventSettings()


def event(tenant, event_type="invoice.paid", data=b"{}", key=None, idempotency_key=None, org=None):
    given = EventInput(event_type, msgspec.Raw(data), key)
    return prepare(given, org or tenant.org, clock.now(), SETTINGS, idempotency_key=idempotency_key)


@pytest.fixture
def acceptor(tenant):
    return Acceptor(tenant.database, SETTINGS)


async def test_an_event_is_stored_with_a_delivery_for_each_endpoint_that_wants_it(tenant, acceptor):
    wanting = {
        await tenant.endpoint("invoice.*"),
        await tenant.endpoint("*"),
        await tenant.endpoint("invoice.paid"),
    }
    other, off = await tenant.endpoint("order.*"), await tenant.endpoint("*", status="disabled")
    accepted = await acceptor.accept(event(tenant))
    rows = await tenant.admin.fetch("select * from hub.webhook_deliveries")
    assert {row["endpoint_id"] for row in rows} == wanting
    assert {ids.encode("evt", row["event_id"]) for row in rows} == {accepted.id}
    fanout = await tenant.admin.fetchrow("select * from hub.webhook_fanouts")
    assert set(fanout["endpoint_ids"]) == wanting
    verdicts = dict(zip(fanout["skipped_ids"], fanout["skipped_reasons"], strict=True))
    assert verdicts == {other: "event_type", off: "disabled"}


async def test_an_event_nobody_wants_is_stored_too(tenant, acceptor):
    accepted = await acceptor.accept(event(tenant))
    assert await tenant.count("webhook_events") == 1
    assert await tenant.count("webhook_deliveries") == 0
    assert accepted.id.startswith("evt_")


async def test_events_of_one_type_share_their_fanout_until_an_endpoint_changes(tenant, acceptor):
    first = await tenant.endpoint("*")
    for _ in range(5):
        await acceptor.accept(event(tenant))
    assert await tenant.count("webhook_fanouts") == 1
    second = await tenant.endpoint("*")
    await acceptor.accept(event(tenant))
    await tenant.admin.execute("delete from hub.webhook_endpoints where id = $1", first)
    await acceptor.accept(event(tenant))
    fanouts = await tenant.admin.fetch("select endpoint_ids from hub.webhook_fanouts order by revision")
    assert [row["endpoint_ids"] for row in fanouts] == [[first], [first, second], [second]]


async def test_many_at_once_share_commits_and_each_is_stored_once(tenant):
    commits: list[int] = []
    acceptor = Acceptor(tenant.database, SETTINGS, on_committed=commits.append)
    await tenant.endpoint("*")
    accepted = await asyncio.gather(*(acceptor.accept(event(tenant)) for _ in range(1000)))
    assert len({one.id for one in accepted}) == 1000
    assert sum(commits) == 1000
    assert len(commits) < 100
    assert await tenant.count("webhook_events") == await tenant.count("webhook_deliveries") == 1000


async def test_the_same_id_and_event_answers_the_same(tenant, acceptor):
    await tenant.endpoint("*")
    first = await acceptor.accept(event(tenant, key="order-1"))
    again = await acceptor.accept(event(tenant, key="order-1"))
    assert (again.id, again.accepted_at) == (first.id, first.accepted_at) == ("order-1", first.accepted_at)
    assert again.replayed
    assert not first.replayed
    assert await tenant.count("webhook_deliveries") == 1


async def test_the_same_id_with_another_event_is_refused_and_changes_nothing(tenant, acceptor):
    await acceptor.accept(event(tenant, key="order-1"))
    with pytest.raises(EventIdReused):
        await acceptor.accept(event(tenant, key="order-1", data=b"[1]"))
    assert await tenant.count("webhook_events") == 1


async def test_an_idempotency_key_works_like_an_id_and_is_apart_from_it(tenant, acceptor):
    first = await acceptor.accept(event(tenant, idempotency_key="k"))
    again = await acceptor.accept(event(tenant, idempotency_key="k"))
    assert again.id == first.id
    with pytest.raises(IdempotencyKeyReused):
        await acceptor.accept(event(tenant, idempotency_key="k", data=b"[1]"))
    assert (await acceptor.accept(event(tenant, key="k"))).id == "k"
    assert await tenant.count("webhook_events") == 2


async def test_with_two_keys_of_which_one_is_known_nothing_points_at_what_was_never_stored(tenant, acceptor):
    await acceptor.accept(event(tenant, key="order-1"))
    again = await acceptor.accept(event(tenant, key="order-1", idempotency_key="fresh"))
    assert again.id == "order-1"
    fresh = await acceptor.accept(event(tenant, data=b"[2]", idempotency_key="fresh"))
    assert not fresh.replayed


async def test_a_hundred_publishers_of_the_same_id_store_it_once(tenant, database):
    other = await Database.open(database.app_url, application="test", size=4)
    acceptors = [Acceptor(tenant.database, SETTINGS), Acceptor(other, SETTINGS)]
    one = event(tenant, key="same")
    same = [event(tenant, key="same") for _ in range(100)]
    for each in same:
        each.occurred_at = one.occurred_at
    outcomes = await asyncio.gather(*(acceptors[n % 2].accept(each) for n, each in enumerate(same)))
    assert {outcome.id for outcome in outcomes} == {"same"}
    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert await tenant.count("webhook_events") == 1
    await other.close()


async def test_ids_are_scoped_to_the_organization(tenant, acceptor):
    other = ids.new()
    await tenant.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'other', 'Other')", other)
    await acceptor.accept(event(tenant, key="same"))
    theirs = await acceptor.accept(event(tenant, key="same", data=b"[9]", org=other))
    assert not theirs.replayed


@pytest.mark.parametrize("how", ["suspended", "missing"])
async def test_an_organization_that_is_closed_takes_nothing_and_others_in_the_batch_do(tenant, acceptor, how):
    closed = ids.new()
    if how == "suspended":
        await tenant.admin.execute(
            "insert into hub.organizations (id, slug, name, suspended_at) values ($1, 'gone', 'Gone', now())",
            closed,
        )
    outcomes = await acceptor.accept_all([event(tenant, org=closed), event(tenant)])
    assert isinstance(outcomes[0], OrganizationClosed)
    assert not isinstance(outcomes[1], HubError)
    assert await tenant.count("webhook_events") == 1


async def test_what_a_closed_organization_was_refused_is_accepted_once_it_is_open(tenant, acceptor):
    await tenant.admin.execute("update hub.organizations set suspended_at = now()")
    for _ in range(2):
        with pytest.raises(OrganizationClosed):
            await acceptor.accept(event(tenant, key="order-1"))
    await tenant.admin.execute("update hub.organizations set suspended_at = null")
    assert not (await acceptor.accept(event(tenant, key="order-1"))).replayed
    assert (await acceptor.accept(event(tenant, key="order-1"))).replayed
    assert await tenant.count("webhook_events") == 1


async def test_one_event_the_database_refuses_does_not_take_the_others_down(tenant, acceptor):
    bad = event(tenant)
    bad.type = "not a type"
    results = await asyncio.gather(
        acceptor.accept(event(tenant)),
        acceptor.accept(bad),
        acceptor.accept(event(tenant)),
        return_exceptions=True,
    )
    assert isinstance(results[1], asyncpg.CheckViolationError)
    assert await tenant.count("webhook_events") == 2


async def test_too_many_waiting_is_said_and_not_stored(tenant):
    acceptor = Acceptor(tenant.database, EventSettings(waiting_limit=10))
    with pytest.raises(TooManyWaiting):
        await acceptor.accept_all([event(tenant) for _ in range(11)])
    assert await tenant.count("webhook_events") == 0


async def test_without_a_database_the_answer_is_unavailable(tenant, acceptor):
    await tenant.database.close()
    with pytest.raises(DatabaseUnavailable):
        await acceptor.accept(event(tenant))
