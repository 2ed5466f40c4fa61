import asyncio
import os
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worksphere_hub.security.vault import (
    KeyStore,
    MasterKey,
    MasterKeyMissing,
    MasterKeys,
    Place,
    SealBroken,
    Vault,
    WrappedKey,
)

ORG, OTHER_ORG = uuid4(), uuid4()
PLACE = Place("webhook_endpoints", "secret_sealed", "0198f0c0")
MASTER = MasterKeys(MasterKey(os.urandom(32)))


class MemoryKeys:
    """A key store with the races of a real one: `gate` holds a load open until it is released."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, str, int], WrappedKey] = {}
        self.loads = 0
        self.gate: asyncio.Event | None = None
        self.waiting = asyncio.Event()

    async def load_keys(self, org: UUID, purpose: str) -> Sequence[WrappedKey]:
        self.loads += 1
        found = [key for key in self.rows.values() if (key.org, key.purpose) == (org, purpose)]
        self.waiting.set()
        await (self.gate.wait() if self.gate else asyncio.sleep(0))
        return found

    async def add_key(self, key: WrappedKey) -> WrappedKey:
        await asyncio.sleep(0)
        return self.rows.setdefault((key.org, key.purpose, key.version), key)


store_is_a_key_store: KeyStore = MemoryKeys()


def make(**options) -> tuple[Vault, MemoryKeys]:
    store = MemoryKeys()
    return Vault(MASTER, store, **options), store


async def test_round_trip_and_layout():
    vault, store = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"whsec_x")
    assert await vault.open(ORG, "cred", PLACE, sealed) == b"whsec_x"
    assert sealed[:6] == b"\x01\x01\x00\x00\x00\x01"
    assert len(sealed) == 2 + 4 + 12 + len(b"whsec_x") + 16
    assert b"whsec_x" not in sealed
    assert store.loads == 1


async def test_equal_plaintexts_look_different():
    vault, _ = make()
    assert len({await vault.seal(ORG, "cred", PLACE, b"same") for _ in range(50)}) == 50


async def test_the_stored_data_key_is_wrapped_and_bound():
    vault, store = make()
    await vault.seal(ORG, "cred", PLACE, b"x")
    (key,) = store.rows.values()
    assert (key.org, key.purpose, key.version, key.state) == (ORG, "cred", 1, "active")
    assert key.kek_id == MASTER.current.kek_id
    assert len(key.wrapped) == 2 + 12 + 32 + 16


@pytest.mark.parametrize(
    ("org", "purpose", "place"),
    [
        (OTHER_ORG, "cred", PLACE),
        (ORG, "payload", PLACE),
        (ORG, "cred", PLACE._replace(table="api_connections")),
        (ORG, "cred", PLACE._replace(column="other")),
        (ORG, "cred", PLACE._replace(row="0198f0c1")),
        (ORG, "cred", Place("webhook_endpointss", "ecret_sealed", PLACE.row)),
        (ORG, "cred", Place("webhook_endpoints", "secret_sealed0", "198f0c0")),
    ],
)
async def test_it_opens_in_no_other_place(org, purpose, place):
    vault, _ = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"secret")
    await vault.seal(org, purpose, place, b"so that a key of the same version exists there")
    with pytest.raises(SealBroken) as broken:
        await vault.open(org, purpose, place, sealed)
    assert str(broken.value) == SealBroken.title()


@pytest.mark.parametrize(
    "sealed", [b"", b"\x01", b"plain secret", b"\x00" * 40, b"\x01\x02" + bytes(40), b"\x01\x01" + bytes(31)]
)
async def test_what_was_never_sealed_is_never_passed_through(sealed):
    vault, _ = make()
    await vault.seal(ORG, "cred", PLACE, b"x")
    with pytest.raises(SealBroken):
        await vault.open(ORG, "cred", PLACE, sealed)


async def test_opening_makes_no_key():
    vault, store = make()
    with pytest.raises(SealBroken):
        await vault.open(ORG, "cred", PLACE, b"\x01\x01\x00\x00\x00\x01" + bytes(40))
    assert not store.rows


@given(
    plaintext=st.binary(max_size=300),
    place=st.builds(Place, st.text("ab_", max_size=4), st.text("ab_", max_size=4), st.text("ab_", max_size=4)),
    elsewhere=st.builds(Place, st.text("ab_", max_size=4), st.text("ab_", max_size=4), st.text("ab_", max_size=4)),
    data=st.data(),
)
@settings(max_examples=150)
def test_any_changed_bit_or_context_fails(plaintext, place, elsewhere, data):
    async def scenario() -> None:
        vault, _ = make()
        sealed = await vault.seal(ORG, "cred", place, plaintext)
        assert await vault.open(ORG, "cred", place, sealed) == plaintext
        bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            await vault.open(ORG, "cred", place, bytes(changed))
        cut = data.draw(st.integers(0, len(sealed) - 1))
        with pytest.raises(SealBroken):
            await vault.open(ORG, "cred", place, sealed[:cut])
        if elsewhere != place:
            with pytest.raises(SealBroken):
                await vault.open(ORG, "cred", elsewhere, sealed)

    asyncio.run(scenario())


STEPS = st.sampled_from(["seal a", "seal b", "rotate a", "rotate b", "rewrap", "change master", "forget a", "open all"])


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=100)
def test_everything_opens_whatever_is_rotated_in_between(steps):
    """Two processes share a store; master keys change, data keys rotate, caches go stale."""

    async def scenario() -> None:
        store = MemoryKeys()
        masters = [MasterKey(os.urandom(32))]
        vaults = {name: Vault(MasterKeys(masters[0]), store) for name in "ab"}
        sealed: list[tuple[bytes, bytes]] = []
        for number, step in enumerate([*steps, "open all"]):
            verb, _, subject = step.partition(" ")
            if verb == "seal":
                plaintext = b"%d" % number
                sealed.append((plaintext, await vaults[subject].seal(ORG, "cred", PLACE, plaintext)))
            elif verb == "rotate":
                before = len(store.rows)
                key = await vaults[subject].rotate(ORG, "cred")
                assert len(store.rows) == before + 1
                again = await vaults[subject].seal(ORG, "cred", PLACE, b"")
                assert int.from_bytes(again[2:6], "big") == key.version
            elif verb == "rewrap":
                store.rows = {name: vaults["a"].rewrap(key) for name, key in store.rows.items()}
                assert {key.kek_id for key in store.rows.values()} <= {masters[0].kek_id}
            elif verb == "change":
                masters.insert(0, MasterKey(os.urandom(32)))
                keys = MasterKeys(masters[0], tuple(masters[1:]))
                vaults = {name: Vault(keys, store) for name in "ab"}
            elif verb == "forget":
                vaults[subject].forget(ORG)
            else:
                for vault in vaults.values():
                    for plaintext, value in sealed:
                        assert await vault.open(ORG, "cred", PLACE, value) == plaintext

    asyncio.run(scenario())


async def test_after_a_rewrap_the_old_master_key_is_no_longer_needed():
    vault, store = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"secret")
    new = MasterKey(os.urandom(32))
    with pytest.raises(MasterKeyMissing, match=MASTER.current.kek_id):
        await Vault(MasterKeys(new), store).open(ORG, "cred", PLACE, sealed)
    mover = Vault(MasterKeys(new, (MASTER.current,)), store)
    for name, key in list(store.rows.items()):
        store.rows[name] = mover.rewrap(key)
        assert mover.rewrap(store.rows[name]) is store.rows[name]
    assert await Vault(MasterKeys(new), store).open(ORG, "cred", PLACE, sealed) == b"secret"


async def test_a_key_whose_master_is_missing_does_not_block_the_others():
    vault, store = make()
    old = await vault.seal(ORG, "cred", PLACE, b"old")
    later = Vault(MasterKeys(MasterKey(os.urandom(32))), store)
    await later.rotate(ORG, "cred")
    assert await later.open(ORG, "cred", PLACE, await later.seal(ORG, "cred", PLACE, b"new")) == b"new"
    with pytest.raises(MasterKeyMissing):
        await later.open(ORG, "cred", PLACE, old)


@pytest.mark.parametrize("change", ["org", "purpose", "version", "deployment", "bit", "short"])
async def test_a_wrapped_key_serves_only_where_it_was_made(change):
    vault, store = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"secret")
    (key,) = store.rows.values()
    moved = {
        "org": key._replace(org=OTHER_ORG),
        "purpose": key._replace(purpose="audit"),
        "version": key._replace(version=2),
        "deployment": key,
        "bit": key._replace(wrapped=key.wrapped[:-1] + bytes([key.wrapped[-1] ^ 1])),
        "short": key._replace(wrapped=key.wrapped[:-1]),
    }[change]
    thief = MemoryKeys()
    thief.rows[(moved.org, moved.purpose, moved.version)] = moved
    other = Vault(MASTER, thief, deployment="elsewhere" if change == "deployment" else "hub")
    with pytest.raises(SealBroken):
        await other.open(moved.org, moved.purpose, PLACE, sealed[:2] + moved.version.to_bytes(4, "big") + sealed[6:])


async def test_a_store_that_mixes_up_tenants_is_caught():
    class Mixed(MemoryKeys):
        async def load_keys(self, *_: object) -> Sequence[WrappedKey]:
            return list(self.rows.values())

    store = Mixed()
    vault = Vault(MASTER, store)
    await vault.seal(ORG, "cred", PLACE, b"x")
    with pytest.raises(SealBroken):
        await vault.seal(OTHER_ORG, "cred", PLACE, b"x")


async def test_a_hundred_callers_wait_for_one_load_and_one_key():
    vault, store = make()
    sealed = await asyncio.gather(*(vault.seal(ORG, "cred", PLACE, b"%d" % n) for n in range(100)))
    assert store.loads == len(store.rows) == 1
    opened = await asyncio.gather(*(vault.open(ORG, "cred", PLACE, value) for value in sealed))
    assert opened == [b"%d" % n for n in range(100)]


async def test_two_processes_agree_on_the_first_key():
    store = MemoryKeys()
    first, second = Vault(MASTER, store), Vault(MASTER, store)
    one, two = await asyncio.gather(first.seal(ORG, "cred", PLACE, b"1"), second.seal(ORG, "cred", PLACE, b"2"))
    assert len(store.rows) == 1
    assert await second.open(ORG, "cred", PLACE, one) == b"1"
    assert await first.open(ORG, "cred", PLACE, two) == b"2"


async def test_two_that_rotate_at_once_get_the_same_winner():
    store = MemoryKeys()
    first, second = Vault(MASTER, store), Vault(MASTER, store)
    await first.seal(ORG, "cred", PLACE, b"")
    assert await first.rotate(ORG, "cred") == store.rows[(ORG, "cred", 2)]
    one, two = await asyncio.gather(first.rotate(ORG, "cred"), second.rotate(ORG, "cred"))
    assert one == two == store.rows[(ORG, "cred", 3)]


async def test_a_retired_key_opens_but_never_seals():
    vault, store = make(cache_seconds=0)
    old = await vault.seal(ORG, "cred", PLACE, b"old")
    name = (ORG, "cred", 1)
    store.rows[name] = store.rows[name]._replace(state="retired")
    new = await vault.seal(ORG, "cred", PLACE, b"new")
    assert new[2:6] == b"\x00\x00\x00\x02"
    assert await vault.open(ORG, "cred", PLACE, old) == b"old"


async def test_the_cache_expires_is_bounded_and_forgets():
    fresh, store = make(cache_seconds=0)
    sealed = await fresh.seal(ORG, "cred", PLACE, b"x")
    await fresh.open(ORG, "cred", PLACE, sealed)
    assert store.loads == 2

    small, store = make(cache_size=2)
    orgs = [uuid4() for _ in range(3)]
    for org in (orgs[0], orgs[1], orgs[0], orgs[2]):
        await small.seal(org, "cred", PLACE, b"x")
    assert len(small._rings) == 2
    assert store.loads == 3
    await small.seal(orgs[0], "cred", PLACE, b"x")
    assert store.loads == 3  # used last but one, so it stayed
    await small.seal(orgs[1], "cred", PLACE, b"x")
    assert store.loads == 4
    await small.seal(orgs[0], "cred", PLACE, b"x")
    small.forget(orgs[0])
    await small.seal(orgs[0], "cred", PLACE, b"x")
    assert store.loads == 5
    small.forget()
    assert not small._rings


async def test_keys_read_before_a_forget_do_not_come_back_after_it():
    vault, store = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"x")
    vault.forget()
    store.gate = asyncio.Event()
    store.waiting.clear()
    opening = asyncio.create_task(vault.open(ORG, "cred", PLACE, sealed))
    await store.waiting.wait()
    store.rows.clear()
    vault.forget(ORG)
    store.gate.set()
    assert await opening == b"x"
    with pytest.raises(SealBroken):
        await vault.open(ORG, "cred", PLACE, sealed)


async def test_a_cancelled_caller_does_not_take_the_others_down():
    vault, store = make()
    sealed = await vault.seal(ORG, "cred", PLACE, b"x")
    vault.forget()
    store.gate = asyncio.Event()
    store.waiting.clear()
    first = asyncio.create_task(vault.open(ORG, "cred", PLACE, sealed))
    await store.waiting.wait()
    second = asyncio.create_task(vault.open(ORG, "cred", PLACE, sealed))
    first.cancel()
    store.gate.set()
    assert await second == b"x"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_unknown_purpose_is_a_programming_error():
    vault, store = make()
    for call in (vault.seal(ORG, "other", PLACE, b""), vault.rotate(ORG, "other")):
        with pytest.raises(ValueError, match="audit, cred, index, payload"):
            await call
    assert not store.rows
