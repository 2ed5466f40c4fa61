from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.security.envelope import Place, Ring, SealBroken, WrappedKey, Wrapper, sealing_version
from worksphere_hub.security.master_key import MasterKey, MasterKeys

ORG = UUID("0198f0c0-a1b2-7c3d-8e4f-5a6b7c8d9e0f")
PLACE = Place("webhook_endpoints", "secret", "1")
MASTER = MasterKeys(MasterKey(bytes(range(32))))
WRAPPER = Wrapper(MASTER, "hub")

# Made by the first version of this format. They open in every later one, or stored secrets are lost.
KNOWN_KEY = (
    "010103119e4f81e43bfb60f4d881c60f7837689996e8f0a326d130622d65a9ec994bfe12653da6abfeb655c1794249d5"
    "f7a6ad31bdbb3ae72c3d164165ff"
)
KNOWN_FIELD = "0101000000078a7f6f7a16c7ab0c2f75f41491879b814b2f1550f635c3f887473ab5e0bc7fbfb86fa6c46b75aa1914"


def ring(*keys: WrappedKey) -> Ring:
    return Ring(ORG, "cred", keys, WRAPPER.cipher, expires=0)


def test_what_was_sealed_by_the_first_version_still_opens():
    key = WrappedKey(ORG, "cred", 7, bytes.fromhex(KNOWN_KEY), MASTER.current.kek_id, "retired")
    assert ring(key).open(PLACE, bytes.fromhex(KNOWN_FIELD)) == b"an old secret"


def test_the_writing_key_is_the_highest_active_version():
    keys = [WRAPPER.new_key(ORG, "cred", version) for version in (3, 1, 5, 4)]
    keys[2] = keys[2]._replace(state="retired")
    made = ring(*keys)
    assert made.writing == 4
    assert sealing_version(made.seal(PLACE, b"x")) == 4
    assert 5 in made
    assert 2 not in made


def test_without_an_active_key_nothing_is_sealed():
    retired = WRAPPER.new_key(ORG, "cred", 1)._replace(state="retired")
    for made in (ring(), ring(retired)):
        assert made.writing is None
        with pytest.raises(SealBroken):
            made.seal(PLACE, b"x")


def test_new_keys_differ_and_rewrapping_changes_the_wrapping_only():
    one, two = WRAPPER.new_key(ORG, "cred", 1), WRAPPER.new_key(ORG, "cred", 1)
    sealed = ring(one).seal(PLACE, b"x")
    with pytest.raises(SealBroken):
        ring(two).open(PLACE, sealed)
    newer = MasterKeys(MasterKey(bytes(range(1, 33))), (MASTER.current,))
    rewrapped = Wrapper(newer, "hub").rewrap(one)
    assert rewrapped.kek_id == newer.current.kek_id != one.kek_id
    assert rewrapped.wrapped != one.wrapped
    assert rewrapped._replace(wrapped=b"", kek_id="") == one._replace(wrapped=b"", kek_id="")
    assert Ring(ORG, "cred", [rewrapped], Wrapper(newer, "hub").cipher, expires=0).open(PLACE, sealed) == b"x"


@given(st.binary(max_size=80))
def test_any_bytes_have_a_version_or_are_broken(sealed):
    try:
        version = sealing_version(sealed)
    except SealBroken:
        assert len(sealed) < 34 or sealed[:2] != b"\x01\x01"
    else:
        assert sealed[2:6] == version.to_bytes(4, "big")
