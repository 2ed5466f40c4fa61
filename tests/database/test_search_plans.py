"""Every search keeps to an index under row-level security and reads little, of the many rows that are there.

Both with the plan of these very values and with the one for any, which is what a connection keeps after a while.
"""

import json

from tests.filled import BOUNDS, filled
from worksphere_hub.events import search as event_search
from worksphere_hub.events.search import Search
from worksphere_hub.webhooks import attempt_search, delivery_search
from worksphere_hub.webhooks.attempt_search import AttemptSearch
from worksphere_hub.webhooks.delivery_search import DeliverySearch

LIMIT = 50
# Blocks of 8 kB. A page of fifty, over a dozen weeks and with what belongs to each row, needs some hundreds; the tables
# have 5,000 and more.
FEW, BOUNDED = 1_000, 26_000

EVENTS = (
    Search(),
    Search(type="order.1"),
    Search(type="rare.one"),
    Search(type="misc3.*"),
    Search(type="rare.*"),
    Search(channel="all"),
    Search(channel="rare"),
    Search(ordering_key="main"),
    Search(ordering_key="rare"),
    Search(attribute=("data.currency", "EUR")),
    Search(attribute=("data.currency", "rare")),
    Search(idempotency_key="key-0"),
)
DELIVERIES = (
    {},
    {"endpoint": 3},
    {"endpoint": 20},
    {"endpoint": 3, "state": "delivered"},
    *({"state": state} for state in ("delivered", "exhausted", "cancelled", "filtered", "parked", "blocked")),
    *({"state": state, "endpoint": 3} for state in ("exhausted", "cancelled", "parked")),
    *({"reason": reason} for reason in ("attempts", "contract", "by_request", "expunged")),
    {"event_type": "order.1"},
    {"event_type": "rare.one"},
    {"event_type": "misc3.*"},
)
ATTEMPTS = (
    {},
    *({"outcome": outcome} for outcome in ("delivered", "refused", "undelivered")),
    *({"statuses": statuses} for statuses in ((200, 299), (500, 599), (418, 418), (404, 404))),
    {"cause": "tls"},
    {"cause": "timeout"},
)
# What is common of one kind and rare of another: no index leads there, so a page looks at 5,000 rows and no more.
TOGETHER = (
    Search(type="rare.one", attribute=("data.currency", "EUR")),
    Search(type="rare.one", channel="all"),
    Search(type="rare.*", ordering_key="main"),
)


class Recorded:
    """A transaction that notes what it is asked."""

    def __init__(self, tx):
        self.tx, self.asked = tx, []

    async def rows(self, statement, *given):
        self.asked.append((statement, given))
        return await self.tx.rows(statement, *given)


async def pages(tx, made):
    """Every search once: what it is, and how many blocks it may read."""
    for search in EVENTS:
        await event_search.page(tx, made.org, search, None, LIMIT)
        yield search, FEW
    for given in DELIVERIES:
        endpoint = {"endpoint": made.endpoints[given["endpoint"]]} if "endpoint" in given else {}
        search = DeliverySearch(BOUNDS, **{**given, **endpoint})
        await delivery_search.page(tx, made.org, search, None, LIMIT)
        yield search, FEW
    for given in ATTEMPTS:
        await attempt_search.page(tx, made.org, AttemptSearch(BOUNDS, **given), None, LIMIT)
        yield given, FEW
    for endpoint in (made.endpoints[3], made.endpoints[20]):
        for outcome in (None, "delivered", "undelivered"):
            await attempt_search.page(tx, made.org, AttemptSearch(BOUNDS, outcome), None, LIMIT, endpoint)
            yield (endpoint, outcome), FEW
    for search in TOGETHER:
        await event_search.page(tx, made.org, search, None, LIMIT)
        yield search, BOUNDED


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def literal(value):
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, list):
        return f"array[{', '.join(map(literal, value))}]"
    return f"'{value}'"


async def plan_of(tx, statement, given):
    """What a cached statement really did. (EXPLAIN of the statement itself would always plan for its values.)"""
    await tx.run(f"prepare searched as {statement}")
    found = await tx.value(
        f"explain (analyze, buffers, format json) execute searched({', '.join(map(literal, given))})"
    )
    await tx.run("deallocate searched")
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


async def test_no_search_reads_more_than_its_page(database):
    async with filled(database) as made:
        for mode in ("force_custom_plan", "force_generic_plan"):
            async with made.hub.search(made.org) as tx:
                await tx.run(f"set local plan_cache_mode = {mode}")
                await read_little(tx, made)


async def read_little(tx, made):
    recorded = Recorded(tx)
    async for search, most in pages(recorded, made):
        ((statement, given),) = recorded.asked
        recorded.asked.clear()
        plan = await plan_of(tx, statement, given)
        read = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert not read, (search, read)
        blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        assert blocks < most, (search, blocks)
