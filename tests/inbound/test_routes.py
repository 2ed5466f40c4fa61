"""Every route of the management API: its permission, and what a foreign id answers."""

import pytest

from tests.accounts.office import PEPPER, SETTINGS
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.accounts.requires import declared
from worksphere_hub.inbound import routes

WANTED = {"name": "x", "verification": {"scheme": "github"}, "event_type": "a.b"}
# Method, path below the collection, body, permission. {s} is a source, {m} a message.
ROUTES = [
    ("POST", "", WANTED, "inbound:write"),
    ("GET", "", None, "inbound:read"),
    ("GET", "/{s}", None, "inbound:read"),
    ("GET", "/{s}/pull", None, "inbound:read"),
    ("PATCH", "/{s}", {"name": "y"}, "inbound:write"),
    ("DELETE", "/{s}", None, "inbound:write"),
    ("POST", "/{s}/rotate-token", None, "inbound:rotate"),
    ("POST", "/{s}/rotate-secret", {}, "inbound:rotate"),
    ("GET", "/{s}/messages", None, "inbound:read"),
    ("GET", "/{s}/messages/{m}", None, "inbound:read"),
    ("POST", "/{s}/messages/{m}/replay", None, "inbound:replay"),
    ("POST", "/{s}/messages/{m}/ignore", None, "inbound:replay"),
    ("GET", "/{s}/refusals", None, "inbound:read"),
]
SCOPES = ("inbound:read", "inbound:write", "inbound:rotate", "inbound:replay")


async def key_with(reception, *scopes: str) -> str:
    made = await bootstrap.create_key(reception.app, PEPPER, reception.org, NewKey("test", list(scopes)), SETTINGS)
    return made.secret.reveal()


def test_every_route_is_on_the_list():
    found = {(method, route.path, *declared(route)) for route in routes.router.routes for method in route.methods}
    listed = {
        (method, routes.router.prefix + path.replace("{s}", "{source_id}").replace("{m}", "{message_id}"), permission)
        for method, path, _, permission in ROUTES
    }
    assert found == listed
    assert {tuple(declared(route)) for route in routes.door_routes.router.routes} == {("public",)}


@pytest.mark.parametrize(("method", "path", "body", "permission"), ROUTES)
async def test_a_route_needs_its_permission_and_foreign_ids_are_missing_ones(reception, method, path, body, permission):
    source = await reception.source("github")
    full = "/v1/inbound-sources" + path.format(s=source["id"], m=ids.encode("inm", ids.new()))
    without = await key_with(reception, *(scope for scope in SCOPES if scope != permission))
    answer = await reception.ask(method, full, body, without)
    assert (answer.status, answer.json()["code"]) == (403, "forbidden")
    _, stranger = await reception.organization()
    if path:
        foreign = await reception.ask(method, full, body, stranger)
        missing = await reception.ask(method, full.replace(source["id"], ids.encode("ins", ids.new())), body)
        malformed = await reception.ask(method, full.replace(source["id"], "ins_x"), body)
        answers = [answer.json() | {"request_id": ""} for answer in (foreign, missing)]
        assert answers[0] == answers[1]
        assert {foreign.status, missing.status, malformed.status} == {404}
    allowed = await reception.ask(method, full, body, await key_with(reception, permission))
    # The source is none that is fetched from.
    assert allowed.status in ({404} if "{m}" in path or path.endswith("/pull") else {200, 201, 204})


async def test_refusals_are_listed_for_the_source(reception):
    source = await reception.source("github")
    for _ in range(3):
        await reception.send(source, b"{}", {})
    await reception.refusals.close()
    (row,) = (await reception.ask("GET", f"/v1/inbound-sources/{source['id']}/refusals")).json()["data"]
    assert (row["reason"], row["count"], row["last_address"]) == ("signature_missing", 3, "127.0.0.1")


async def test_bodies_need_payloads_read(reception):
    source = await reception.source({"scheme": "api_key", "header": "X-Key"}, secret="a secret of many letters")
    answer = await reception.send(source, b"{}", {"x-key": "a secret of many letters"})
    path = f"/v1/inbound-sources/{source['id']}/messages/{answer.headers['hub-message']}"
    for scopes, expected in ((("inbound:read",), None), (("inbound:read", "payloads:read"), "e30=")):
        key = await key_with(reception, *scopes)
        assert (await reception.ask("GET", path, None, key)).json()["body_base64"] == expected
