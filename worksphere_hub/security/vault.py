"""Seal and open secrets under an organization's data keys, cached for a while out of a store."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from worksphere_hub import clock
from worksphere_hub.security.envelope import (
    ACTIVE,
    PURPOSES,
    RETIRED,
    Place,
    Ring,
    SealBroken,
    WrappedKey,
    Wrapper,
    sealing_version,
)
from worksphere_hub.security.master_key import (
    MasterKey,
    MasterKeyMissing,
    MasterKeyRefused,
    MasterKeys,
    create_master_key_file,
    load_master_keys,
)

__all__ = [
    "ACTIVE",
    "PURPOSES",
    "RETIRED",
    "KeyStore",
    "MasterKey",
    "MasterKeyMissing",
    "MasterKeyRefused",
    "MasterKeys",
    "Place",
    "SealBroken",
    "Vault",
    "WrappedKey",
    "create_master_key_file",
    "load_master_keys",
]


class KeyStore(Protocol):
    """Keep wrapped data keys."""

    async def load_keys(self, org: UUID, purpose: str) -> Sequence[WrappedKey]:
        """Every key of the organization for this purpose, of any version and state."""
        ...

    async def add_key(self, key: WrappedKey) -> WrappedKey:
        """Store a key; when its (org, purpose, version) is taken, leave that one alone and return it."""
        ...


class Vault:
    """Seal and open fields. Writes use the highest active key version, reads the version that sealed them."""

    def __init__(
        self,
        master_keys: MasterKeys,
        store: KeyStore,
        *,
        cache_seconds: float = 300,
        cache_size: int = 10_000,
        deployment: str = "hub",
    ) -> None:
        """`deployment` is bound into every wrapped key: it must not change during the life of a database."""
        self._store = store
        self._wrapper = Wrapper(master_keys, deployment)
        self._cache_seconds = cache_seconds
        self._cache_size = cache_size
        self._rings: OrderedDict[tuple[UUID, str], Ring] = OrderedDict()
        self._locks: WeakValueDictionary[tuple[UUID, str], asyncio.Lock] = WeakValueDictionary()
        self._forgotten = 0

    async def seal(self, org: UUID, purpose: str, place: Place, plaintext: bytes) -> bytes:
        """Encrypt `plaintext` for this place, making the organization's first key when there is none."""
        ring = self._cached((org, purpose))
        if ring is None or ring.writing is None:
            ring = await self._load((org, purpose), unfit=ring, to_write=True)
        return ring.seal(place, plaintext)

    async def open(self, org: UUID, purpose: str, place: Place, sealed: bytes) -> bytes:
        """Decrypt what was sealed for exactly this place. Raises SealBroken or MasterKeyMissing."""
        ring = self._cached((org, purpose))
        # A version that is not in the ring may come from another process that has rotated since.
        if ring is None or sealing_version(sealed) not in ring:
            ring = await self._load((org, purpose), unfit=ring)
        return ring.open(place, sealed)

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """Wrap a data key under the current master key; what it sealed stays as it is."""
        return self._wrapper.rewrap(key)

    async def rotate(self, org: UUID, purpose: str) -> WrappedKey:
        """Add a data key version: this process writes with it from now on, others once their cache runs out.

        When two rotate at once, both get the one version that won. Older versions open what they sealed.
        """
        self._require(purpose)
        key = await self._add_next((org, purpose), await self._store.load_keys(org, purpose))
        self.forget(org)
        return key

    def forget(self, org: UUID | None = None) -> None:
        """Drop the cached data keys of one organization, or of all."""
        self._forgotten += 1
        if org is None:
            self._rings.clear()
            return
        for purpose in PURPOSES:
            self._rings.pop((org, purpose), None)

    def _cached(self, name: tuple[UUID, str]) -> Ring | None:
        ring = self._rings.get(name)
        if ring is None or ring.expires <= clock.monotonic():
            return None
        self._rings.move_to_end(name)
        return ring

    async def _load(self, name: tuple[UUID, str], *, unfit: Ring | None, to_write: bool = False) -> Ring:
        """Read an organization's keys, once for all who wait; `unfit` is a cached ring that will not do."""
        org, purpose = name
        self._require(purpose)
        async with self._locks.setdefault(name, asyncio.Lock()):
            ring = self._cached(name)
            if ring is not None and ring is not unfit and not (to_write and ring.writing is None):
                return ring
            forgotten = self._forgotten
            keys = await self._store.load_keys(org, purpose)
            if to_write and not any(key.state == ACTIVE for key in keys):
                keys = [*keys, await self._add_next(name, keys)]
            expires = clock.monotonic() + self._cache_seconds
            ring = Ring(org, purpose, keys, self._wrapper.cipher, expires=expires)
            # Keys that were read before a forget() must not come back after it.
            if forgotten == self._forgotten:
                self._remember(name, ring)
            return ring

    def _remember(self, name: tuple[UUID, str], ring: Ring) -> None:
        self._rings[name] = ring
        self._rings.move_to_end(name)
        while len(self._rings) > self._cache_size:
            self._rings.popitem(last=False)

    async def _add_next(self, name: tuple[UUID, str], keys: Sequence[WrappedKey]) -> WrappedKey:
        version = max((key.version for key in keys), default=0) + 1
        return await self._store.add_key(self._wrapper.new_key(*name, version))

    @staticmethod
    def _require(purpose: str) -> None:
        if purpose not in PURPOSES:
            raise ValueError(f"a purpose is one of {', '.join(sorted(PURPOSES))}")
