"""Whose turn it is: in order where an endpoint wants that, fairly among organizations and endpoints everywhere."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from tests.webhooks.conftest import QUICK
from worksphere_hub import clock, ids
from worksphere_hub.webhooks import store
from worksphere_hub.webhooks.known import Place
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.turns import Ask, Turns
from worksphere_hub.webhooks.write import write_results

ASK = Ask(store.NOBODY, {}, [], [])
ONE_RETRY = replace(QUICK, schedule=(0.02,))


def numbers(requests):
    return [msgspec.json.decode(request.body)["data"]["n"] for request in requests]


def firsts(found):
    return list(dict.fromkeys(found))


async def test_an_endpoint_that_keeps_order_gets_one_after_the_other_even_when_some_fail(engine):
    await engine.endpoint("/flaky/5/a", ordering="endpoint", retry_policy={"kind": "schedule", "waits": [0.1] * 9})
    async with engine.dispatching():
        for number in range(12):
            await engine.publish(data=b'{"n":%d}' % number)
        await engine.until_settled()
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", 12)
    arrived = numbers(engine.receiver.requests)
    assert arrived == [0] * 6 + list(range(1, 12))


async def test_events_of_one_batch_keep_their_order_and_keys_do_not_wait_for_each_other(engine):
    await engine.endpoint("/late/30", ordering="key")
    await asyncio.gather(
        *(engine.publish(data=b'{"n":%d}' % number, ordering_key=f"k{number % 3}") for number in range(30))
    )
    async with engine.dispatching():
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", 30)
    found = engine.receiver.requests
    for key in range(3):
        of_key = [n for n in numbers(found) if n % 3 == key]
        assert of_key == sorted(of_key)
    # Three at a time at most, and not one at a time: 30 ms each, so neighbours of other keys overlap.
    assert max(Counter(n % 3 for n in numbers(found)[:3]).values()) == 1


async def test_events_without_a_key_are_free_of_any_order(engine):
    await engine.endpoint("/ok", ordering="key")
    await engine.publish(data=b'{"n":1}')
    assert await engine.admin.fetchval("select lane from hub.webhook_deliveries") is None


async def test_a_head_that_never_works_blocks_its_lane_and_no_other(engine):
    await engine.endpoint("/status/500", ordering="key", on_exhausted="block")
    async with engine.dispatching(ONE_RETRY):
        for number in range(3):
            await engine.publish(data=b'{"n":%d}' % number, ordering_key="bad")
        await engine.until("select state from hub.webhook_deliveries where sequence = 1", "blocked")
        await engine.publish(data=b'{"n":9}', ordering_key="other")
        await engine.until("select state from hub.webhook_deliveries where lane = 'other'", "blocked")
    assert await engine.states() == {"blocked": 2, "queued": 2}
    assert firsts(numbers(engine.receiver.requests)) == [0, 9]


@pytest.mark.parametrize(("policy", "state"), [("skip", "exhausted"), ("park", "parked")])
async def test_a_head_that_never_works_is_put_aside_and_its_lane_goes_on(engine, policy, state):
    await engine.endpoint("/status/500", ordering="endpoint", on_exhausted=policy)
    async with engine.dispatching(ONE_RETRY):
        for number in range(3):
            await engine.publish(data=b'{"n":%d}' % number)
        await engine.until("select count(*) from hub.webhook_deliveries where state = $1", 3, state)
    assert numbers(engine.receiver.requests) == [0, 0, 1, 1, 2, 2]


async def test_disabling_holds_the_head_and_enabling_goes_on_in_order(engine):
    endpoint = await engine.endpoint("/ok", ordering="endpoint")
    for number in range(3):
        await engine.publish(data=b'{"n":%d}' % number)
    async with engine.app.tenant(engine.org) as tx:
        await tx.row(store.QUERIES.set_endpoint_status, engine.org, endpoint, "disabled", "by_request")
        await tx.run(store.QUERIES.hold_deliveries, engine.org, endpoint)
    assert await engine.states() == {"held": 1, "queued": 2}
    async with engine.app.tenant(engine.org) as tx:
        await tx.row(store.QUERIES.set_endpoint_status, engine.org, endpoint, "enabled", None)
        await tx.run(store.QUERIES.resume_deliveries, engine.org, endpoint)
    async with engine.dispatching():
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", 3)
    assert numbers(engine.receiver.requests) == [0, 1, 2]


async def test_a_lane_left_without_a_head_is_found_by_the_sweep(engine):
    await engine.endpoint("/ok", ordering="key")
    for number in range(4):
        await engine.publish(data=b'{"n":%d}' % number, ordering_key=f"k{number // 2}")
    # What a publisher that joins just while the head ends leaves behind: nobody saw that the lane has lost it.
    await engine.admin.execute(
        "update hub.webhook_deliveries set open = false, state = 'delivered', ended_at = now() where state = 'pending'"
    )
    assert await store.claim(engine.worker, ASK, 1.0) == []
    assert await store.promote_left(engine.worker) == 2
    assert await store.promote_left(engine.worker) == 0
    claims = await store.claim(engine.worker, ASK, 1.0)
    assert sorted(claim.lane for claim in claims) == ["k0", "k1"]


async def test_the_sweep_turns_pages(engine):
    await engine.endpoint("/ok", ordering="key")
    await asyncio.gather(*(engine.publish(ordering_key=f"k{number // 2}") for number in range(2_400)))
    await engine.admin.execute(
        "update hub.webhook_deliveries set open = false, state = 'delivered', ended_at = now() where state = 'pending'"
    )
    assert await store.promote_left(engine.worker) == 1_200


@pytest.mark.parametrize("others", [1, 20])
async def test_a_flood_of_one_organization_leaves_the_others_their_turn(engine, others):
    flooder = await engine.endpoint("/ok")
    await asyncio.gather(*(engine.publish() for _ in range(1_000)))
    quiet = []
    for number in range(others):
        org = ids.new()
        await engine.admin.execute(
            "insert into hub.organizations (id, slug, name) values ($1, $2, 'Quiet')", org, f"quiet-{number}"
        )
        quiet.append(await engine.endpoint("/ok", org=org))
        await engine.publish(org=org)
    claims = await store.claim(engine.worker, ASK, 60.0)
    assert {claim.endpoint for claim in claims} == {flooder, *quiet}
    # What the quiet ones do not want goes to the one that wants more.
    assert len(claims) > 128


async def test_a_crowd_of_endpoints_takes_turns_within_its_organizations_share(engine):
    crowd = [await engine.endpoint("/ok", event_types=(f"t{number}",)) for number in range(40)]
    for number in range(40):
        await asyncio.gather(*(engine.publish(f"t{number}") for _ in range(12)))
    other = ids.new()
    await engine.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'other', 'Other')", other)
    await engine.endpoint("/ok", org=other)
    await asyncio.gather(*(engine.publish(org=other) for _ in range(300)))
    turns, seen = Turns(), []
    while claims := await store.claim(engine.worker, turns.ask([], []), 60.0):
        turns.took(claims)
        seen.append([claim.endpoint for claim in claims if claim.org == engine.org])
    assert sum(len(each) for each in seen) == 480
    assert set().union(*seen[:4]) == set(crowd)


async def test_only_what_is_named_is_looked_at_from_its_floor_on(engine):
    named, other = await engine.endpoint("/ok"), await engine.endpoint("/ok")
    for _ in range(3):
        await engine.publish()
    await engine.admin.execute(
        "update hub.webhook_deliveries set due_at = now() - interval '1 hour' where event_id ="
        " (select min(event_id::text)::uuid from hub.webhook_deliveries)"
    )
    floor = clock.now() - timedelta(minutes=1)
    ask = replace(ASK, known=[Place(engine.org, named, floor), Place(ids.new(), ids.new(), floor)])
    claims = await store.claim(engine.worker, ask, 60.0)
    assert [claim.endpoint for claim in claims] == [named, named]
    assert all(claim.due_at >= floor for claim in claims)
    assert await store.claim(engine.worker, ask, 60.0) == []
    # What was not named, and what is older than the floor, is found by a walk.
    assert Counter(claim.endpoint for claim in await store.claim(engine.worker, ASK, 60.0)) == {other: 3, named: 1}


async def test_what_is_named_shares_the_room_and_keeps_its_limits(engine):
    flooder = await engine.endpoint("/ok")
    limited = await engine.endpoint("/ok", concurrency=2)
    await asyncio.gather(*(engine.publish() for _ in range(200)))
    org = ids.new()
    await engine.admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'quiet', 'Quiet')", org)
    quiet = await engine.endpoint("/ok", org=org)
    await engine.publish(org=org)
    floor = clock.now() - timedelta(minutes=1)
    known = [Place(engine.org, flooder, floor), Place(engine.org, limited, floor), Place(org, quiet, floor)]
    claims = await store.claim(engine.worker, replace(ASK, known=known), 60.0)
    # A third of 128 at first; then what the others do not want.
    assert Counter(claim.endpoint for claim in claims) == {flooder: 42 + 128, limited: 2, quiet: 1}
    claims = await store.claim(engine.worker, replace(ASK, known=known, busy_orgs=[engine.org]), 60.0)
    assert claims == []


async def test_a_worker_whose_walks_are_slow_still_delivers_everything(engine, monkeypatch):
    # Each walk is found to be as slow as can be, and none is waited for.
    monkeypatch.setattr("worksphere_hub.webhooks.known._EVEN", 1e-9)
    monkeypatch.setattr("worksphere_hub.webhooks.known._MOST_TIMES", 1e9)
    monkeypatch.setattr("worksphere_hub.webhooks.known._LONGEST_REST", 0.3)
    monkeypatch.setattr("worksphere_hub.webhooks.dispatch._PATIENCE", 0.0)
    await engine.endpoint("/ok")
    async with engine.dispatching():
        await asyncio.gather(*(engine.publish() for _ in range(300)))
        await engine.endpoint("/ok", event_types=("late.*",), ordering="endpoint")
        await asyncio.gather(*(engine.publish("late.one") for _ in range(20)))
        await engine.until_settled()
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'delivered'", 340)


_INVARIANTS = """
select lane,
    count(*) filter (where state in ('pending', 'held', 'blocked')) as heads,
    min(sequence) filter (where state in ('pending', 'held', 'blocked')) as head,
    min(sequence) filter (where state = 'queued') as next
