"""Every route: its permission, and that a foreign id answers exactly like a missing one."""

import pytest

from tests.catalog.market import SETTLED
from tests.sdk.manifest.samples import base
from worksphere_hub import ids
from worksphere_hub.accounts.requires import declared
from worksphere_hub.catalog import routes

I, M, N = "/v1/integrations", "/v1/marketplace", "/v1/instances"  # noqa: E741 - short names for a table
R = f"{M}/{{l}}/reviews"
DIGEST = {"digest": "0" * 64}
# Method, path, body, permission, and whether the organization that installed it (else the one that offers it) may.
# {i} an integration, {l} a listing, {n} an instance, {r} a review.
ROUTES = [
    ("POST", I, {"manifest": base(slug="another")}, "integrations:write"),
    ("POST", f"{I}/validate", {"manifest": base()}, "integrations:read"),
    ("GET", I, None, "integrations:read"),
    ("GET", f"{I}/{{i}}", None, "integrations:read"),
    ("PATCH", f"{I}/{{i}}", {"manifest": base()}, "integrations:write"),
    ("POST", f"{I}/{{i}}/publish", None, "integrations:write"),
    ("POST", f"{I}/{{i}}/withdraw", {"reason": "It is over."}, "integrations:write"),
    ("DELETE", f"{I}/{{i}}", None, "integrations:write"),
    ("GET", M, None, "integrations:read"),
    ("POST", M, {"integration_id": "{i}"}, "integrations:write"),
    ("GET", f"{M}/{{l}}", None, "integrations:read"),
    ("PATCH", f"{M}/{{l}}", {"unlisted": True}, "integrations:write"),
    ("POST", f"{M}/{{l}}/install", {"settings": SETTLED, "name": "Another"}, "integrations:write"),
    ("GET", f"{M}/{{l}}/shares", None, "integrations:write"),
    ("POST", f"{M}/{{l}}/shares", {"organization_id": "{o}"}, "integrations:write"),
    ("DELETE", f"{M}/{{l}}/shares/{{o}}", None, "integrations:write"),
    ("GET", R, None, "integrations:read"),
    ("POST", R, {"rating": 5}, "reviews:write"),
    ("GET", f"{R}/hidden", None, "marketplace:moderate"),
    ("PATCH", f"{R}/{{r}}", {"rating": 5}, "reviews:write"),
    ("DELETE", f"{R}/{{r}}", None, "reviews:write"),
    ("PUT", f"{R}/{{r}}/reply", {"text": "Thank you."}, "reviews:write"),
    ("DELETE", f"{R}/{{r}}/reply", None, "reviews:write"),
    ("PUT", f"{R}/{{r}}/moderation", {"state": "hidden", "reason": "Spam."}, "marketplace:moderate"),
    ("POST", N, {"integration_id": "{i}", "settings": SETTLED, "name": "Mine"}, "integrations:write"),
    ("GET", N, None, "integrations:read"),
    ("GET", f"{N}/{{n}}", None, "integrations:read"),
    ("PATCH", f"{N}/{{n}}", {"name": "Desk"}, "integrations:write"),
    ("POST", f"{N}/{{n}}/validate", {}, "integrations:read"),
    ("POST", f"{N}/{{n}}/enable", None, "integrations:pause"),
    ("POST", f"{N}/{{n}}/disable", None, "integrations:pause"),
    ("POST", f"{N}/{{n}}/pin", None, "integrations:write"),
    ("POST", f"{N}/{{n}}/unpin", None, "integrations:write"),
    ("GET", f"{N}/{{n}}/upgrade", None, "integrations:read"),
    ("POST", f"{N}/{{n}}/upgrade", DIGEST, "integrations:write"),
    ("POST", f"{N}/{{n}}/rollback", None, "integrations:write"),
    ("GET", f"{N}/{{n}}/uninstall", None, "integrations:read"),
    ("DELETE", f"{N}/{{n}}", None, "integrations:write"),
]
SCOPES = [
    "integrations:read", "integrations:write", "integrations:pause", "reviews:write", "marketplace:moderate",
    "marketplace:publish",
]  # fmt: skip
PARTS = {
    "{i}": "{integration_id}",
    "{l}": "{slug}",
    "{n}": "{instance_id}",
    "{r}": "{review_id}",
    "{o}": "{organization_id}",
}


