"""Looking around: found by beginnings and near misses, filtered, counted, sorted, paged."""

from itertools import product

import pytest

from tests.sdk.manifest.samples import OAUTH, base
from worksphere_hub.catalog.marketplace import prefix_query

SHELF = {
    "slack": {"name": "Slack", "category": "communication", "tags": ["chat", "team-work"], "auth": {"o": OAUTH}},
    "google-drive": {"name": "Google Drive", "category": "storage", "tags": ["files"], "auth": {"o": OAUTH}},
    "salesforce": {"name": "Salesforce", "category": "crm", "summary": "Customers, as Slack never knew them."},
    "zoom": {"name": "Zoom", "category": "communication", "description": "Meetings and their recordings."},
}


async def shelved(market):
    for slug, changes in SHELF.items():
        await market.listed(slug=slug, **changes)


async def found(market, query="", who=None):
    answer = await market.done(who or market.acme, "GET", f"/v1/marketplace?{query}")
    return [each["slug"] for each in answer["data"]]


FOUND = [
    ("q=slack", ["slack", "salesforce"]),
    ("q=SLA", ["slack", "salesforce"]),
    ("q=goo", ["google-drive"]),
    ("q=drive+goog", ["google-drive"]),
    ("q=meet", ["zoom"]),
    ("q=files", ["google-drive"]),
    ("q=work", ["slack"]),
    # Near misses, where nothing matches.
    ("q=slakc", ["slack"]),
    ("q=salesfroce", ["salesforce"]),
    ("q=gogle+drve", ["google-drive"]),
    ("q=zoon", ["zoom"]),
    ("q=wholly+unlike", []),
    ("q=%27%3A%2A+%26+%21+%7C+%28", ["google-drive", "salesforce", "slack", "zoom"]),
    ("category=communication", ["slack", "zoom"]),
    ("category=communication&category=crm", ["salesforce", "slack", "zoom"]),
    ("auth_type=oauth2", ["google-drive", "slack"]),
    ("auth_type=oauth2&category=storage", ["google-drive"]),
    ("tier=gold", []),
    ("installed=true", []),
    ("min_rating=1", []),
    ("sort=name", ["google-drive", "salesforce", "slack", "zoom"]),
    ("sort=newest", ["zoom", "salesforce", "google-drive", "slack"]),
    ("q=slack&sort=name", ["salesforce", "slack"]),
]


async def test_what_is_found(market):
    await shelved(market)
    for query, slugs in FOUND:
        assert await found(market, query) == slugs, query


async def test_near_misses_say_so(market):
    await shelved(market)
    near = await market.done(market.acme, "GET", "/v1/marketplace?q=slakc")
    assert (near["tolerant"], near["facets"]["total"]) == (True, 1)
    assert not (await market.done(market.acme, "GET", "/v1/marketplace?q=slack"))["tolerant"]


async def test_each_filter_says_how_many_it_would_show(market):
    await shelved(market)
    await market.installed(market.acme, "slack")
    await market.installed(market.acme, "zoom")
    await market.done(market.acme, "POST", "/v1/marketplace/zoom/reviews", {"rating": 4})
    facets = (await market.done(market.acme, "GET", "/v1/marketplace?category=communication"))["facets"]
    counts = {
        name: {each["value"]: each["count"] for each in values} for name, values in facets.items() if name != "total"
    }
    assert facets["total"] == 2
    assert counts == {
        # Of a filter itself: what another choice would show.
        "category": {"communication": 2, "crm": 1, "storage": 1},
        "auth_type": {"api_key": 1, "oauth2": 1},
        "tier": {"none": 2},
        "min_rating": {"1": 1, "2": 1, "3": 1, "4": 1},
        "installed": {"true": 2},
    }
    assert await found(market, "installed=true") == ["slack", "zoom"]
    assert await found(market, "installed=false") == ["google-drive", "salesforce"]
    assert await found(market, "min_rating=4") == ["zoom"]
    assert await found(market, "min_rating=4.5") == []
    assert (await market.done(market.other, "GET", "/v1/marketplace"))["facets"]["installed"] == [
        {"value": "false", "count": 4}
    ]


async def test_pages_are_the_whole_cut_up(market):
    await shelved(market)
    await market.listed(slug="accents", name="Ärger & Söhne")
    await market.installed(market.acme, "zoom")
    for sort, typed in product(("relevance", "rating", "installs", "newest", "name"), ("", "&q=s", "&q=slakc")):
        await _cut_up(market, f"sort={sort}{typed}")


