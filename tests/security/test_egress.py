import asyncio
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import quote, urlsplit

import pytest

from tests.security.hostile import HostileReceiver
from tests.security.sending import HEADERS, LOOPBACK, Names, failure, post
from tests.security.test_addresses import cases
from worksphere_hub.security.egress import EgressClient, EgressFailed, EgressPolicy, EgressRefused
from worksphere_hub.security.redact import Secret

NOTHING = EgressPolicy(allow_http=True, ports=None)
FIRST_ONLY = EgressPolicy(allowed_networks=(ip_network("127.0.0.1/32"),))


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
    ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "0.0.0.0",
     "127.0.0.1.", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "[::]", "[::ffff:127.0.0.1]",
     "[64:ff9b::7f00:1]"],
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
        replies = await asyncio.gather(*(post(guarded, receiver.url("/ok", host="many.test")) for _ in range(100)))
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


# Life of the client.


async def test_nobody_listens(client, receiver):
    async with HostileReceiver() as gone:
        url = gone.url()
    assert (await failure(client, url)).cause == "connect"


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
    async def lane() -> None:
        for _ in range(50):
            assert (await post(client, receiver.url("/ok"))).status == 200

    await asyncio.gather(*(lane() for _ in range(20)))
    assert receiver.connections <= 20
    assert len(receiver.requests) == 1000


def spellings(address):
    """Ways to write an address into a URL, most of which some reader takes for the address and another does not."""
    ip = ip_address(address.partition("%")[0])
    if ip.version == 6:
        return [f"[{address}]", f"[{ip.exploded}]", f"[{ip.compressed.upper()}]", f"user@[{ip.compressed}]", f"[{ip}]."]
    number, parts = int(ip), str(ip).split(".")
    high = number >> 24
    return [
        str(ip),
        f"{ip}.",
        str(number),
        f"0x{number:x}",
        f"0X{number:08X}",
        f"0{number:o}",
        ".".join(f"0x{int(part):x}" for part in parts),
        ".".join(f"0{int(part):o}" for part in parts),
        f"{high}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        f"0x{high:x}.{number & 0xFFFFFF}",
        "".join(chr(0xFF10 + int(each)) if each.isdigit() else each for each in str(ip)),
        str(ip).replace(".", "\u3002"),
        str(ip).replace("1", "%31"),
        f"example.com@{ip}",
        f"[::ffff:{ip}]",
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]",
    ]


async def test_no_forbidden_address_is_connected_to_however_it_is_written():
    addresses = [address for address, _ in cases()]
    assert len(addresses) >= 120
    urls = [f"http://{spelling}/" for address in addresses for spelling in spellings(address)]
    assert len(urls) >= 1_200
    refused = Counter()
    async with EgressClient(EgressPolicy(allow_http=True), connect_timeout=1.0) as strict:
        for url in urls:
            with pytest.raises(EgressFailed) as failure:
                await strict.send("POST", url, headers={}, body=b"secret")
            refused[failure.value.cause] += 1
            assert failure.value.unsent, url
        # There never was a client that could have connected anywhere.
        assert not strict._pins._pins
    assert set(refused) <= {"address_refused", "url_refused", "dns"}
    assert refused["address_refused"] >= 800


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_receiver_cannot_send_the_hub_elsewhere(receiver, status):
    async with (
        HostileReceiver(host="127.0.0.2") as inner,
        EgressClient(FIRST_ONLY) as client,
    ):
        for target in (inner.url("/ok"), "http://169.254.169.254/latest/meta-data/", "//127.0.0.2/", "/ok/followed"):
            url = receiver.url(f"/status/{status}?location={quote(target)}")
            assert (await client.send("POST", url, headers={}, body=b"x")).status == status
        url = receiver.url(f"/status/200?refresh={quote('0;url=' + inner.url('/ok'))}")
        reply = await client.send("POST", url, headers={}, body=b"")
        assert reply.status == 200
        assert inner.connections == 0
        assert {request.path for request in receiver.requests} <= {f"/status/{status}", "/status/200"}


class ForwardProxy:
    """A forward proxy on loopback: remembers what it was asked for and by whom, and takes everything to one port."""

    def __init__(self, port: int) -> None:
        self.asked, self.shown, self._target = [], [], port

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        self.asked.append((method, target))
        self.shown += [line.partition(": ")[2] for line in lines if line.lower().startswith("proxy-authorization")]
        inner, sender = await asyncio.open_connection("127.0.0.1", self._target)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            sender.write(head.replace(target.encode(), urlsplit(target).path.encode(), 1))
        await asyncio.gather(self._pass(reader, sender), self._pass(inner, writer))

    async def _pass(self, reader, writer):
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_everything_goes_through_the_operators_proxy_and_is_judged_before(receiver):
    names = Names(hooks_test=[["127.0.0.1"]], private_test=[["10.0.0.1"]])
    async with (
        ForwardProxy(receiver.port) as proxy,
        EgressClient(LOOPBACK, resolver=names, proxy=Secret(f"http://hub:pass@127.0.0.1:{proxy.port}")) as client,
    ):
        reply = await post(client, f"http://hooks.test:{receiver.port}/ok")
        assert reply.status == 200
        assert proxy.asked == [("POST", f"http://hooks.test:{receiver.port}/ok")]
        assert proxy.shown == ["Basic aHViOnBhc3M="]
        assert (await failure(client, "http://private.test/")).cause == "address_refused"
        assert len(proxy.asked) == 1
        # By https it is asked for a tunnel, and sees nothing of what is in it.
        await failure(client, f"https://hooks.test:{receiver.port}/ok")
        assert proxy.asked[-1] == ("CONNECT", f"hooks.test:{receiver.port}")
    assert "pass" not in repr(client._pins._wiring)


