"""The credentials the hub hands out: API keys that carry their own id and checksum, and opaque tokens.

An API key is `hub_live_`, 12 base62 of key id, `_`, 43 base62 of secret (256 bits) and 6 base62 of CRC32 over
all before. The checksum protects nothing: it lets a leak scanner, and the hub, turn down a random text
without asking the database. What is stored is an HMAC under a pepper: 256 random bits need no slow hash.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from typing import NamedTuple

from worksphere_hub.security.redact import Secret

API_KEY_PREFIX = "hub_live_"
SESSION_PREFIX = "hub_ses_"
SHORTEST_PEPPER = 16

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Two digits at a time: a checksum is written in three steps instead of six.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_ID_DIGITS = 12
_SECRET_DIGITS = 43
_CHECK_DIGITS = 6
_API_KEY = re.compile(rf"{API_KEY_PREFIX}([0-9A-Za-z]{{{_ID_DIGITS}}})_[0-9A-Za-z]{{49}}")
_TOKEN_BODY = re.compile(rf"[0-9A-Za-z]{{{_SECRET_DIGITS}}}")


class MintedKey(NamedTuple):
    """A new API key: `text` is shown once, the rest is stored."""

    key_id: str
    text: Secret
    digest: bytes
    last4: str


class ParsedKey(NamedTuple):
    """What an API key says of itself before anything was looked up."""

    key_id: str
    last4: str


class MintedToken(NamedTuple):
    """A new opaque token: `text` is handed over, only its SHA-256 `digest` is stored."""

    text: Secret
    digest: bytes


def mint_api_key(pepper: bytes) -> MintedKey:
    """Mint an API key; `pepper` is the hub's own secret of at least 16 bytes, kept outside the database."""
    # Without a pepper whoever can write to the database could plant a key of their own.
    if len(pepper) < SHORTEST_PEPPER:
        raise ValueError(f"the pepper of API keys has at least {SHORTEST_PEPPER} bytes")
    key_id = "".join([secrets.choice(_ALPHABET) for _ in range(_ID_DIGITS)])
    unchecked = f"{API_KEY_PREFIX}{key_id}_{_random_digits()}"
    text = unchecked + _checksum(unchecked)
    return MintedKey(key_id, Secret(text), digest(pepper, text), text[-4:])


def parse_api_key(text: str) -> ParsedKey | None:
    """Read an API key's id; None when format or checksum are wrong, so that no lookup is worth its cost."""
    found = _API_KEY.fullmatch(text)
    if found is None or _checksum(text[:-_CHECK_DIGITS]) != text[-_CHECK_DIGITS:]:
        return None
    return ParsedKey(found[1], text[-4:])


def digest(pepper: bytes, text: str) -> bytes:
    """What is stored of an API key: HMAC-SHA-256 under the pepper, 32 bytes."""
    return hmac.digest(pepper, text.encode(), "sha256")


def mint_token(prefix: str) -> MintedToken:
    """Mint an opaque token of 256 random bits, such as a session under `hub_ses_`."""
    text = prefix + _random_digits()
    return MintedToken(Secret(text), hashlib.sha256(text.encode()).digest())


def token_digest(prefix: str, text: str) -> bytes | None:
    """The digest under which an opaque token is stored; None when `text` is no token of this kind."""
    if not text.startswith(prefix) or _TOKEN_BODY.fullmatch(text, len(prefix)) is None:
        return None
    return hashlib.sha256(text.encode()).digest()


def same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


def _random_digits() -> str:
    number = secrets.randbits(256)
    digits: list[str] = []
    for _ in range(_SECRET_DIGITS):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _checksum(text: str) -> str:
    rest, low = divmod(zlib.crc32(text.encode()), 3844)
    high, middle = divmod(rest, 3844)
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]
