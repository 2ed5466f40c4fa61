"""A customer without a key connects an account on the page, and everything that may come between."""

import gzip
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.connections.connect.conftest import (
    BASE,
    KEY,
    RETURN,
    Browser,
    forms_of,
    links_of,
    query_of,
    text_of,
)

SECRET = "key-0192f0c1-secret"


async def agreed(customer, page, scope: str = "read write"):
    """Go to the provider, agree to these scopes, come back."""
    left = await customer.press(customer.url, page)
    assert left.status == 303, text_of(left)
    query = query_of(left)
    customer.desk.authority.scope = scope
    code = customer.desk.authority.authorize(query)
    return await came_back(customer, query, f"code={code}")


async def came_back(browser, query, answer: str):
    back = await browser.get(f"{query['redirect_uri']}?state={query['state']}&{answer}")
    assert back.status == 303, back.body
    return await browser.get(back.headers["location"])


async def test_a_key_is_entered_tested_and_the_customer_goes_back(host, desk):
    desk.authority.keys.add(SECRET)
    customer = await host.invite(product="Acme Desk", return_url=RETURN)
    page = await customer.get(customer.url)
    assert page.status == 200
    for words in ("Connect Example", "Acme Desk asks", "Key", "Under Settings.", "Remark (optional)", "Cancel"):
        assert words in text_of(page)
    assert (await customer.state_of())["opened"] is False
    done = await customer.press(customer.url, page, key=f"  {SECRET}\n", note="Sales")
    assert "Example is connected" in text_of(done)
    assert "Account: Acme" in text_of(done)
    state = await customer.state_of()
    assert (state["state"], state["problem"], state["opened"]) == ("connected", None, True)
    back = next(link for link in links_of(done) if link.startswith("https://app.example.com"))
    assert dict(parse_qsl(urlsplit(back).query)) == {
        "from": "hub", "connection_id": state["connection_id"], "status": "connected",
    }  # fmt: skip
    connection = await desk.shown({"id": state["connection_id"]})
    assert (connection["status"], connection["name"], connection["health"]) == ("connected", "Example", "healthy")
    assert [event["type"] for event in await desk.events()] == ["hub.connection.connected"]
    assert not [answer for answer in customer.seen if SECRET in answer.body.decode()]


async def test_what_is_done_is_on_the_audit_log_by_the_page(host, desk):
    desk.authority.keys.add(SECRET)
    customer = await host.invite()
    await customer.press(customer.url, await customer.get(customer.url), key=SECRET)
    rows = await desk.admin.fetch(
        "select action, actor_kind, actor_id, host(ip) as ip, changes::text from hub.audit_log where org_id = $1"
        " and (action like 'conn%') order by id", desk.org,
    )  # fmt: skip
    assert [row["action"] for row in rows] == [
        "connect_session.created", "connect_session.used", "connection.created", "connection.credential_entered",
        "connect_session.completed",
    ]  # fmt: skip
    assert {(row["actor_kind"], row["actor_id"], row["ip"]) for row in rows[1:]} == {
        ("system", customer.session, "127.0.0.1")
    }
    assert SECRET not in str(rows)


async def test_a_wrong_field_is_said_beside_it_and_nothing_is_made(host, desk):
    customer = await host.invite()
    page = await customer.get(customer.url)
    wrong = await customer.press(customer.url, page, key="key-short-but-Wrong!", note="Sales")
    assert wrong.status == 422
    body = wrong.body.decode()
    assert re.search(r'id="f.key"[^>]*aria-describedby="h.key e.key"[^>]*aria-invalid="true"', body)
    assert "does not look right" in text_of(wrong)
    assert 'role="alert"' in body
    assert "Wrong!" not in body  # what was typed into a secret's field
    assert forms_of(wrong)[0]["f.note"] == "Sales"
    missing = await customer.press(customer.url, page)
    assert "Please fill this in." in text_of(missing)
    assert await desk.admin.fetchval("select count(*) from hub.api_connections where org_id = $1", desk.org) == 0


async def test_a_key_that_does_not_work_can_be_entered_again(host, desk):
    customer = await host.invite()
    page = await customer.get(customer.url)
    failed = await customer.press(customer.url, page, key="key-of-somebody-else")
    assert failed.status == 200
    assert "does not accept what was entered" in text_of(failed)
    state = await customer.state_of()
    assert (state["state"], state["problem"], state["problem_detail"]) == ("open", "test_failed", "credential_refused")
    desk.authority.keys.add(SECRET)
    done = await customer.press(customer.url, failed, key=SECRET)
    assert "Example is connected" in text_of(done)
    assert (await customer.state_of())["connection_id"] == state["connection_id"]