from hub.webhook_deliveries where open and lane is not null group by lane
"""


class History:
    """A random history of publishing, claiming, succeeding, failing, giving up, crashing and coming back too late."""

    def __init__(self, engine, seed):
        self.engine, self.dice = engine, random.Random(seed)
        self.hand, self.lost, self.ended, self.published = [], [], [], 0

    async def step(self):
        choices = [self.publish, self.publish, self.claim, self.record_one, self.record_one, self.crash, self.come_late]
        await self.dice.choice(choices)()

    async def publish(self):
        await self.engine.publish(ordering_key=f"k{self.dice.randrange(3)}")
        self.published += 1

    async def claim(self):
        self.hand += await store.claim(self.engine.worker, ASK, 60.0)

    async def record_one(self):
        if self.hand:
            claim = self.hand.pop(self.dice.randrange(len(self.hand)))
            assert await self.record(claim, self.dice.choice(["delivered", "delivered", "pending", "exhausted"])) == 0

    async def crash(self):
        self.lost += self.hand
        self.hand = []
        await self.engine.admin.execute("update hub.webhook_deliveries set due_at = now() where leased")

    async def come_late(self):
        if self.lost:
            claim = self.lost.pop()
            # If nobody has taken it since, it is still its own.
            taken = any(each.event == claim.event for each in self.hand)
            assert await self.record(claim, "delivered") or not taken

    async def record(self, claim, following):
        fenced = await write_results(self.engine.worker, [Result(claim, following)])
        if not fenced and following in {"delivered", "exhausted"}:
            self.ended.append((claim.lane, claim.event))
        return fenced


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_workers_do_a_lane_keeps_its_order_and_loses_nothing(engine, seed):
    await engine.endpoint("/ok", ordering="key")
    history = History(engine, seed)
    for _ in range(70):
        await history.step()
        assert len({claim.lane for claim in history.hand}) == len(history.hand)
        for row in await engine.admin.fetch(_INVARIANTS):
            assert row["heads"] == 1, dict(row)
            assert row["next"] is None or row["head"] < row["next"]
    await engine.admin.execute("update hub.webhook_deliveries set due_at = now() where state = 'pending'")
    while claims := await store.claim(engine.worker, ASK, 60.0):
        for claim in claims:
            await history.record(claim, "delivered")
    assert len(history.ended) == history.published == len(set(history.ended))
    for key in {lane for lane, _ in history.ended}:
        of_lane = [event for lane, event in history.ended if lane == key]
        assert of_lane == sorted(of_lane)
