import asyncio

import pytest

from tests.security.certificates import Authority
from tests.security.hostile import HostileReceiver
from tests.security.sending import LOOPBACK, Names, failure, post
from worksphere_hub.security.egress import EgressClient, EgressFailed

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
        hanging = [asyncio.create_task(post(client, receiver.url("/hang"), total_timeout=20)) for _ in range(90)]
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
        EgressClient(LOOPBACK, resolver=Names(**TLS_NAMES), extra_roots=authority.pem if trusted else None) as guarded,
    ):
        failed = await failure(guarded, receiver.url(host="good.test"))
        assert (failed.cause, failed.detail) == ("tls", detail)
        assert not receiver.requests


async def test_plain_text_where_tls_is_spoken_and_the_other_way_round(authority):
    async with (
        HostileReceiver(tls=authority.serve("good.test")) as secure,
        HostileReceiver() as plain,
        EgressClient(LOOPBACK, resolver=Names(**TLS_NAMES), extra_roots=authority.pem, connect_timeout=0.3) as guarded,
    ):
        assert (await failure(guarded, secure.url(host="good.test").replace("https", "http"))).cause == "reset"
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