async def test_a_provider_with_a_fault_is_tested_again(host, desk):
    desk.authority.keys.add(SECRET)
    desk.authority.api_answers = [(503, {}, {})]
    customer = await host.invite()
    failed = await customer.press(customer.url, await customer.get(customer.url), key=SECRET)
    assert "did not answer the test as it should" in text_of(failed)
    assert "Test again" in text_of(failed)
    assert [form["do"] for form in forms_of(failed)] == ["test", "connect"]
    assert "Example is connected" in text_of(await customer.press(customer.url, failed))


async def test_an_owner_agrees_at_the_provider(host, desk):
    customer = await host.invite(desk.method(), client=True, product="Acme Desk")
    page = await customer.get(customer.url)
    assert "Acme Desk would be allowed to: Read. Write." in text_of(page)
    assert "Continue to Example" in text_of(page)
    done = await agreed(customer, page)
    assert "Example is connected" in text_of(done)
    state = await customer.state_of()
    assert state["state"] == "connected"
    assert (await desk.shown({"id": state["connection_id"]}))["granted_scopes"] == ["read", "write"]


async def test_an_owner_who_refuses_reads_so_and_tries_again(host, desk):
    customer = await host.invite(desk.method(), client=True)
    left = await customer.press(customer.url, await customer.get(customer.url))
    refused = await came_back(customer, query_of(left), "error=access_denied")
    assert "You did not agree at Example" in text_of(refused)
    assert (await customer.state_of())["problem"] == "refused"
    assert "Example is connected" in text_of(await agreed(customer, refused))


async def test_a_missing_permission_is_named_in_its_sentence(host, desk):
    customer = await host.invite(desk.method(), client=True)
    lacking = await agreed(customer, await customer.get(customer.url), scope="write")
    assert "Without these permissions it cannot work: Read." in text_of(lacking)
    state = await customer.state_of()
    assert (state["state"], state["problem"], state["problem_detail"]) == ("open", "missing_scopes", "read")
    assert "Example is connected" in text_of(await agreed(customer, lacking))


async def test_a_code_that_the_provider_refuses_to_trade(host, desk):
    customer = await host.invite(desk.method(), client=True)
    left = await customer.press(customer.url, await customer.get(customer.url))
    failed = await came_back(customer, query_of(left), "code=none")
    assert "Example refused." in text_of(failed)
    assert "invalid_grant" in text_of(failed)


async def test_whoever_comes_back_too_late_finds_the_page_again(host, desk):
    customer = await host.invite(desk.method(), client=True, expires_in=60)
    left = await customer.press(customer.url, await customer.get(customer.url))
    query = query_of(left)
    await desk.admin.execute("update hub.oauth_flows set expires_at = now() - interval '1 second'")
    late = await came_back(customer, query, f"code={desk.authority.authorize(query)}")
    assert "away for too long" in text_of(late)
    assert desk.authority.calls == []
    # The way to the provider and back is longer than the page was good for: it waits.
    left = await desk.admin.fetchval("select expires_at > now() + interval '9 minutes' from hub.connect_sessions")
    assert left is True


async def test_another_browser_cannot_finish_what_was_begun(host, desk):
    customer = await host.invite(desk.method(), client=True)
    left = await customer.press(customer.url, await customer.get(customer.url))
    query = query_of(left)
    other = Browser(desk)
    answer = await other.get(f"{query['redirect_uri']}?state={query['state']}&code={desk.authority.authorize(query)}")
    assert (answer.status, answer.json()["code"]) == (400, "oauth_flow_refused")
    assert desk.authority.calls == []


async def test_an_answer_that_comes_twice_does_not_disturb_the_first(host, desk):
    customer = await host.invite(desk.method(), client=True)
    query = query_of(await customer.press(customer.url, await customer.get(customer.url)))
    cookies = dict(customer.cookies)
    answer = f"code={desk.authority.authorize(query)}"
    # The first is being looked into while somebody reloads.
    await desk.admin.execute("update hub.connect_sessions set busy_until = now() + interval '1 minute'")
    assert "being worked on" in text_of(await came_back(customer, query, answer))
    assert (await customer.state_of())["problem"] is None
    await desk.admin.execute("update hub.connect_sessions set busy_until = null")
    customer.cookies = dict(cookies)
    assert "is connected" in text_of(await came_back(customer, query, answer))
    customer.cookies = dict(cookies)
    assert "is connected" in text_of(await came_back(customer, query, answer))
    assert desk.authority.count("authorization_code") == 1


