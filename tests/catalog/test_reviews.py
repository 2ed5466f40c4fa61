"""Reviews: by who has it installed, once, about that version; answered, moderated, and counted honestly."""

import asyncio

import pytest

from worksphere_hub import ids

PATH = "/v1/marketplace/tickets/reviews"


async def figures(market, who=None):
    page = await market.done(who or market.acme, "GET", PATH)
    return page["rating"], page["histogram"]


async def test_a_review_lives(market):
    await market.listed()
    await market.installed(market.acme)
    wanted = {"rating": 4, "title": "Good", "body": "Set up in a morning.", "author": "A help desk in Nairobi"}
    made = await market.done(market.acme, "POST", PATH, wanted)
    assert made["version"] == "1.2.0"
    assert (made["own"], made["moderation"], made["reply"]) == (True, "visible", None)
    assert {name: made[name] for name in wanted} == wanted
    (seen,) = (await market.done(market.other, "GET", PATH))["data"]
    assert (seen["own"], seen["author"]) == (False, "A help desk in Nairobi")
    # Nobody learns which organization it is.
    assert market.acme.org.hex not in str(seen)
    path = f"{PATH}/{made['id']}"
    changed = await market.done(market.acme, "PATCH", path, {"rating": 5, "author": None})
    assert (changed["rating"], changed["author"], changed["title"]) == (5, None, "Good")
    assert (await figures(market))[0] == {"average": 5.0, "count": 1, "score": 3.333}
    await market.done(market.acme, "DELETE", path)
    assert (await figures(market))[0] == {"average": None, "count": 0, "score": 3.0}
    assert await market.refused(market.acme, "DELETE", path) == (404, "not_found")
    assert (await market.audited(market.acme.org))[1:] == ["review.written", "review.updated", "review.deleted"]


async def test_only_who_has_it_installed_reviews_it(market):
    await market.listed()
    assert await market.refused(market.acme, "POST", PATH, {"rating": 5}) == (403, "not_installed")
    mine = await market.installed(market.acme)
    made = await market.done(market.acme, "POST", PATH, {"rating": 5})
    await market.done(market.acme, "DELETE", f"/v1/instances/{mine['id']}")
    # It stays, as what was said then; but nothing new is said of what one does not have.
    change = ("PATCH", f"{PATH}/{made['id']}", {"rating": 1})
    assert await market.refused(market.acme, *change) == (403, "not_installed")
    assert (await figures(market))[0]["count"] == 1


async def test_nobody_reviews_their_own(market):
    await market.listed()
    await market.installed(market.operator)
    assert await market.refused(market.operator, "POST", PATH, {"rating": 5}) == (403, "forbidden")


async def test_a_review_is_about_the_version_that_is_installed(market):
    await market.listed(version="1.0.0")
    mine = await market.installed(market.acme)
    made = await market.done(market.acme, "POST", PATH, {"rating": 2})
    newer = await market.published(market.operator, version="2.0.0")
    await market.done(market.acme, "POST", f"/v1/instances/{mine['id']}/upgrade", {"digest": newer["digest"]})
    (kept,) = (await market.done(market.other, "GET", PATH))["data"]
    assert kept["version"] == "1.0.0"
    assert (await market.done(market.acme, "PATCH", f"{PATH}/{made['id']}", {"rating": 4}))["version"] == "2.0.0"