def test_every_route_is_on_the_list():
    found = {
        (method, route.path, *declared(route))
        for router in routes.ROUTERS
        for route in router.routes
        for method in route.methods
    }
    listed = set()
    for method, path, _, permission in ROUTES:
        for short, name in PARTS.items():
            path = path.replace(short, name)  # noqa: PLW2901 - the short name is written out
        listed.add((method, path, permission))
    assert found == listed


def filled(value, names):
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, str):
        for short, name in names.items():
            value = value.replace(short, name)
    return value


async def test_each_route_needs_its_permission(market):
    """One organization that offers privately, has installed and was reviewed: with every scope but one, it may not."""
    names = dict.fromkeys(PARTS, "x_1")
    keys = {
        scope: await market.key(market.operator.org, [each for each in SCOPES if each != scope]) for scope in SCOPES
    }
    for method, path, body, permission in ROUTES:
        refused = await market.ask(keys[permission], method, filled(path, names), filled(body, names))
        assert (refused.status, refused.json()["code"]) == (403, "forbidden"), (method, path)
        allowed = await market.ask(market.operator, method, filled(path, names), filled(body, names))
        assert allowed.status != 403, (method, path)


async def _things(market):
    """A private listing of acme's that is shared with nobody but a third, who has installed and reviewed it."""
    third = await market.party()
    listing = await market.listed(market.acme, visibility="private")
    await market.done(market.acme, "POST", f"{M}/{listing['id']}/shares", {"organization_id": third.public_id})
    instance = await market.installed(third, listing["id"])
    review = await market.done(third, "POST", f"{M}/{listing['id']}/reviews", {"rating": 1})
    return third, {
        "{i}": listing["integration_id"], "{l}": listing["id"], "{n}": instance["id"], "{r}": review["id"],
        "{o}": third.public_id,
    }  # fmt: skip


async def test_a_foreign_id_answers_exactly_like_a_missing_one(market):
    _, foreign = await _things(market)
    prefixes = {"{i}": "int", "{l}": "lst", "{n}": "inst", "{r}": "rvw", "{o}": "org"}
    missing = {short: ids.encode(prefix, ids.new()) for short, prefix in prefixes.items()}
    malformed = {short: f"{prefix}_x" for short, prefix in prefixes.items()}
    tried = 0
    for method, path, body, _ in ROUTES:
        if not any(short in path + str(body) for short in foreign):
            continue
        tried += 1
        # The operator too sees nothing of what others offer privately.
        for who in (market.other, market.operator):
            answers = [
                await market.ask(who, method, filled(path, names), filled(body, names))
                for names in (foreign, missing, malformed)
            ]
            if who is market.other and path.endswith(("/moderation", "/hidden")):
                assert {answer.status for answer in answers} == {403}
                continue
            assert [answer.status for answer in answers] == [404] * 3, (method, path)
            told = [answer.json() | {"request_id": ""} for answer in answers]
            assert told[0] == told[1], (method, path)
    assert tried > 25


async def test_a_slug_of_anothers_private_listing_is_missing_too(market):
    await _things(market)
    for who in (market.other, market.operator):
        for path in (f"{M}/tickets", f"{M}/tickets/reviews"):
            answer = await market.ask(who, "GET", path)
            missing = await market.ask(who, "GET", path.replace("tickets", "no-such-thing"))
            assert answer.json() | {"request_id": ""} == missing.json() | {"request_id": ""}


async def test_whom_it_is_shared_with_may_install_and_review_and_nothing_else(market):
    third, names = await _things(market)
    for method, path, body, _ in ROUTES:
        if (
            "{i}" in path + str(body)
            or "/shares" in path
            or "reply" in path
            or (method, path) == ("PATCH", f"{M}/{{l}}")
        ):
            answer = await market.ask(third, method, filled(path, names), filled(body, names))
            assert answer.status == 404, (method, path)
    assert (await market.done(market.acme, "GET", f"{M}/{names['{l}']}"))["unlisted"] is False


@pytest.mark.parametrize("path", [f"{M}/x/reviews/rvw_1", f"{M}/%2e%2e", f"{M}/%F0%9F%98%80", f"{M}/{'a' * 300}"])
async def test_names_that_are_none_are_missing(market, path):
    method = "DELETE" if "reviews" in path else "GET"
    assert await market.refused(market.acme, method, path) == (404, "not_found")