async def test_a_page_that_is_taken_back_meanwhile_trades_no_code(host, desk):
    customer = await host.invite(desk.method(), client=True)
    query = query_of(await customer.press(customer.url, await customer.get(customer.url)))
    await desk.ask("DELETE", f"/v1/connect-sessions/{customer.session}")
    gone = await came_back(customer, query, f"code={desk.authority.authorize(query)}")
    assert (gone.status, desk.authority.calls) == (404, [])


async def test_a_page_for_a_connection_goes_with_it(host, desk):
    connection = await desk.authorized()
    customer = await host.page(connection_id=connection["id"])
    assert (await desk.ask("DELETE", f"/v1/connections/{connection['id']}")).status == 204
    assert (await customer.get(customer.url)).status == 404


async def test_without_a_client_the_customer_is_told_that_it_is_not_his_fault(host, desk):
    customer = await host.invite(desk.method(), product="Acme Desk")
    answer = await customer.press(customer.url, await customer.get(customer.url))
    assert answer.status == 409
    assert "Please tell Acme Desk" in text_of(answer)
    assert (await customer.state_of())["problem"] == "oauth_client_missing"


async def test_a_code_is_typed_in_on_another_device(host, desk):
    way = desk.method(grant="device_code", device_url=f"{desk.authority.base}/device")
    customer = await host.invite(way, client=True)
    shown = await customer.press(customer.url, await customer.get(customer.url))
    assert "ABCD-EFGH" in text_of(shown)
    assert '<meta http-equiv="refresh" content="5">' in shown.body.decode()
    assert f"{desk.authority.base}/activate" in links_of(shown)
    assert "ABCD-EFGH" in text_of(await customer.get(customer.url))
    row = await desk.admin.fetchrow("select * from hub.connect_sessions where org_id = $1", desk.org)
    assert "ABCD" not in str(row)
    desk.authority.devices[next(iter(desk.authority.devices))] = "agreed"
    await desk.admin.execute("update hub.device_flows set due_at = now()")
    assert await desk.upkeep().ask_devices() == 1
    assert "Example is connected" in text_of(await customer.get(customer.url))


async def test_a_code_that_is_refused_leads_to_a_new_one(host, desk):
    way = desk.method(grant="device_code", device_url=f"{desk.authority.base}/device")
    customer = await host.invite(way, client=True)
    await customer.press(customer.url, await customer.get(customer.url))
    desk.authority.devices[next(iter(desk.authority.devices))] = "denied"
    await desk.admin.execute("update hub.device_flows set due_at = now()")
    await desk.upkeep().ask_devices()
    over = await customer.get(customer.url)
    assert "The code was refused, or not typed in in time." in text_of(over)
    assert "ABCD-EFGH" in text_of(await customer.press(customer.url, over))


async def test_one_of_several_ways_is_chosen_and_another_after_all(host, desk):
    desk.authority.keys.add(SECRET)
    customer = await host.invite(KEY, desk.method(label="Sign in"), auth_methods=["main", "way1"])
    page = await customer.get(customer.url)
    assert "How would you like to connect?" in text_of(page)
    assert forms_of(page) == []
    failed = await customer.press(customer.url, await customer.get(f"{customer.url}?way=way1"))
    assert failed.status == 409  # no client is registered
    assert "?lang=en&way=-" in links_of(failed)
    first = (await customer.state_of())["connection_id"]
    assert "How would you like" in text_of(await customer.get(f"{customer.url}?way=-"))
    done = await customer.press(customer.url, await customer.get(f"{customer.url}?way=main"), key=SECRET)
    assert "is connected" in text_of(done)
    connections = (await desk.ask("GET", "/v1/connections")).json()["data"]
    assert [each["auth_method"] for each in connections] == ["main"]
    assert connections[0]["id"] != first


async def test_only_the_ways_that_the_host_allows_can_be_sent(host, desk):
    customer = await host.invite(KEY, desk.method(label="Sign in"), auth_methods=["main"])
    page = await customer.get(customer.url)
    assert "Sign in" not in text_of(page)
    answer = await customer.send(customer.url, forms_of(page)[0] | {"way": "way1"})
    assert answer.status == 403
    assert (await desk.ask("GET", "/v1/connections")).json()["data"] == []


