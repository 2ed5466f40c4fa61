"""The proxy does to a connection what each fault says, and nothing without one."""

import asyncio
import random

import pytest

from tests.chaos.proxy import proxying

MESSAGE = bytes(range(256)) * 40


async def echo(reader, writer):
    while piece := await reader.read(4096):
        writer.write(piece)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with proxying(server.sockets[0].getsockname()[1], random.Random(1)) as made:
        yield made
    server.close()


async def talk(proxy, times=1):
    """Send the message and read as much back, so many times over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        for _ in range(times):
            writer.write(MESSAGE)
            assert await reader.readexactly(len(MESSAGE)) == MESSAGE
    finally:
        writer.close()


@pytest.mark.parametrize("fault", [None, "latency", "slice"])
async def test_what_only_slows_changes_no_byte(proxy, fault):
    proxy.set(fault)
    await talk(proxy, 2)


@pytest.mark.parametrize("fault", ["reset", "limit_data"])
async def test_what_cuts_cuts_and_is_over_when_it_is_over(proxy, fault):
    proxy.set(fault)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await talk(proxy, 100)
    assert proxy.harmed
    proxy.set(None)
    await talk(proxy)


async def test_down_refuses_and_cuts_what_there_is(proxy):
    reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
    async with asyncio.timeout(10):
        while not proxy._writers:
            await asyncio.sleep(0.001)
    proxy.set("down")
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await talk(proxy)


async def test_half_open_says_nothing_and_stays_dead(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    proxy.set("half_open")
    proxy.set(None)
    writer.write(b"b")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    writer.close()
    await talk(proxy)
