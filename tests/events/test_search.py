"""Every search of events finds what it should and nothing else, as all events looked at one by one say."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from tests.filled import filled
from worksphere_hub import ids
from worksphere_hub.events.grammar import matches
from worksphere_hub.events.search import Search, page

TYPES = (None, "order.1", "misc3.2", "misc3.*", "rare.*", "rare.one", "order.*", "nothing.at.all", "mis.*")
CHANNELS = (None, "all", "part_3", "rare", "nobody")
KEYS = (None, "main", "part_7", "rare", "nobody")
ATTRIBUTES = (None, ("data.currency", "EUR"), ("data.currency", "rare"), ("data.part", "part_9"), ("data.no", "no"))


def is_wanted(event, attributes, search):
    return (
        (search.type is None or matches(event["type"], [search.type]))
        and (search.channel is None or search.channel in (event["channels"] or ()))
        and (search.ordering_key is None or search.ordering_key == event["ordering_key"])
        and (search.attribute is None or search.attribute in attributes[event["id"]])
        and (search.since is None or event["id"] >= ids.floor(search.since))
        and (search.until is None or event["id"] < ids.floor(search.until))
    )


def searches():
    """Each thing alone, and some of all ways to combine them."""
    dice = random.Random(7)
    for index, values in enumerate((TYPES, CHANNELS, KEYS, ATTRIBUTES)):
        for value in values:
            yield Search(**({("type", "channel", "ordering_key", "attribute")[index]: value}))
    yield Search(type="rare.one", attribute=("data.currency", "EUR"))
    for _ in range(25):
        yield Search(
            type=dice.choice(TYPES),
            channel=dice.choice(CHANNELS),
            ordering_key=dice.choice(KEYS),
            attribute=dice.choice(ATTRIBUTES),
        )


async def test_searches_find_what_is_there(database):
    async with filled(database) as made:
        events = sorted(await made.rows("webhook_events"), key=lambda row: row["id"], reverse=True)
        attributes = defaultdict(set)
        for row in await made.rows("webhook_event_attributes"):
            attributes[row["event_id"]].add((row["name"], row["value"]))
        newest = events[0]["accepted_at"]
        found_any = 0
        days = {"since": newest - timedelta(days=15), "until": newest - timedelta(days=1)}
        for number, given in enumerate(searches()):
            search = replace(given, **days) if number % 3 == 0 else given
            expected = [event["id"] for event in events if is_wanted(event, attributes, search)]
            found_any += bool(expected)
            found = await made.all_pages(
                lambda tx, before, limit, search=search: page(tx, made.org, search, before, limit),
                lambda event: event.id,
                limit=200 if len(expected) > 500 else 23,
            )
            assert found == expected, search
        assert found_any > 12
        await by_idempotency_key(made, events)


async def by_idempotency_key(made, events):
    oldest = events[-1]
    for search, count in {
        Search(idempotency_key="key-0"): 1,
        Search(idempotency_key="key-0", type=oldest["type"]): 1,
        Search(idempotency_key="key-0", type="other"): 0,
        Search(idempotency_key="key-0", channel="nobody"): 0,
        Search(idempotency_key="key-0", attribute=("data.no", "no")): 0,
        Search(idempotency_key="key-1"): 0,
    }.items():
        async with made.hub.search(made.org) as tx:
            found, onward = await page(tx, made.org, search, None, 5)
        assert (len(found), onward) == (count, None), search