async def test_a_connection_is_authorized_anew_and_keeps_its_id(host, desk):
    connection = await desk.authorized()
    customer = await host.page(connection_id=connection["id"])
    page = await customer.get(customer.url)
    assert "Connect Example again" in text_of(page)
    left = await customer.press(customer.url, page)
    refused = await came_back(customer, query_of(left), "error=access_denied")
    assert (await desk.shown(connection))["status"] == "connected"  # what worked goes on working
    assert "Example is connected" in text_of(await agreed(customer, refused))
    state = await customer.state_of()
    assert (state["connection_id"], state["state"]) == (connection["id"], "connected")
    row = await desk.stored(connection)
    assert row is not None
    assert row["version"] == 2


@pytest.mark.parametrize("why", ["expired", "closed", "unknown", "cut off", "no token", "suspended"])
async def test_a_link_that_is_not_good_says_the_same_whatever_the_cause(host, desk, why):
    customer = await host.invite()
    url = customer.url
    if why == "expired":
        await desk.admin.execute("update hub.connect_sessions set expires_at = now() - interval '1 second'")
    elif why == "closed":
        assert (await desk.ask("DELETE", f"/v1/connect-sessions/{customer.session}")).status == 204
    elif why == "suspended":
        await desk.admin.execute("update hub.organizations set suspended_at = now() where id = $1", desk.org)
    else:
        url = {"unknown": url[:-1] + ("a" if url[-1] != "a" else "b"), "cut off": url[:-1]}.get(
            why, f"{BASE}/connect/x"
        )
    gone = await customer.get(url)
    assert gone.status == 404
    assert text_of(gone).startswith("This link does not work any more It has expired, was used up, or was not copied")
    assert "set-cookie" not in gone.headers
    sent = await customer.send(url, {"do": "connect"})
    assert (sent.status, text_of(sent)) == (404, text_of(gone))


async def test_a_page_belongs_to_the_first_browser_that_does_something(host, desk):
    desk.authority.keys.add(SECRET)
    customer = await host.invite()
    scanner = Browser(desk)
    assert (await scanner.get(customer.url)).status == 200  # looking is not doing
    page = await customer.get(customer.url)
    await customer.press(customer.url, page, key="key-of-somebody-else")
    other = Browser(desk)
    for answer in (await other.get(customer.url), await scanner.get(customer.url)):
        assert (answer.status, "another browser" in text_of(answer)) == (403, True)
    stolen = forms_of(await customer.get(customer.url))[0]
    assert (await scanner.send(customer.url, stolen)).status == 403
    await customer.press(customer.url, await customer.get(customer.url), key=SECRET)
    assert (await other.get(customer.url)).status == 404
    assert "is connected" in text_of(await customer.get(customer.url))


@pytest.mark.parametrize(
    "trick", ["no cookie", "no key", "other key", "cross-site", "same-site", "other origin", "not a form"]
)
async def test_only_the_page_itself_can_send(host, desk, trick):
    customer = await host.invite()
    form = forms_of(await customer.get(customer.url))[0] | {"f.key": SECRET}
    headers = {}
    if trick == "no cookie":
        customer.cookies.clear()
    elif trick == "no key":
        del form["key"]
    elif trick == "other key":
        form["key"] = form["key"][::-1]
    elif trick in {"cross-site", "same-site"}:
        headers = {"sec-fetch-site": trick}
    elif trick == "other origin":  # of a browser that does not say more
        headers = {"sec-fetch-site": None, "origin": "https://evil.example"}
    elif trick == "not a form":
        form = {f"f.{number}": "" for number in range(70)}
    answer = await customer.send(customer.url, form, **headers)
    assert (answer.status, "Open the page again" in text_of(answer)) == (403, True)
    assert "set-cookie" not in answer.headers
    rows = "select count(*) from hub.api_connections where org_id = $1"
    assert await desk.admin.fetchval(rows, desk.org) == 0


async def test_a_second_press_waits_for_the_first(host, desk):
    customer = await host.invite()
    form = forms_of(await customer.get(customer.url))[0] | {"f.key": SECRET}
    await desk.admin.execute("update hub.connect_sessions set busy_until = now() + interval '1 minute'")
    busy = await customer.send(customer.url, form)
    assert (busy.status, "being worked on" in text_of(busy)) == (409, True)
    waiting = await customer.get(customer.url)
    assert '<meta http-equiv="refresh" content="2">' in waiting.body.decode()
    # Whoever was at it has died: its time is over.
    await desk.admin.execute("update hub.connect_sessions set busy_until = now() - interval '1 second'")
    assert (await customer.send(customer.url, form)).status == 200


