"""Answers of a real hub are lost on the way back; what the client sends again happens once."""

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest

from worksphere_hub.client import AsyncHub, Event, Patience, Unreachable


@asynccontextmanager
async def losing(hub, answers, retries=3):
    """A client on whose way to the hub the first `answers` answers are lost, after the hub has given them."""
    lost = []

    async def pass_on(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            inward, outward = await asyncio.open_connection("127.0.0.1", hub.port)
            outward.write(head[:-2] + b"connection: close\r\n\r\n" + await reader.readexactly(length))
            answer = await inward.read()
            outward.close()
            if len(lost) < answers:
                lost.append(answer)
                writer.transport.abort()
            else:
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the client left
        finally:
            writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with AsyncHub(f"http://127.0.0.1:{port}", hub.key, patience=Patience(retries, first=0.01)) as client:
        yield client, lost
    server.close()
    await server.wait_closed()


async def count(hub, kind):
    async with AsyncHub(hub.base_url, hub.key) as client:
        return len([event async for event in client.events(type=kind)])


@pytest.mark.parametrize("given", [{}, {"id": "own"}, {"idempotency_key": "key"}], ids=lambda given: str(*given))
async def test_an_event_whose_answer_is_lost_is_published_once(hub, given):
    kind = f"lost.{secrets.token_hex(4)}"
    given = {name: f"{value}-{kind[5:]}" for name, value in given.items()}
    async with losing(hub, 2) as (client, lost):
        stored = await client.publish(kind, {"n": 1}, **given)
    assert [answer[:12] for answer in lost] == [b"HTTP/1.1 202"] * 2
    assert stored.replayed
    assert await count(hub, kind) == 1


async def test_a_batch_whose_answer_is_lost_is_published_once(hub):
    kind = f"lost.{secrets.token_hex(4)}"
    async with losing(hub, 2) as (client, lost):
        outcomes = await client.publish_batch([Event(kind, number) for number in range(20)])
    assert len(lost) == 2
    assert len({outcome.id for outcome in outcomes}) == 20
    assert await count(hub, kind) == 20


async def test_an_endpoint_whose_answer_is_lost_is_created_once_and_its_secret_is_not(hub):
    kind = f"lost.{secrets.token_hex(4)}"
    async with losing(hub, 1) as (client, _):
        made = await client.create_endpoint("http://127.0.0.1:9/", event_types=[kind])
        same = [endpoint["id"] async for endpoint in client.endpoints() if endpoint["event_types"] == [kind]]
        assert same == [made["id"]]
        assert made["secret"].startswith("whsec_")
        await client.delete_endpoint(made["id"])


async def test_when_every_answer_is_lost_the_program_is_told(hub):
    kind = f"lost.{secrets.token_hex(4)}"
    async with losing(hub, 9, retries=2) as (client, lost):
        with pytest.raises(Unreachable):
            await client.publish(kind, {})
    assert len(lost) == 3
    assert await count(hub, kind) == 1
