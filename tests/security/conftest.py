from collections.abc import AsyncIterator

import pytest

from tests.security.hostile import HostileReceiver
from tests.security.sending import LOOPBACK
from worksphere_hub.security.egress import EgressClient


@pytest.fixture
async def receiver() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[EgressClient]:
    async with EgressClient(LOOPBACK) as guarded:
        yield guarded