async def test_what_is_sent_again_after_the_end_changes_nothing(host, desk):
    desk.authority.keys.add(SECRET)
    customer = await host.invite()
    page = await customer.get(customer.url)
    await customer.press(customer.url, page, key=SECRET)
    asked = len(desk.authority.api)
    again = await customer.press(customer.url, page, key="key-of-somebody-else")
    assert "is connected" in text_of(again)
    assert len(desk.authority.api) == asked


async def test_there_is_an_end_to_trying(host, desk):
    customer = await host.invite()
    customer.changes = {"connect_steps": 1}
    page = await customer.get(customer.url)
    await customer.press(customer.url, page, key="key-of-somebody-else")
    assert (await customer.press(customer.url, page, key=SECRET)).status == 404


async def test_the_limit_of_connections_holds(host, desk):
    customer = await host.invite(product="Acme Desk")
    customer.changes = {"connection_limit": 0}
    answer = await customer.press(customer.url, await customer.get(customer.url), key=SECRET)
    assert (answer.status, "Please tell Acme Desk" in text_of(answer)) == (409, True)
    assert (await customer.state_of())["problem"] == "too_many_connections"


async def test_an_instance_that_is_switched_off_connects_nothing(host, desk):
    customer = await host.invite()
    await desk.admin.execute("update hub.integration_instances set status = 'disabled'")
    answer = await customer.get(customer.url)
    assert (answer.status, "switched off" in text_of(answer)) == (403, True)


async def test_a_failure_of_the_hub_is_a_page_too(host, desk, monkeypatch):
    customer = await host.invite()
    page = await customer.get(customer.url)

    async def broken(*_):
        raise RuntimeError(SECRET)

    monkeypatch.setattr("worksphere_hub.connections.connections.enter", broken)
    answer = await customer.press(customer.url, page, key=SECRET)
    assert answer.status == 500
    assert f"name this number: {answer.headers['x-request-id']}" in text_of(answer)
    assert SECRET not in answer.body.decode()
    assert (await customer.state_of())["problem"] == "internal_error"


async def test_what_others_have_written_is_text_and_nothing_else(host, desk):
    sting = "<script>alert(1)</script>\"'><img src=x>"
    way = {**KEY, "label": sting, "description": sting}
    way["fields"] = json.loads(json.dumps(KEY["fields"]))
    way["fields"]["properties"]["note"] |= {"title": sting, "description": sting}
    customer = await host.invite(way, product=sting[:100], name=sting)
    page = await customer.get(f"{customer.url}?lang={sting}&way={sting}")
    again = await customer.press(customer.url, await customer.get(customer.url), note=sting[:20])
    for answer in (page, again):
        assert "<script>alert" not in answer.body.decode()
        assert "<img" not in answer.body.decode()


async def test_the_page_is_locked_up(host):
    customer = await host.invite()
    page = await customer.get(customer.url)
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert page.body.decode().count(f'nonce="{nonce[1]}"') == 2
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';"):
        assert part in policy
    assert "unsafe" not in policy
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    cookie = page.headers["set-cookie"].lower()
    for part in ("__host-hub-connect-", "secure", "httponly", "samesite=lax", "path=/"):
        assert part in cookie
    assert not re.search(r'(src|href)="(https?:|//)', page.body.decode())


async def test_every_page_is_small_enough_for_the_first_flight(host, desk):
    """14,600 bytes are what a server may send before it hears back (RFC 6928): a third of it, headers included."""
    way = desk.method(scopes={f"s{n}": {"sentence": f"Read the {n} things of your account."} for n in range(20)})
    customer = await host.invite(KEY, way, return_url=RETURN)
    for language in ("en", "fr", "sw", "pt", "ar"):
        for chosen in ("main", "way1", "-"):
            url = f"{customer.url}?lang={language}&way={chosen}"
            page = await customer.get(url, accept_encoding="gzip, br")
            assert page.headers["content-encoding"] == "gzip"
            size = len(page.body) + sum(len(name) + len(value) + 4 for name, value in page.headers.items())
            assert size < 4_500, (language, chosen)
            assert f'lang="{language}"' in gzip.decompress(page.body).decode()
