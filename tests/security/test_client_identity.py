"""Mutual TLS: the receiver sees the certificate that was set for it, on connections that nobody else uses."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from tests.security.certificates import Authority
from worksphere_hub.security.client_identity import IdentityRefused, read_identity
from worksphere_hub.security.egress import EgressClient, EgressFailed, EgressPolicy

LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))


@asynccontextmanager
async def strict_server(authority, tmp_path):
    """A receiver that wants a certificate of the authority; yields its URL and whom it saw on which connection."""
    context = authority.serve("localhost")
    bundle = tmp_path / "clients.pem"
    bundle.write_bytes(authority.pem)
    context.load_verify_locations(bundle)
    context.verify_mode = ssl.CERT_REQUIRED
    seen = []

    async def answer(reader, writer):
        try:
            shown = writer.get_extra_info("ssl_object").getpeercert()["subject"][0][0][1]
            while await reader.readuntil(b"\r\n\r\n"):
                seen.append((shown, writer.get_extra_info("peername")[1]))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}/", seen
    finally:
        server.close()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def identity(pair):
    return read_identity(pair[0].encode(), pair[1].encode())


async def test_each_endpoint_is_shown_its_own_certificate_and_no_connection_is_shared(authority, tmp_path):
    one, other = identity(authority.client("one")), identity(authority.client("other"))
    async with (
        strict_server(authority, tmp_path) as (url, seen),
        EgressClient(LOOPBACK, extra_roots=authority.pem) as client,
    ):
        for who in (one, other, one, other):
            reply = await client.send("GET", url, headers={}, body=None, identity=who)
            assert reply.status == 204
        with pytest.raises(EgressFailed):
            await client.send("GET", url, headers={}, body=None)
    assert [name for name, _ in seen] == ["one", "other", "one", "other"]
    assert {port for name, port in seen if name == "one"}.isdisjoint({port for name, port in seen if name == "other"})


def test_a_certificate_that_does_not_work_is_refused_and_never_shown(authority):
    certificate, key = authority.client("one")
    _, other = authority.client("other")
    for pair, field in (
        (("nonsense", key), "auth.certificate"),
        ((certificate, "nonsense"), "auth.key"),
        ((certificate, other), "auth.key"),
        (authority.client("late", days=-1), "auth.certificate"),
    ):
        with pytest.raises(IdentityRefused) as refused:
            identity(pair)
        assert refused.value.problems[0].field == field
    assert "PRIVATE" not in repr(identity((certificate, key)))
    expired = authority.client("late", days=-1)
    assert read_identity(expired[0].encode(), expired[1].encode(), expired=True).fingerprint
