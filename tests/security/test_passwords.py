import asyncio
import threading
from collections.abc import AsyncIterator

import argon2
import pytest

from worksphere_hub.security.passwords import PARAMETERS, PasswordHasher, PasswordRefused, PasswordsBusy

# As cheap as Argon2 allows: what is tested here is what stands around it.
CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
GOOD = "correct horse battery"


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    made = PasswordHasher(parameters=CHEAP)
    yield made
    made.close()


class Held:
    """Hold every check of a hasher in its thread until `release` is set."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self.started, self.release = threading.Event(), threading.Event()
        self.running = self.most = 0
        self._fits, hasher._fits = hasher._fits, self._hold

    def _hold(self, stored: str, password: str) -> bool:
        self.running += 1
        self.most = max(self.most, self.running)
        self.started.set()
        assert self.release.wait(20)
        self.running -= 1
        return self._fits(stored, password)


async def test_round_trip(hasher):
    stored = await hasher.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$")
    assert GOOD not in stored
    assert await hasher.verify(stored, GOOD)
    assert not await hasher.verify(stored, GOOD + "x")
    assert not await hasher.verify(stored, GOOD.upper())
    assert await hasher.hash(GOOD) != stored


async def test_the_parameters_in_use_are_those_of_rfc_9106():
    real = PasswordHasher()
    stored = await real.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=2$")
    assert await real.verify(stored, GOOD)
    real.close()


@pytest.mark.parametrize("password", ["", "short", "9 letters", "x" * 257, "x" * 5000, "\ud800" * 12])
async def test_refused_lengths_and_characters(hasher, password):
    with pytest.raises(PasswordRefused) as refused:
        await hasher.hash(password)
    assert refused.value.problems[0].field == "password"
    assert not password or password not in str(refused.value)
    stored = await hasher.hash(GOOD)
    assert not await hasher.verify(stored, password)


@pytest.mark.parametrize("password", ["10 letters", "x" * 256, "\u00e4" * 10, "\U0001f600" * 256, "with\x00null byte"])
async def test_accepted_lengths_count_characters(hasher, password):
    assert await hasher.verify(await hasher.hash(password), password)


async def test_the_same_password_composed_differently_is_the_same(hasher):
    stored = await hasher.hash("Pa\u0308sswo\u0308rter")
    assert await hasher.verify(stored, "P\u00e4ssw\u00f6rter")


async def test_an_unknown_user_costs_a_real_check(hasher, monkeypatch):
    checked: list[str] = []
    fits = hasher._fits
    monkeypatch.setattr(hasher, "_fits", lambda stored, password: checked.append(stored) or fits(stored, password))
    assert not await hasher.verify(None, GOOD)
    assert not await hasher.verify(None, "short")
    stored = await hasher.hash(GOOD)
    assert not await hasher.verify(stored, "short")
    assert not await hasher.verify(stored, "x" * 300)
    assert checked == [hasher._nobody] * 4
    assert argon2.extract_parameters(hasher._nobody) == CHEAP


@pytest.mark.parametrize("password", ["nobody", "", "nobody" * 2])
async def test_nothing_ever_fits_an_unknown_user(hasher, password):
    assert not await hasher.verify(None, password)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$m=8", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_a_broken_hash_never_fits(hasher, stored):
    assert not await hasher.verify(stored, GOOD)


async def test_hashes_of_older_parameters_are_noticed(hasher):
    stored = await hasher.hash(GOOD)
    assert not hasher.is_outdated(stored)
    newer = PasswordHasher(parameters=PARAMETERS)
    assert newer.is_outdated(stored)
    newer.close()


async def test_the_line_is_bounded_and_moves_on():
    narrow = PasswordHasher(at_once=1, waiting=2, parameters=CHEAP)
    stored = await narrow.hash(GOOD)
    held = Held(narrow)
    checks = [asyncio.create_task(narrow.verify(stored, GOOD)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy) as busy:
        await narrow.verify(stored, GOOD)
    assert (busy.value.status, busy.value.retry_after) == (503, 5)
    held.release.set()
    assert await asyncio.gather(*checks) == [True] * 3
    assert held.most == 1
    assert await narrow.verify(stored, GOOD)
    narrow.close()


async def test_giving_up_frees_no_place_before_the_thread_is_free():
    narrow = PasswordHasher(at_once=1, waiting=0, parameters=CHEAP)
    held = Held(narrow)
    given_up = asyncio.create_task(narrow.verify(None, GOOD))
    assert await asyncio.to_thread(held.started.wait, 20)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    with pytest.raises(PasswordsBusy):
        await narrow.verify(None, GOOD)
    held.release.set()
    # The one thread takes this up only when it is through with the other.
    await asyncio.wrap_future(narrow._threads.submit(lambda: None))
    assert not await narrow.verify(None, GOOD)
    narrow.close()
