import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network

import pytest

from tests.security.certificates import Authority
from tests.security.hostile import HostileReceiver
from worksphere_hub.security.egress import EgressClient, EgressFailed, EgressPolicy, EgressRefused, Reply

LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
NOTHING = EgressPolicy(allow_http=True, ports=None)
HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}


class Names:
    """A resolver that gives each lookup of a host its next answer, and the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        lists = self.answers.get(host)
        if not lists:
            raise OSError("no such name")
        return lists.pop(0) if len(lists) > 1 else lists[0]


@pytest.fixture
async def receiver() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[EgressClient]:
    async with EgressClient(LOOPBACK) as guarded:
        yield guarded


async def post(client: EgressClient, url: str, **options) -> Reply:
    return await client.send("POST", url, headers=HEADERS, body=b'{"a":1}', **options)


async def failure(client: EgressClient, url: str, **options) -> EgressFailed:
    with pytest.raises(EgressFailed) as failed:
        await post(client, url, **options)
    assert url not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert failed.value.seconds >= 0
    return failed.value


async def test_what_is_sent_and_what_comes_back(client, receiver):
    url = receiver.url("/echo?token=a%20b")
    await client.check(url)
    reply = await post(client, url)
    assert (reply.status, reply.body, reply.truncated) == (200, b'{"a":1}', False)
    assert ("content-length", "7") in reply.headers
    assert 0 < reply.seconds_to_headers <= reply.seconds < 15
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/echo?token=a%20b", b'{"a":1}')
    assert request.headers == HEADERS | {
        "host": f"127.0.0.1:{receiver.port}",
        "content-length": "7",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": request.headers["user-agent"],
    }
    assert request.headers["user-agent"].startswith("WorkSphere-Hub/")


async def test_connections_are_kept_and_used_again(client, receiver):
    for number in range(20):
        await post(client, receiver.url(f"/ok/{number}"))
    assert receiver.connections == 1


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 404, 410, 429, 500, 503, 599])
async def test_every_status_is_an_answer(client, receiver, status):
    reply = await post(client, receiver.url(f"/status/{status}?retry-after=7"))
    assert reply.status == status
    assert ("retry-after", "7") in reply.headers


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_redirects_are_answers_not_followed(client, receiver, status):
    reply = await post(client, receiver.url(f"/redirect/{status}"))
    assert reply.status == status
    assert dict(reply.headers)["location"].endswith("/ok/followed")
    assert [request.path for request in receiver.requests] == [f"/redirect/{status}"]


async def test_repeated_headers_stay_apart(client, receiver):
    reply = await post(client, receiver.url("/status/200?set-cookie=a&set-cookie=b"))
    assert [value for name, value in reply.headers if name == "set-cookie"] == ["a", "b"]


async def test_no_cookie_comes_back(client, receiver):
    await post(client, receiver.url("/status/200?set-cookie=a%3Db"))
    await post(client, receiver.url("/ok"))
    assert "cookie" not in receiver.requests[-1].headers


# Refusals: the listener must have seen nobody.


@pytest.mark.parametrize(
    "spelling",
    ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "0.0.0.0", "127.0.0.1.",
     "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::]"],
)  # fmt: skip
async def test_without_allowance_nobody_reaches_loopback(receiver, spelling):
    async with EgressClient(NOTHING) as guarded:
        url = receiver.url(host=spelling)
        with pytest.raises(EgressRefused) as refused:
            await guarded.check(url)
        assert refused.value.reason == "address"
        assert (await failure(guarded, url)).cause == "address_refused"
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "spelling", ["127.1", "0x7f000001", "localhost", "\uff11\uff12\uff17.0.0.1", "[::ffff:127.0.0.1]"]
)
async def test_with_allowance_the_same_spellings_arrive(client, receiver, spelling):
    assert (await post(client, receiver.url(host=spelling))).status == 200


@pytest.mark.parametrize(
    ("url", "reason", "cause"),
    [
        ("http://example.com/", "scheme", "url_refused"),
        ("https://example.com:22/", "port", "url_refused"),
        ("https://u:p@example.com/", "userinfo", "url_refused"),
        ("https://exa mple.com/", "syntax", "url_refused"),
        ("https://absent.test/", "unresolvable", "dns"),
        ("https://private.test/", "address", "address_refused"),
        ("https://mixed.test/", "address", "address_refused"),
        ("https://metadata.test/", "address", "address_refused"),
    ],
)
async def test_reasons_at_check_and_causes_at_send(url, reason, cause):
    names = Names(
        private_test=[["10.0.0.1"]],
        mixed_test=[["93.184.216.34", "2606:4700::1111", "10.0.0.1"]],
        metadata_test=[["fe80::1%eth0"]],
    )
    async with EgressClient(EgressPolicy(), resolver=names) as guarded:
        with pytest.raises(EgressRefused) as refused:
            await guarded.check(url)
        assert refused.value.reason == reason
        failed = await failure(guarded, url)
        assert (failed.cause, failed.status, failed.unsent) == (cause, None, True)
        assert "10.0.0.1" not in str(failed) + str(refused.value)


async def test_a_mixed_answer_with_an_open_and_a_closed_address_reaches_neither(receiver):
    names = Names(mixed_test=[["127.0.0.1", "10.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names) as guarded:
        assert (await failure(guarded, receiver.url(host="mixed.test"))).cause == "address_refused"
    assert receiver.connections == 0


# Names.


async def test_a_name_that_turns_to_loopback_after_the_check_is_refused(receiver):
    """DNS rebinding: public when the URL is stored, loopback when it is sent to."""
    names = Names(rebind_test=[["93.184.216.34"], ["127.0.0.1"]])
    async with EgressClient(NOTHING, resolver=names, resolve_ttl=0) as guarded:
        url = receiver.url(host="rebind.test")
        await guarded.check(url)
        assert (await failure(guarded, url)).cause == "address_refused"
    assert names.asked == ["rebind.test"] * 2
    assert receiver.connections == 0


async def test_the_connection_goes_to_the_checked_address_not_to_a_later_answer(receiver):
    """Between the check and the connection the name changes: nobody asks it again."""
    names = Names(rebind_test=[["127.0.0.1"], ["10.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names) as guarded:
        url = receiver.url(host="rebind.test")
        for _ in range(3):
            assert (await post(guarded, url)).status == 200
    assert names.asked == ["rebind.test"]
    assert receiver.requests[0].headers["host"] == f"rebind.test:{receiver.port}"


async def test_after_its_time_a_name_is_resolved_and_judged_again(receiver):
    names = Names(moving_test=[["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names, resolve_ttl=0) as guarded:
        url = receiver.url(host="moving.test")
        await post(guarded, url)
        await post(guarded, url)
        assert (await failure(guarded, url)).cause == "address_refused"
    assert receiver.connections == 1


async def test_a_hundred_who_ask_at_once_cause_one_lookup_and_one_client(receiver):
    names = Names(many_test=[["127.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names) as guarded:
        replies = await asyncio.gather(
            *(post(guarded, receiver.url("/ok", host="many.test")) for _ in range(100))
        )
        assert {reply.status for reply in replies} == {200}
        assert len(guarded._pins._pins) == 1
    assert names.asked == ["many.test"]


async def test_a_name_server_that_hangs_costs_its_time_limit_only(receiver):
    asked = asyncio.Event()

    async def hang(host: str) -> Sequence[str]:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    async with EgressClient(LOOPBACK, resolver=hang, connect_timeout=0.2) as guarded:
        failed = await failure(guarded, receiver.url(host="slow.test"))
        assert asked.is_set()
        assert failed.cause == "dns"
        with pytest.raises(EgressRefused):
            await guarded.check(receiver.url(host="slow.test"))


async def test_the_system_resolver():
    async with EgressClient(EgressPolicy()) as guarded:
        with pytest.raises(EgressRefused) as refused:
            await guarded.check("https://localhost/")
        assert refused.value.reason == "address"
        with pytest.raises(EgressRefused) as refused:
            await guarded.check("https://no-such-host.invalid/")
        assert refused.value.reason == "unresolvable"


async def test_an_address_that_refuses_gives_way_to_the_next(receiver):
    names = Names(two_test=[["127.0.0.2", "127.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names, resolve_ttl=0) as guarded:
        url = receiver.url(host="two.test")
        assert (await post(guarded, url)).status == 200
        assert (await post(guarded, url)).status == 200
        assert [str(pin.address) for pin in guarded._pins._pins.values()] == ["127.0.0.1"]
    assert receiver.connections == 1


async def test_when_every_address_refuses_it_is_a_connect_failure(receiver):
    names = Names(none_test=[["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names) as guarded:
        failed = await failure(guarded, receiver.url(host="none.test"))
        assert (failed.cause, failed.unsent) == ("connect", True)
    assert receiver.connections == 0  # the fourth address is one too many for a single attempt


async def test_ipv6():
    async with HostileReceiver(host="::1") as receiver, EgressClient(LOOPBACK) as guarded:
        assert (await post(guarded, receiver.url())).status == 200
        names = Names(six_test=[["::1"]])
        async with EgressClient(LOOPBACK, resolver=names) as named:
            assert (await post(named, receiver.url(host="six.test"))).status == 200


async def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    async with HostileReceiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with EgressClient(LOOPBACK) as guarded:
            assert (await post(guarded, receiver.url())).status == 200
        assert proxy.connections == 0


# Receivers that never finish: the deadline ends them, and their connection.


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hang", None),
        ("/hang-in-headers", None),
        ("/drip-headers/5", None),
        ("/continues", None),
        ("/hang-in-body", 200),
        ("/drip/5", 200),
    ],
)
async def test_the_deadline_ends_the_attempt_and_its_connection(client, receiver, path, status):
    failed = await failure(client, receiver.url(path), total_timeout=0.3)
    assert (failed.cause, failed.status, failed.unsent) == ("timeout", status, False)
    await receiver.wait_until_idle()
    assert (await post(client, receiver.url("/ok"))).status == 200


async def test_a_cancelled_send_leaves_no_connection_behind_its_deadline(client, receiver):
    sending = asyncio.create_task(post(client, receiver.url("/hang"), total_timeout=0.5))
    await receiver.wait_for(1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await receiver.wait_until_idle()
    assert next(iter(client._pins._pins.values())).slots._value == 100


async def test_hanging_receivers_do_not_hold_up_others(client, receiver):
    async with HostileReceiver() as quick:
        hanging = [
            asyncio.create_task(post(client, receiver.url("/hang"), total_timeout=20)) for _ in range(90)
        ]
        await receiver.wait_for(90)
        assert (await post(client, quick.url())).status == 200
        assert (await post(client, receiver.url("/ok"))).status == 200
        for task in hanging:
            task.cancel()
        results = await asyncio.gather(*hanging, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_no_more_than_so_many_at_once_to_one_destination(receiver):
    async with EgressClient(LOOPBACK, per_destination=2) as guarded:
        first = [asyncio.create_task(post(guarded, receiver.url("/late/400"))) for _ in range(2)]
        await receiver.wait_for(2)
        failed = await failure(guarded, receiver.url("/ok"), total_timeout=0.05)
        assert (failed.cause, failed.unsent) == ("busy", True)
        waiting = asyncio.create_task(post(guarded, receiver.url("/ok")))
        assert {(await task).status for task in first} == {200}
        assert (await waiting).status == 200
    assert receiver.connections == 2


# Receivers that break off or talk nonsense.


@pytest.mark.parametrize(
    ("path", "cause", "status"),
    [
        ("/reset", "reset", None),
        ("/close", "reset", None),
        ("/reset-in-headers", "reset", None),
        ("/reset-after-headers", "reset", 200),
        ("/close-in-body", "reset", 200),
        ("/garbage", "protocol", None),
        ("/ancient", "protocol", None),
        ("/bad-length", "protocol", None),
        ("/bad-chunks", "protocol", 200),
        ("/bigheader", "too_large_headers", None),
        ("/many-headers/200", "too_large_headers", None),
        ("/header-of/33000", "too_large_headers", 200),
    ],
)
async def test_broken_answers(client, receiver, path, cause, status):
    failed = await failure(client, receiver.url(path))
    assert (failed.cause, failed.status, failed.unsent) == (cause, status, False)
    assert (await post(client, receiver.url("/ok"))).status == 200


async def test_headers_up_to_the_limit_pass(client, receiver):
    reply = await post(client, receiver.url("/header-of/32000"))
    assert len(dict(reply.headers)["x-long"]) == 32000
    assert len((await post(client, receiver.url("/many-headers/90"))).headers) == 91


async def test_a_header_that_is_not_ascii_does_not_cost_the_answer(client, receiver):
    reply = await post(client, receiver.url("/odd-header"))
    assert (reply.status, reply.body) == (200, b"ok")
    assert sorted(reply.headers) == [("content-length", "2"), ("x-odd", "[not ASCII]")]


async def test_a_connection_closed_between_requests_loses_none(client, receiver):
    for _ in range(10):
        assert (await post(client, receiver.url("/ok-then-close"))).body == b"ok"


@pytest.mark.parametrize("path", ["/extra", "/body-without-leave"])
async def test_what_nobody_asked_for_never_answers_the_next_request(client, receiver, path):
    for _ in range(5):
        assert (await post(client, receiver.url(path))).status in {200, 204}
        reply = await post(client, receiver.url("/ok"))
        assert (reply.status, reply.body) == (200, b"ok")


# Large and compressed answers.


@pytest.mark.parametrize("path", ["/endless", "/huge"])
async def test_bodies_without_end_are_cut_and_their_connection_closed(receiver, path):
    async with EgressClient(LOOPBACK, body_limit=10_000) as guarded:
        reply = await post(guarded, receiver.url(path))
        assert (reply.status, reply.body, reply.truncated) == (200, b"x" * 10_000, True)
        await receiver.wait_until_idle()


@pytest.mark.parametrize(("size", "truncated"), [(99, False), (100, False), (101, True)])
async def test_the_limit_itself_still_fits(receiver, size, truncated):
    async with EgressClient(LOOPBACK, body_limit=100) as guarded:
        reply = await guarded.send("POST", receiver.url("/echo"), headers={}, body=b"y" * size)
        assert (len(reply.body), reply.truncated) == (min(size, 100), truncated)


@pytest.mark.parametrize("path", ["/gzip", "/gzip-bomb"])
async def test_compressed_bodies_are_left_as_they_are(client, receiver, path):
    reply = await post(client, receiver.url(path))
    assert reply.body[:2] == b"\x1f\x8b"
    assert len(reply.body) < 40_000
    assert ("content-encoding", "gzip") in reply.headers


# Requests that cannot be sent.


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"content-length": "99"},
        {"Transfer-Encoding": "chunked"},
        {"CONNECTION": "upgrade"},
        {"Accept-Encoding": "gzip"},
        {"a b": "c"},
        {"": "c"},
        {"x-a": "b\r\nx-evil: 1"},
        {"x-a": "b\x00"},
    ],
)
async def test_headers_that_would_break_the_message_are_not_sent(client, receiver, headers):
    with pytest.raises(EgressFailed) as failed:
        await client.send("POST", receiver.url(), headers=headers, body=b"x")
    assert (failed.value.cause, failed.value.unsent) == ("request", True)
    assert receiver.connections == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_methods(client, receiver, method):
    reply = await client.send(method, receiver.url(), headers={}, body=None)
    assert (reply.status, receiver.requests[0].method) == (200, method)


async def test_an_impossible_method(client, receiver):
    with pytest.raises(EgressFailed) as failed:
        await client.send("GET /x HTTP/1.1\r\n", receiver.url(), headers={}, body=None)
    assert failed.value.cause == "request"
    assert receiver.connections == 0


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


TLS_NAMES = {"good_test": [["127.0.0.1"]], "other_test": [["127.0.0.1"]]}


async def test_tls_to_a_pinned_address_checks_the_name(authority):
    async with (
        HostileReceiver(tls=authority.serve("good.test")) as receiver,
        EgressClient(LOOPBACK, resolver=Names(**TLS_NAMES), extra_roots=authority.pem) as guarded,
    ):
        assert (await post(guarded, receiver.url(host="good.test"))).status == 200
        failed = await failure(guarded, receiver.url(host="other.test"))
        assert (failed.cause, failed.detail) == ("tls", "The certificate is for another host name.")
        assert failed.unsent
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("days", "trusted", "detail"),
    [
        (-1, True, "The certificate has expired."),
        (1, False, "The certificate's issuer is not trusted."),
    ],
)
async def test_bad_certificates(authority, days, trusted, detail):
    async with (
        HostileReceiver(tls=authority.serve("good.test", days=days)) as receiver,
        EgressClient(
            LOOPBACK, resolver=Names(**TLS_NAMES), extra_roots=authority.pem if trusted else None
        ) as guarded,
    ):
        failed = await failure(guarded, receiver.url(host="good.test"))
        assert (failed.cause, failed.detail) == ("tls", detail)
        assert not receiver.requests


async def test_plain_text_where_tls_is_spoken_and_the_other_way_round(authority):
    async with (
        HostileReceiver(tls=authority.serve("good.test")) as secure,
        HostileReceiver() as plain,
        EgressClient(
            LOOPBACK, resolver=Names(**TLS_NAMES), extra_roots=authority.pem, connect_timeout=0.3
        ) as guarded,
    ):
        assert (
            await failure(guarded, secure.url(host="good.test").replace("https", "http"))
        ).cause == "reset"
        url = plain.url(host="good.test").replace("http", "https")
        assert (await failure(guarded, url)).cause == "timeout_connect"


async def test_a_tls_handshake_that_stalls():
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    async with (
        await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server,
        EgressClient(LOOPBACK, connect_timeout=0.3) as guarded,
    ):
        port = server.sockets[0].getsockname()[1]
        failed = await failure(guarded, f"https://127.0.0.1:{port}/")
        assert (failed.cause, failed.unsent) == ("timeout_connect", True)


# Life of the client.


async def test_nobody_listens(client, receiver):
    async with HostileReceiver() as gone:
        url = gone.url()
    assert (await failure(client, url)).cause == "connect"


async def test_pins_are_bounded_and_the_least_used_lets_go_of_its_connections(monkeypatch):
    async with EgressClient(LOOPBACK) as guarded:
        guarded._pins._size = 2
        async with HostileReceiver() as first, HostileReceiver() as second, HostileReceiver() as third:
            await post(guarded, first.url())
            await post(guarded, second.url())
            await post(guarded, first.url())
            await post(guarded, third.url())
            assert len(guarded._pins._pins) == 2
            await second.wait_until_idle()
            assert first.open_connections == third.open_connections == 1
            assert (await post(guarded, second.url())).status == 200
            assert second.connections == 2


async def test_a_request_under_way_survives_its_pin(receiver):
    async with EgressClient(LOOPBACK) as guarded, HostileReceiver() as other:
        guarded._pins._size = 1
        sending = asyncio.create_task(post(guarded, receiver.url("/late/300")))
        await receiver.wait_for(1)
        await post(guarded, other.url())
        assert (await sending).body == b"late"
        await receiver.wait_until_idle()


async def test_routes_are_bounded(client, receiver, monkeypatch):
    monkeypatch.setattr("worksphere_hub.security.egress._MOST_ROUTES", 3)
    for number in range(6):
        await post(client, receiver.url(f"/ok/{number}"))
    assert len(client._routes) == 3
    assert (await post(client, receiver.url("/ok/0"))).status == 200
    assert receiver.connections == 1


async def test_closing_closes_connections_and_later_sends_fail(receiver):
    guarded = EgressClient(LOOPBACK)
    await post(guarded, receiver.url())
    await guarded.close()
    await receiver.wait_until_idle()
    assert (await failure(guarded, receiver.url())).cause == "closed"
    assert receiver.connections == 1
    await guarded.close()


async def test_a_thousand_requests_leave_nothing_behind(client, receiver):
    started = time.monotonic()

    async def lane() -> None:
        for _ in range(50):
            assert (await post(client, receiver.url("/ok"))).status == 200

    await asyncio.gather(*(lane() for _ in range(20)))
    assert receiver.connections <= 20
    assert len(receiver.requests) == 1000
    assert all(request.at >= started for request in receiver.requests)
