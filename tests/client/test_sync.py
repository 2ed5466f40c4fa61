"""The waiting face: the same methods, from any thread."""

import asyncio
import inspect
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from worksphere_hub.client import AsyncHub, Event, Hub, Unusable


def use(base_url, key):
    kind = f"sync.{secrets.token_hex(4)}"
    with Hub(base_url, key) as hub:
        first = hub.publish(kind, {"n": 0})
        with ThreadPoolExecutor(4) as threads:
            stored = list(threads.map(lambda number: hub.publish(kind, {"n": number}), range(1, 8)))
        hub.publish_batch([Event(kind, {"n": 8})])
        events = list(hub.events(type=kind, limit=2))
        with pytest.raises(Unusable):
            hub.publish("not a type", {})
        assert hub.event(first.id)["type"] == kind
    hub.close()
    assert len({first.id, *(one.id for one in stored)}) == 8
    return sorted(event["data"]["n"] for event in events)


async def test_it_publishes_and_reads_from_many_threads(hub):
    assert await asyncio.to_thread(use, hub.base_url, hub.key) == list(range(9))


def test_it_has_every_method_that_the_other_has():
    def public(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Hub) == public(AsyncHub) | {"wait_for"}
    assert inspect.getdoc(Hub.publish) == inspect.getdoc(AsyncHub.publish)
