"""Every search of attempts finds what it should and nothing else, as all attempts looked at one by one say."""

import random
from dataclasses import replace

from tests.filled import BOUNDS, filled
from worksphere_hub.webhooks.attempt_search import AttemptSearch, page

OUTCOMES = (None, "delivered", "refused", "failed", "undelivered")
STATUSES = (None, (200, 299), (204, 204), (500, 599), (418, 418), (404, 404), (300, 399))
CAUSES = (None, "tls", "timeout", "reset")


def is_wanted(row, search):
    undelivered = search.outcome == "undelivered" and row["outcome"] != "delivered"
    return (
        (search.outcome in {None, row["outcome"]} or undelivered)
        and (search.statuses is None or search.statuses[0] <= (row["status"] or 0) <= search.statuses[1])
        and search.cause in {None, row["error_cause"]}
        and search.bounds[1] <= row["id"] < search.bounds[0]
    )


def searches():
    """Each thing alone, and some of all ways to combine them."""
    dice = random.Random(13)
    for outcome in OUTCOMES:
        yield AttemptSearch(BOUNDS, outcome)
    for statuses in STATUSES:
        yield AttemptSearch(BOUNDS, statuses=statuses)
    for cause in CAUSES:
        yield AttemptSearch(BOUNDS, cause=cause)
    for _ in range(12):
        yield AttemptSearch(BOUNDS, dice.choice(OUTCOMES), dice.choice(STATUSES), dice.choice(CAUSES))


async def test_searches_find_what_is_there(database):
    async with filled(database) as made:
        # Receivers that broke off in the middle of their answer: failed, with a status.
        await made.owner.execute("update hub.webhook_event_logs set status = 500 where error_cause = 'tls'")
        rows = sorted(await made.rows("webhook_event_logs"), key=lambda row: row["id"], reverse=True)
        middle = (rows[1_000]["id"], rows[20_000]["id"])
        found_any = 0
        for number, given in enumerate(searches()):
            search = replace(given, bounds=middle) if number % 4 == 0 else given
            for endpoint in (None, made.endpoints[number % 2 * 15 + 5]):
                expected = [
                    row["id"] for row in rows if is_wanted(row, search) and endpoint in {None, row["endpoint_id"]}
                ]
                found_any += bool(expected)
                found = await made.all_pages(
                    lambda tx, before, limit, search=search, endpoint=endpoint: page(
                        tx, made.org, search, before, limit, endpoint
                    ),
                    lambda row: row["id"],
                    limit=200 if len(expected) > 500 else 23,
                )
                assert found == expected, (search, endpoint)
        assert found_any > 12