async def _cut_up(market, query):
    whole = await found(market, query)
    path, pieces = f"/v1/marketplace?limit=1&{query}", []
    page = await market.done(market.acme, "GET", path)
    assert page["facets"]["total"] == len(whole)
    while True:
        pieces += [each["slug"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        page = await market.done(market.acme, "GET", f"{path}&cursor={page['next_cursor']}")
        assert page["facets"] is None
    assert pieces == whole, query


async def test_they_are_sorted_by_installs_and_by_rating(market):
    await shelved(market)
    for who, slug in ((market.acme, "zoom"), (market.other, "zoom"), (market.acme, "slack")):
        await market.installed(who, slug)
    assert (await found(market))[:2] == ["zoom", "slack"]
    await market.done(market.acme, "POST", "/v1/marketplace/slack/reviews", {"rating": 5})
    await market.done(market.acme, "POST", "/v1/marketplace/zoom/reviews", {"rating": 1})
    assert await found(market, "sort=rating") == ["slack", "google-drive", "salesforce", "zoom"]


@pytest.mark.parametrize(
    "query", ["cursor=x", "sort=size", "min_rating=6", "auth_type=magic", "category=A%00", "limit=0"]
)
async def test_what_cannot_be_asked_is_refused(market, query):
    assert await market.refused(market.acme, "GET", f"/v1/marketplace?{query}") == (422, "invalid_input")


async def test_zero_bytes_find_nothing_and_break_nothing(market):
    await shelved(market)
    assert (await market.ask(market.acme, "GET", "/v1/marketplace?q=%00sla")).status == 200
    assert (await market.ask(market.acme, "GET", "/v1/marketplace/%00")).status == 404


async def test_a_listings_page_says_what_it_asks_for(market):
    await market.listed(
        version="1.1.0",
        auth={"o": {**OAUTH, "scopes": {"read": {"sentence": "Read your tickets.", "required": True}}}},
        description="Tickets and people, kept equal with your own. It reads, writes and listens, all by its own API.",
        links={"documentation": "https://tickets.example/docs"},
        screenshots=[{"url": "https://tickets.example/1.png", "alt": "The list"}],
        changelog=[{"version": "1.1.0", "date": "2026-11-01", "changes": ["More."]}],
        inbound={"scheme": "hmac", "events": {"ticket.created": "Somebody opened a ticket."}},
    )
    await market.published(market.operator, version="1.2.0")
    mine = await market.installed(market.acme)
    page = await market.done(market.acme, "GET", "/v1/marketplace/tickets")
    assert (page["slug"], page["version"], page["installed"], page["owned"]) == ("tickets", "1.2.0", True, False)
    assert page["instances"] == [mine["id"]]
    assert [each["version"] for each in page["versions"]] == ["1.2.0", "1.1.0"]
    assert page["permissions"] == {
        "hosts": base()["hosts"],
        "scopes": [],
        "auth": [
            {
                "key": "key", "type": "api_key", "label": "API key", "description": None,
                "fields": [{"name": "key", "title": "Key", "description": None, "secret": True, "required": True}],
            }
        ],
    }  # fmt: skip
    assert page["quality"]["tier"] == "none"
    assert {each["status"] for each in page["quality"]["rules"]} == {"done", "missing", "not_applicable"}
    assert page["settings"] == base()["settings"]
    assert page["capabilities"]["streams"] == [{"name": "tickets", "title": "Tickets", "description": None}]
    assert page["rating"] == {"average": None, "count": 0, "score": 3.0}
    assert (page["installs"], page["active_connections"]) == (1, 0)
    by_id = await market.done(market.other, "GET", f"/v1/marketplace/{page['id']}")
    assert (by_id["installed"], by_id["instances"], by_id["installs"]) == (False, [], 1)


async def test_working_connections_of_all_organizations_are_counted(market):
    await market.listed()
    for who, statuses in ((market.acme, ("connected", "failing")), (market.other, ("connected",))):
        await market.installed(who)
        for number, status in enumerate(statuses):
            await market.admin.execute(
                "insert into hub.api_connections (org_id, instance_id, name, auth_type, status)"
                " select org_id, id, $2, 'none', $3 from hub.integration_instances where org_id = $1",
                who.org, str(number), status,
            )  # fmt: skip
    assert (await market.done(market.other, "GET", "/v1/marketplace/tickets"))["active_connections"] == 2


async def test_the_tier_is_on_the_card(market):
    await market.listed(
        description="A help desk: its tickets, the people who ask and the people who answer, kept equal with yours.",
        links={"documentation": "https://tickets.example/docs"},
    )
    (card,) = (await market.done(market.acme, "GET", "/v1/marketplace?tier=bronze"))["data"]
    assert card["tier"] == "bronze"


def test_what_was_typed_becomes_a_query():
    assert prefix_query("Google dri") == "'google':* & 'dri':*"
    assert prefix_query("it's") == "'it':* & 's':*"
    for nothing in (None, "", "  ", "!&|():*'\\"):
        assert prefix_query(nothing) is None
    assert len((prefix_query("a " * 50) or "").split(" & ")) == 8