# Answers that are read while they come: guarded like any other, bounded by the deadline, closed when left.


async def streamed(client: EgressClient, url: str, *, seconds: float = 5.0, body=None) -> tuple[int, bytes]:
    async with client.stream("POST", url, headers=HEADERS, body=body, total_timeout=seconds) as stream:
        return stream.status, b"".join([chunk async for chunk in stream.chunks()])


async def stream_failure(client: EgressClient, url: str, **options) -> EgressFailed:
    with pytest.raises(EgressFailed) as failed:
        await streamed(client, url, **options)
    assert url not in str(failed.value)
    return failed.value


async def pieces(count: int):
    for number in range(count):
        yield bytes([number % 256]) * 1_000


async def test_a_body_goes_piece_by_piece_and_comes_back_whole(client, receiver):
    status, body = await streamed(client, receiver.url("/echo"), body=pieces(300))
    assert (status, body) == (200, b"".join([piece async for piece in pieces(300)]))


async def test_a_part_is_read_and_the_rest_left(client, receiver):
    async with client.stream("GET", receiver.url("/endless"), headers={}, body=None, total_timeout=5.0) as stream:
        assert len(await stream.read(10_000)) == 10_000
    await receiver.wait_until_idle()


@pytest.mark.parametrize(
    ("path", "told"),
    [("/hang-in-body", "timeout"), ("/close-in-body", "reset"), ("/hang", "timeout"), ("/close", "reset")],
)
async def test_streamed_what_goes_wrong_on_the_way(client, receiver, path, told):
    failure = await stream_failure(client, receiver.url(path), seconds=0.5)
    assert failure.cause == told
    assert not failure.unsent


async def test_streamed_redirects_are_answers(client, receiver):
    status, _ = await streamed(client, receiver.url("/redirect/302"))
    assert status == 302
    assert len(receiver.requests) == 1


async def test_it_goes_nowhere_that_others_do_not(receiver):
    names = Names(inside_example=[["127.0.0.1"]], mixed_example=[["93.184.216.34", "10.0.0.1"]])
    async with EgressClient(EgressPolicy(allow_http=True, ports=None), resolver=names) as client:
        for url in (receiver.url("/ok"), "http://inside.example/", "http://mixed.example/", "http://[::1]/"):
            assert (await stream_failure(client, url)).cause == "address_refused"
        assert (await stream_failure(client, "ftp://inside.example/")).cause == "url_refused"
        assert (await stream_failure(client, "http://nowhere.example/")).cause == "dns"
    assert receiver.requests == []


async def test_headers_of_the_connection_and_a_closed_client(receiver):
    async with EgressClient(LOOPBACK) as client:
        with pytest.raises(EgressFailed) as failed:
            async with client.stream(
                "GET", receiver.url("/ok"), headers={"Host": "evil"}, body=None, total_timeout=1.0
            ):
                pass
        assert failed.value.cause == "request"
    assert (await stream_failure(client, receiver.url("/ok"))).cause == "closed"


async def test_an_address_that_is_dead_gives_way_to_the_next(receiver):
    names = Names(two_example=[["127.0.0.9", "127.0.0.1"]])
    async with EgressClient(LOOPBACK, resolver=names) as client:
        status, _ = await streamed(client, f"http://two.example:{receiver.port}/ok")
    assert status == 200


async def test_streamed_slots_are_given_back(receiver):
    async with EgressClient(LOOPBACK, per_destination=1) as client:
        for _ in range(3):
            assert (await streamed(client, receiver.url("/ok")))[0] == 200
            assert (await stream_failure(client, receiver.url("/close"))).cause == "reset"


@pytest.mark.parametrize(
    ("policy", "host", "port", "reason"),
    [
        (EgressPolicy(), "127.0.0.1", 5432, "address"),
        (EgressPolicy(), "localhost", 5432, "address"),
        (EgressPolicy(), "10.0.0.1", 5432, "address"),
        (EgressPolicy(), "8.8.8.8", 443, "port"),
        (EgressPolicy(), "no host", 5432, "syntax"),
        (EgressPolicy(), "nowhere.invalid", 5432, "unresolvable"),
    ],
)
async def test_what_does_not_speak_http_goes_no_further(policy, host, port, reason):
    async with EgressClient(policy) as client:
        with pytest.raises(EgressRefused) as refused:
            await client.reach(host, port)
        assert refused.value.reason == reason


async def test_what_does_not_speak_http_is_given_the_checked_addresses():
    names = Names(db_example=[["8.8.8.8", "1.1.1.1"]], mixed_example=[["8.8.8.8", "127.0.0.1"]])
    async with EgressClient(EgressPolicy(), resolver=names) as client:
        assert [str(each) for each in await client.reach("DB.example", 5432)] == ["8.8.8.8", "1.1.1.1"]
        with pytest.raises(EgressRefused):
            await client.reach("mixed.example", 5432)
    async with EgressClient(LOOPBACK) as client:
        # In a network that is let through any port is.
        assert [str(each) for each in await client.reach("127.0.0.1", 1)] == ["127.0.0.1"]
    async with EgressClient(LOOPBACK, proxy=Secret("http://127.0.0.1:9")) as client:
        with pytest.raises(EgressRefused, match="proxy"):
            await client.reach("127.0.0.1", 5432)
