import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tests.security.sending import Names
from worksphere_hub.security import lookups
from worksphere_hub.security.lookups import Lookups, SystemResolver


async def test_an_answer_is_kept_in_order_for_its_time():
    names = Names(a_test=[["2606:4700::1111", "93.184.216.34", "fe80::1%eth0"]])
    kept = Lookups(names, ttl=30, time_limit=1)
    for _ in range(3):
        found = await kept.find("a.test")
        assert [str(ip) for ip in found.addresses] == ["2606:4700::1111", "93.184.216.34", "fe80::1"]
    assert names.asked == ["a.test"]
    await Lookups(names, ttl=0, time_limit=1).find("a.test")
    assert names.asked == ["a.test"] * 2


async def test_a_literal_address_asks_nobody():
    names = Names()
    found = await Lookups(names, ttl=30, time_limit=1).find("127.0.0.1", ip_address("127.0.0.1"))
    assert found.addresses == (ip_address("127.0.0.1"),)
    assert found.expires == float("inf")
    assert not names.asked


@pytest.mark.parametrize("answer", [[], ["not an address"], ["93.184.216.34", "nonsense"]])
async def test_no_answer_or_an_odd_one_is_none_at_all(answer):
    names = Names(a_test=[answer])
    kept = Lookups(names, ttl=30, time_limit=1)
    assert (await kept.find("a.test")).addresses == ()
    assert (await kept.find("a.test")).addresses == ()
    assert names.asked == ["a.test"]  # a failure is remembered too, for a moment


async def test_all_who_ask_share_one_lookup_and_none_takes_it_down():
    release, asked = asyncio.Event(), 0

    async def slowly(host: str) -> Sequence[str]:
        nonlocal asked
        asked += 1
        await release.wait()
        return ["93.184.216.34"]

    kept = Lookups(slowly, ttl=30, time_limit=20)
    waiting = [asyncio.create_task(kept.find("a.test")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    release.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(result.addresses for result in results[1:])
    assert asked == 1


async def test_a_late_answer_is_there_for_the_next_who_asks():
    release = asyncio.Event()

    async def slowly(host: str) -> Sequence[str]:
        await release.wait()
        return ["93.184.216.34"]

    kept = Lookups(slowly, ttl=30, time_limit=0.05)
    assert (await kept.find("a.test")).addresses == ()
    running = kept._running["a.test"]
    release.set()
    await running
    assert (await kept.find("a.test")).addresses


async def test_the_memory_of_names_is_bounded(monkeypatch):
    monkeypatch.setattr(lookups, "_MOST_HOSTS", 5)
    names = Names(**{f"h{number}_test": [["93.184.216.34"]] for number in range(20)})
    kept = Lookups(names, ttl=30, time_limit=1)
    for number in range(20):
        assert (await kept.find(f"h{number}.test")).addresses
    assert len(kept._resolved) == 5


async def test_closing_stops_what_still_runs():
    async def never(host: str) -> Sequence[str]:
        return await asyncio.get_running_loop().create_future()

    kept = Lookups(never, ttl=30, time_limit=20)
    asking = asyncio.create_task(kept.find("a.test"))
    await asyncio.sleep(0)
    await kept.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_the_operating_system_answers_for_localhost_and_not_for_invalid(monkeypatch):
    system = SystemResolver()
    assert {"127.0.0.1", "::1"} & set(await system("localhost"))
    with pytest.raises(OSError, match=r"."):
        await system("no-such-host.invalid")
    monkeypatch.setattr(lookups, "_MOST_WAITING", 0)
    with pytest.raises(OSError, match="too many"):
        await system("localhost")
    system.close()
