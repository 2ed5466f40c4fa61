"""The host product's side: pages are made, looked at, taken back, and forgotten."""

from datetime import datetime

import pytest

from tests.connections.connect.conftest import BASE, RETURN, text_of
from worksphere_hub import ids

PATH = "/v1/connect-sessions"


async def test_a_page_is_made_and_its_address_shown_once(host, desk):
    instance = await desk.installed()
    await desk.ask("PUT", "/v1/oauth-return-urls", {"urls": [RETURN]})
    wanted = {"instance_id": instance, "name": "Acme's help desk", "product": "Acme Desk", "return_url": RETURN}
    answer = await desk.ask("POST", PATH, wanted)
    made = answer.json()
    assert answer.status == 201
    assert made["url"].startswith(f"{BASE}/connect/hub_connect_")
    assert {name: made[name] for name in wanted} == wanted
    assert (made["state"], made["connection_id"], made["opened"]) == ("open", None, False)
    times = [datetime.fromisoformat(made[name]) for name in ("created_at", "expires_at")]
    assert (times[1] - times[0]).total_seconds() == 1_800
    shown = (await desk.ask("GET", f"{PATH}/{made['id']}")).json()
    url = made.pop("url")
    assert shown == made
    rows = await desk.admin.fetch("select * from hub.connect_sessions where org_id = $1", desk.org)
    logged = await desk.admin.fetch("select * from hub.audit_log where org_id = $1", desk.org)
    assert url.rpartition("/")[2] not in f"{rows}{logged}"


async def test_a_repeated_request_makes_one_page(host, desk):
    instance = await desk.installed()
    made = [
        await desk.ask("POST", PATH, {"instance_id": instance}, headers={"idempotency-key": "order-1042"})
        for _ in range(2)
    ]
    assert made[0].json() == made[1].json()
    assert await desk.admin.fetchval("select count(*) from hub.connect_sessions where org_id = $1", desk.org) == 1


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "instance_id or connection_id"),
        ({"connection_id": "con_x", "instance_id": "inst_x"}, "instance_id or connection_id"),
        ({"connection_id": "con_x", "name": "New"}, "leave auth_methods and name out"),
        ({"auth_methods": ["nonsense"]}, "auth_methods"),
        ({"return_url": "https://evil.example/"}, "return_url"),
        ({"expires_in": 86_401}, "expires_in"),
        ({"expires_in": 59}, "expires_in"),
        ({"language": "xx"}, "language"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_is_said(desk, wanted, field):
    if wanted and "connection_id" not in wanted:
        wanted = {"instance_id": await desk.installed(), **wanted}
    answer = await desk.ask("POST", PATH, wanted)
    assert (answer.status, field in answer.body.decode()) == (422, True)


async def test_a_foreign_id_answers_like_a_missing_one(host, desk):
    customer = await host.invite()
    connection = await desk.connection(await desk.instance(await desk.integration(desk.manifest(slug="other"))))
    instance = connection["instance_id"]
    _, stranger = await desk.organization()
    missing = ids.encode("cns", ids.new())
    for method in ("GET", "DELETE"):
        foreign = await desk.ask(method, f"{PATH}/{customer.session}", key=stranger)
        none = await desk.ask(method, f"{PATH}/{missing}")
        assert foreign.status == none.status == 404
        assert {**foreign.json(), "request_id": ""} == {**none.json(), "request_id": ""}
    for wanted in ({"instance_id": instance}, {"connection_id": connection["id"]}):
        assert (await desk.ask("POST", PATH, wanted, key=stranger)).status == 404


async def test_plain_http_is_for_loopback(desk):
    instance = await desk.installed()
    answer = await desk.ask("POST", PATH, {"instance_id": instance}, public_url="http://hub.example.com")
    assert (answer.status, answer.json()["code"]) == (400, "insecure_origin")


async def test_nothing_is_made_for_what_is_switched_off(desk):
    instance = await desk.installed()
    await desk.admin.execute("update hub.integration_instances set status = 'disabled'")
    answer = await desk.ask("POST", PATH, {"instance_id": instance})
    assert (answer.status, answer.json()["code"]) == (403, "connection_disabled")


async def test_a_page_that_is_taken_back_takes_along_what_it_left_half_done(host, desk):
    customer = await host.invite(desk.method(), client=True)
    left = await customer.press(customer.url, await customer.get(customer.url))
    assert left.status == 303
    assert len((await desk.ask("GET", "/v1/connections")).json()["data"]) == 1
    assert (await desk.ask("DELETE", f"{PATH}/{customer.session}")).status == 204
    assert (await desk.ask("DELETE", f"{PATH}/{customer.session}")).status == 204
    assert (await desk.ask("GET", "/v1/connections")).json()["data"] == []
    assert (await customer.state_of())["state"] == "closed"
    assert "does not work any more" in text_of(await customer.get(customer.url))


async def test_pages_that_nobody_finished_leave_nothing_behind(host, desk):
    customer = await host.invite(desk.method(), client=True)
    await customer.press(customer.url, await customer.get(customer.url))
    await desk.admin.execute("update hub.connect_sessions set expires_at = now() - interval '1 second'")
    await host.page(instance_id=(await customer.state_of())["instance_id"])
    state = await customer.state_of()
    assert (state["state"], state["connection_id"]) == ("expired", None)
    assert (await desk.ask("GET", "/v1/connections")).json()["data"] == []
    # What was reached is still said; a month later it is forgotten.
    await desk.admin.execute("update hub.connect_sessions set expires_at = now() - interval '31 days'")
    async with desk.worker.tenant(desk.org) as tx:
        assert await tx.value("select hub.forget_expired()") >= 1
    assert await desk.admin.fetchval("select count(*) from hub.connect_sessions where org_id = $1", desk.org) == 0


async def test_reading_takes_one_permission_and_making_another(desk, host):
    customer = await host.invite()

    await desk.admin.execute("update hub.api_keys set scopes = '{connections:read}' where org_id = $1", desk.org)
    assert (await desk.ask("GET", f"{PATH}/{customer.session}")).status == 200
    for method, path, body in (
        ("POST", PATH, {"instance_id": "inst_x"}),
        ("DELETE", f"{PATH}/{customer.session}", None),
    ):
        assert (await desk.ask(method, path, body)).status == 403
