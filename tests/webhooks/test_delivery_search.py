"""Every search of deliveries finds what it should and nothing else, as all deliveries looked at one by one say."""

import random
from dataclasses import replace

from tests.filled import BOUNDS, filled
from worksphere_hub.events.grammar import matches
from worksphere_hub.webhooks.delivery_search import DeliverySearch, page

STATES = (None, "pending", "blocked", "parked", "delivered", "exhausted", "cancelled", "filtered")
REASONS = (None, "attempts", "deadline", "contract", "by_request", "expunged")
TYPES = (None, "order.1", "misc3.*", "rare.one", "rare.*", "nothing.at.all")


def is_wanted(row, search):
    return (
        search.state in {None, row["state"]}
        and search.reason in {None, row["reason"]}
        and search.endpoint in {None, row["endpoint_id"]}
        and (search.event_type is None or matches(row["type"], [search.event_type]))
        and search.bounds[1] <= row["event_id"] < search.bounds[0]
    )


def searches(endpoints):
    """Each thing alone, and some of all ways to combine them."""
    dice = random.Random(11)
    for state in STATES:
        yield DeliverySearch(BOUNDS, state=state)
        yield DeliverySearch(BOUNDS, state=state, endpoint=endpoints[3])
    for reason in REASONS:
        yield DeliverySearch(BOUNDS, reason=reason)
    for kind in TYPES:
        yield DeliverySearch(BOUNDS, event_type=kind)
    for _ in range(25):
        yield DeliverySearch(
            BOUNDS,
            endpoint=dice.choice((None, endpoints[5], endpoints[20])),
            state=dice.choice(STATES),
            reason=dice.choice(REASONS),
            event_type=dice.choice(TYPES),
        )


async def test_searches_find_what_is_there(database):
    async with filled(database) as made:
        rows = await made.owner.fetch(
            "select d.*, e.type from hub.webhook_deliveries d join hub.webhook_events e on e.id = d.event_id"
            " and e.org_id = d.org_id where d.org_id = $1 order by d.event_id desc, d.endpoint_id desc",
            made.org,
        )
        middle = (rows[1_000]["event_id"], rows[20_000]["event_id"])
        found_any = 0
        for number, given in enumerate(searches(made.endpoints)):
            search = replace(given, bounds=middle) if number % 4 == 0 else given
            expected = [(row["event_id"], row["endpoint_id"]) for row in rows if is_wanted(row, search)]
            found_any += bool(expected)
            found = await made.all_pages(
                lambda tx, before, limit, search=search: page(tx, made.org, search, before, limit),
                lambda row: (row["event_id"], row["endpoint_id"]),
                limit=200 if len(expected) > 500 else 23,
            )
            assert found == expected, search
        assert found_any > 12
