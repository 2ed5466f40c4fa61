"""Prefixed, time-ordered ids: `evt_` and 32 hex digits of a UUIDv7 (RFC 9562).

Inside the hub and in the database an id is the bare UUID; the prefix exists only at the edges (API, CLI, logs).
"""

import os
import re
import time
from datetime import datetime
from uuid import UUID

from worksphere_hub.errors import NotFound

_HEX32 = re.compile(r"[0-9a-f]{32}\Z")
# The system's random bytes are fetched for many ids at a time: a call for each costs more than all the rest of an id.
_AHEAD = 256
_NOISE_BYTES = 8
_noise: list[bytes] = []
# A forked process must not hand out what its parent will.
os.register_at_fork(after_in_child=_noise.clear)


def new_hex() -> str:
    """A fresh UUIDv7 as 32 hex digits: the cheapest form, which the driver takes as it is.

    The twelve bits after the milliseconds are their fraction (RFC 9562, 6.2, method 3): what is made within the same
    millisecond sorts by time as well, down to a quarter of a microsecond.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    try:
        noise = int.from_bytes(_noise.pop(), "big")
    except IndexError:
        noise = int.from_bytes(_fetch_noise(), "big")
    fraction = (nanoseconds << 12) // 1_000_000
    return f"{milliseconds:012x}7{fraction:03x}{0x8000_0000_0000_0000 | noise & 0x3FFF_FFFF_FFFF_FFFF:016x}"


def _fetch_noise() -> bytes:
    """Fetch bytes for this id and the next ones."""
    fetched = os.urandom(_AHEAD * _NOISE_BYTES)
    _noise.extend([fetched[at : at + _NOISE_BYTES] for at in range(_NOISE_BYTES, len(fetched), _NOISE_BYTES)])
    return fetched[:_NOISE_BYTES]


def new() -> UUID:
    """A fresh UUIDv7."""
    return UUID(hex=new_hex())


def encode(prefix: str, value: UUID) -> str:
    """Write `value` as a public id."""
    return f"{prefix}_{value.hex}"


def parse(prefix: str, text: str) -> UUID | None:
    """Read a public id; None when it is not one of this kind."""
    head, _, digits = text.partition("_")
    if head != prefix or not _HEX32.match(digits):
        return None
    return UUID(hex=digits)


def decode(prefix: str, text: str, missing: type[NotFound] = NotFound) -> UUID:
    """Read a public id. A malformed one answers exactly like a missing one, which is why `missing` says how that is."""
    value = parse(prefix, text)
    if value is None:
        raise missing
    return value


def floor(moment: datetime) -> UUID:
    """The smallest id of a moment: what was made at it or later has a larger one. As `hub.uuidv7_floor()`."""
    milliseconds = min(max(int(moment.timestamp() * 1000), 0), 2**48 - 1)
    return UUID(int=milliseconds << 80)
