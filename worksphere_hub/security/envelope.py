"""The cryptography of the vault, without its store: data keys under a master key, fields under data keys.

A sealed field is `0x01 | algorithm(1) | key version(4) | nonce(12) | ciphertext | tag(16)`. Its place is
authenticated with it, not stored in it: in another row, table, purpose or organization it does not open.
"""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from worksphere_hub.errors import HubError
from worksphere_hub.security.master_key import MasterKeys

PURPOSES = frozenset({"cred", "payload", "index", "audit"})
ACTIVE = "active"
RETIRED = "retired"

_HEAD = b"\x01\x01"  # format 1, AES-256-GCM
_KEY_BYTES = 32
_FIELD_OVERHEAD = len(_HEAD) + 4 + 12 + 16
_WRAPPED_LENGTH = len(_HEAD) + 12 + _KEY_BYTES + 16


class SealBroken(HubError):
    """A sealed value does not open."""

    # One answer for every cause: which of them it was would help whoever tampered, and nobody else.
    code = "seal_broken"
    status = 500


class Place(NamedTuple):
    """Where a sealed value lives; it opens nowhere else."""

    table: str
    column: str
    row: str


class WrappedKey(NamedTuple):
    """A data key as it is stored: encrypted by the master key `kek_id`; `state` is active or retired."""

    org: UUID
    purpose: str
    version: int
    wrapped: bytes
    kek_id: str
    state: str


class Wrapper:
    """Make data keys and wrap them, bound to deployment, organization, purpose and version."""

    def __init__(self, master_keys: MasterKeys, deployment: str) -> None:
        self._master_keys = master_keys
        self._deployment = deployment.encode()

    def new_key(self, org: UUID, purpose: str, version: int) -> WrappedKey:
        """A fresh active data key, wrapped under the current master key."""
        blank = WrappedKey(org, purpose, version, b"", self._master_keys.current.kek_id, ACTIVE)
        return self._wrap(blank, os.urandom(_KEY_BYTES))

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same data key under the current master key; the key as it is when it is there already."""
        current = self._master_keys.current.kek_id
        if key.kek_id == current:
            return key
        return self._wrap(key._replace(kek_id=current), self._unwrap(key))

    def cipher(self, key: WrappedKey) -> AESGCM:
        """The data key, ready for use. Raises SealBroken or MasterKeyMissing."""
        return AESGCM(self._unwrap(key))

    def secret(self, key: WrappedKey) -> bytes:
        """The data key itself, for keyed digests. Raises SealBroken or MasterKeyMissing."""
        return self._unwrap(key)

    def _wrap(self, key: WrappedKey, data_key: bytes) -> WrappedKey:
        nonce = os.urandom(12)
        master = AESGCM(self._master_keys.find(key.kek_id).secret)
        return key._replace(wrapped=_HEAD + nonce + master.encrypt(nonce, data_key, self._context(key)))

    def _unwrap(self, key: WrappedKey) -> bytes:
        master = AESGCM(self._master_keys.find(key.kek_id).secret)
        if len(key.wrapped) != _WRAPPED_LENGTH or key.wrapped[:2] != _HEAD:
            raise SealBroken
        try:
            return master.decrypt(key.wrapped[2:14], key.wrapped[14:], self._context(key))
        except InvalidTag:
            raise SealBroken from None

    def _context(self, key: WrappedKey) -> bytes:
        version = key.version.to_bytes(4, "big")
        return _prefixed(b"hub/key/1", self._deployment, key.org.bytes, key.purpose.encode(), version)


class Ring:
    """The data keys of one organization for one purpose, unwrapped as they are needed."""

    def __init__(
        self,
        org: UUID,
        purpose: str,
        keys: Sequence[WrappedKey],
        unwrap: Callable[[WrappedKey], AESGCM],
        *,
        expires: float,
    ) -> None:
        """`expires` is on the monotonic clock, in seconds."""
        # A store that mixes up tenants must not make one tenant's values readable with another's key.
        if any(key.org != org or key.purpose != purpose for key in keys):
            raise SealBroken
        self.expires = expires
        self.writing = max((key.version for key in keys if key.state == ACTIVE), default=None)
        self._keys = {key.version: key for key in keys}
        self._unwrap = unwrap
        self._ciphers: dict[int, AESGCM] = {}
        self._head = _prefixed(b"hub/1", org.bytes, purpose.encode())

    def __contains__(self, version: int) -> bool:
        return version in self._keys

    def seal(self, place: Place, plaintext: bytes) -> bytes:
        """Encrypt under the writing key."""
        version = self.writing
        if version is None:
            raise SealBroken
        nonce = os.urandom(12)
        sealed = self._cipher(version).encrypt(nonce, plaintext, self._context(place, version))
        return b"".join((_HEAD, version.to_bytes(4, "big"), nonce, sealed))

    def open(self, place: Place, sealed: bytes) -> bytes:
        """Decrypt under the key that sealed it. Raises SealBroken or MasterKeyMissing."""
        version = sealing_version(sealed)
        cipher = self._ciphers.get(version) or self._cipher(version)
        try:
            return cipher.decrypt(sealed[6:18], sealed[18:], self._context(place, version))
        except InvalidTag:
            raise SealBroken from None

    def _cipher(self, version: int) -> AESGCM:
        cipher = self._ciphers.get(version)
        if cipher is None:
            if version not in self._keys:
                raise SealBroken
            cipher = self._ciphers[version] = self._unwrap(self._keys[version])
        return cipher

    def _context(self, place: Place, version: int) -> bytes:
        table, column, row = place
        number = version.to_bytes(4, "big")
        return self._head + _prefixed(table.encode(), column.encode(), row.encode(), number)


def sealing_version(sealed: bytes) -> int:
    """The version of the data key that sealed this. Raises SealBroken."""
    if len(sealed) < _FIELD_OVERHEAD or sealed[:2] != _HEAD:
        raise SealBroken
    return int.from_bytes(sealed[2:6], "big")


def _prefixed(*parts: bytes) -> bytes:
    # Each part with its length before it: ("ab", "c") and ("a", "bc") must not authenticate the same bytes.
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])