async def test_two_reviews_at_once_are_one(market):
    await market.listed()
    await market.installed(market.acme)
    answers = await market.together(*((market.acme, "POST", PATH, {"rating": stars}) for stars in (1, 3, 5)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409]
    assert (await figures(market))[0]["count"] == 1


async def test_many_organizations_at_once_are_all_counted(market):
    await market.listed()
    parties = [await market.party() for _ in range(5)]
    await asyncio.gather(*(market.installed(who) for who in parties))
    await market.together(*((who, "POST", PATH, {"rating": stars}) for stars, who in enumerate(parties, 1)))
    rating, histogram = await figures(market)
    assert (rating["average"], rating["count"], rating["score"]) == (3.0, 5, 3.0)
    assert histogram == {str(stars): 1 for stars in range(1, 6)}
    assert [each["rating"] for each in (await market.done(market.acme, "GET", f"{PATH}?rating=2"))["data"]] == [2]
    first = await market.done(market.acme, "GET", f"{PATH}?limit=3")
    rest = await market.done(market.acme, "GET", f"{PATH}?limit=3&cursor={first['next_cursor']}")
    assert (len(first["data"]), len(rest["data"]), rest["rating"], rest["histogram"]) == (3, 2, None, None)


async def test_the_owner_replies_and_nobody_else(market):
    await market.listed()
    await market.installed(market.acme)
    made = await market.done(market.acme, "POST", PATH, {"rating": 2})
    path = f"{PATH}/{made['id']}/reply"
    reply = {"text": "The next version does."}
    for who in (market.acme, market.other):
        assert await market.refused(who, "PUT", path, reply) == (404, "not_found")
    replied = await market.done(market.operator, "PUT", path, reply)
    assert replied["reply"] == reply["text"]
    (seen,) = (await market.done(market.acme, "GET", PATH))["data"]
    assert (seen["reply"], seen["replied_at"]) == (replied["reply"], replied["replied_at"])
    taken = await market.done(market.operator, "DELETE", path)
    assert (taken["reply"], taken["replied_at"]) == (None, None)
    missing = f"{PATH}/{ids.encode('rvw', ids.new())}/reply"
    assert await market.refused(market.operator, "PUT", missing, reply) == (404, "not_found")
    assert (await market.audited(market.operator.org))[-2:] == ["review.replied", "review.reply_deleted"]


async def test_a_hidden_review_does_not_count_and_cannot_come_back(market):
    await market.listed()
    for who in (market.acme, market.other):
        await market.installed(who)
    made = await market.done(market.acme, "POST", PATH, {"rating": 1, "body": "Buy at my shop."})
    await market.done(market.other, "POST", PATH, {"rating": 5})
    path = f"{PATH}/{made['id']}"
    hide = {"state": "hidden", "reason": "Advertising."}
    assert await market.refused(market.acme, "PUT", f"{path}/moderation", hide) == (403, "forbidden")
    moderated = await market.done(market.operator, "PUT", f"{path}/moderation", hide)
    assert (moderated["moderation"], moderated["moderation_reason"]) == ("hidden", "Advertising.")
    rating, histogram = await figures(market, market.other)
    assert (rating["average"], rating["count"]) == (5.0, 1)
    assert histogram == {"1": 0, "2": 0, "3": 0, "4": 0, "5": 1}
    # Its writer sees it, and why; nobody else does.
    mine = [each for each in (await market.done(market.acme, "GET", PATH))["data"] if each["own"]]
    assert [each["moderation_reason"] for each in mine] == ["Advertising."]
    assert made["id"] not in str(await market.done(market.other, "GET", PATH))
    assert (await figures(market, market.acme))[1]["1"] == 0
    # Not by changing it, nor by deleting and writing it anew, nor after installing it anew.
    assert await market.refused(market.acme, "PATCH", path, {"body": "Nice."}) == (409, "review_hidden")
    assert await market.refused(market.acme, "DELETE", path) == (409, "review_hidden")
    assert await market.refused(market.acme, "POST", PATH, {"rating": 5}) == (409, "review_exists")
    (listed,) = (await market.done(market.operator, "GET", f"{PATH}/hidden"))["data"]
    assert (listed["id"], listed["moderation_reason"]) == (made["id"], "Advertising.")
    assert await market.refused(market.acme, "GET", f"{PATH}/hidden") == (403, "forbidden")
    show = {"state": "visible", "reason": "It was changed."}
    shown = await market.done(market.operator, "PUT", f"{path}/moderation", show)
    assert (shown["moderation"], shown["moderation_reason"]) == ("visible", None)
    assert (await figures(market))[0]["count"] == 2
    assert (await market.audited(market.operator.org))[-2:] == ["review.moderated", "review.moderated"]


async def test_a_review_that_is_changed_while_it_is_hidden_stays_hidden(market):
    await market.listed()
    await market.installed(market.acme)
    made = await market.done(market.acme, "POST", PATH, {"rating": 1})
    path = f"{PATH}/{made['id']}"
    changed, hidden = await market.together(
        (market.acme, "PATCH", path, {"rating": 5}),
        (market.operator, "PUT", f"{path}/moderation", {"state": "hidden", "reason": "Spam."}),
    )
    assert hidden.status == 200
    assert changed.status in {200, 409}
    assert (await figures(market, market.other)) == (
        {"average": None, "count": 0, "score": 3.0},
        {str(stars): 0 for stars in range(1, 6)},
    )


async def test_nobody_changes_anothers(market):
    await market.listed()
    for who in (market.acme, market.other):
        await market.installed(who)
    made = await market.done(market.acme, "POST", PATH, {"rating": 1})
    path = f"{PATH}/{made['id']}"
    for who in (market.other, market.operator):
        assert await market.refused(who, "PATCH", path, {"rating": 5}) == (404, "not_found")
        assert await market.refused(who, "DELETE", path) == (404, "not_found")


@pytest.mark.parametrize("body", [{}, {"rating": 0}, {"rating": 6}, {"rating": 5, "version": "9.0.0"}])
async def test_what_is_no_review_is_refused(market, body):
    await market.listed()
    await market.installed(market.acme)
    status, code = await market.refused(market.acme, "POST", PATH, body)
    assert (status, code) == (422, "invalid_input")
