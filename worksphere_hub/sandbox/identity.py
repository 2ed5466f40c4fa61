"""PURE: ids and tokens that look like the vendor's and are the same on every run with the same seed."""

import hashlib
import string
import uuid
from collections import Counter

UPPER = string.ascii_uppercase + string.digits
ALL = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


class Identities:
    """A stream of names: the n-th one of a kind depends on the seed, the kind and n alone."""

    def __init__(self, seed: str = "sandbox") -> None:
        self._seed = seed
        self._made: Counter[str] = Counter()

    def text(self, kind: str, length: int, alphabet: str = ALL) -> str:
        """`length` characters of the alphabet."""
        size = len(alphabet)
        number = int.from_bytes(self._bytes(kind, length), "big")
        letters: list[str] = []
        for _ in range(length):
            number, index = divmod(number, size)
            letters.append(alphabet[index])
        return "".join(letters)

    def uuid(self, kind: str) -> str:
        """A UUID of version 4's shape."""
        return str(uuid.UUID(bytes=self._bytes(kind, 16)[:16], version=4))

    def count(self, kind: str) -> int:
        """How many of this kind there are now, this one included."""
        self._made[kind] += 1
        return self._made[kind]

    def _bytes(self, kind: str, length: int) -> bytes:
        name = f"{self._seed}:{kind}:{self.count(kind)}".encode()
        return hashlib.shake_256(name).digest(length + 8)
