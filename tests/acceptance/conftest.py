"""One hub for all tests that only look at it from outside."""

from collections.abc import AsyncIterator

import pytest

from tests.acceptance.running import RunningHub, running_hub
from tests.conftest import open_folder


@pytest.fixture(scope="session")
async def hub() -> AsyncIterator[RunningHub]:
    """A hub under `up`, with an embedded PostgreSQL of its own."""
    with open_folder() as folder:
        async with running_hub(folder / "home", HUB_WEBHOOKS_SCHEDULE="0.1,0.1", HUB_WORKER_PORT="0") as started:
            yield started
