"""Answers that are fresh enough, asked for once."""

import asyncio

import pytest

from worksphere_hub import clock
from worksphere_hub.accounts import freshness
from worksphere_hub.accounts.freshness import Fresh


class Source:
    """Something to look up in, which answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def look_up(self, key: str) -> int:
        self.asked.append(key)
        number = len(self.asked)
        await self.gate.wait()
        if self.fails:
            raise ConnectionError
        return number


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_an_answer_is_believed_until_its_time_is_over():
    source = Source()
    fresh = Fresh(source.look_up, seconds=5)
    now = clock.monotonic()
    assert [await fresh.find("a", now), await fresh.find("a", now + 4)] == [1, 1]
    # Half a minute on: what is remembered is too old, whatever the look-up itself takes.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freshness.clock, "monotonic", lambda: now + 30)
        assert await fresh.find("a", now + 30) == 2


async def test_whoever_joins_late_is_not_given_what_is_too_old(monkeypatch):
    source = Source()
    fresh = Fresh(source.look_up, seconds=1)
    now = clock.monotonic()
    time = [now]
    monkeypatch.setattr(freshness.clock, "monotonic", lambda: time[0])
    source.gate.clear()
    first = asyncio.create_task(fresh.find("a", now))
    await until(lambda: source.asked)
    time[0] = now + 3
    late = asyncio.create_task(fresh.find("a", now + 3))
    await asyncio.sleep(0)
    source.gate.set()
    assert (await first, await late) == (1, 2)


async def test_one_who_gives_up_takes_nothing_from_the_others():
    source = Source()
    fresh = Fresh(source.look_up, seconds=5)
    source.gate.clear()
    tasks = [asyncio.create_task(fresh.find("a", clock.monotonic())) for _ in range(3)]
    await until(lambda: source.asked)
    tasks[0].cancel()
    source.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [1, 1]
    assert source.asked == ["a"]


async def test_a_failure_is_told_and_not_remembered():
    source = Source()
    fresh = Fresh(source.look_up, seconds=5)
    source.fails = True
    with pytest.raises(ConnectionError):
        await fresh.find("a", clock.monotonic())
    source.fails = False
    assert await fresh.find("a", clock.monotonic()) == 2


async def test_the_one_unused_longest_is_forgotten_first():
    source = Source()
    fresh = Fresh(source.look_up, seconds=60, remembered=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        await fresh.find(key, clock.monotonic())
    assert source.asked == ["a", "b", "c", "b"]


async def test_only_so_many_are_looked_up_at_once():
    source = Source()
    fresh = Fresh(source.look_up, seconds=60)
    source.gate.clear()
    tasks = [asyncio.create_task(fresh.find(str(number), clock.monotonic())) for number in range(20)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(source.asked) == freshness._AT_ONCE
    source.gate.set()
    assert len(set(await asyncio.gather(*tasks))) == 20
