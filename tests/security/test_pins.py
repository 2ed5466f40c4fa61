import asyncio

from tests.security.hostile import HostileReceiver
from tests.security.sending import LOOPBACK, post
from worksphere_hub.security.egress import EgressClient


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
