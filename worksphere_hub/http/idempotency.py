"""PURE: what an Idempotency-Key looks like, what makes two requests the same, and who remembers answers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from worksphere_hub.errors import FieldProblem, InvalidInput

HEADER = "idempotency-key"
REPLAYED = "idempotency-replayed"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Claimed:
    """Nobody used this key before: go on, then call `finish` or `abandon`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer that was given the first time."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The first request with this key has not been answered yet."""


Claim = Claimed | Stored | Mismatch | InProgress


class AnswerStore(Protocol):
    """Where answers wait for a repetition of their request.

    An answer may hold a secret that is shown once (a new API key, a webhook secret): an implementation keeps
    bodies sealed for the organization, and only for as long as a client may retry. A claim that is neither
    finished nor abandoned (its process died) must lapse; until then its key is InProgress.
    """

    async def claim(self, org: UUID, key: str, fingerprint: bytes) -> Claim:
        """Take the key, in one step that only one of two simultaneous callers wins."""
        ...

    async def finish(self, org: UUID, key: str, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Keep the answer of a claimed key."""
        ...

    async def abandon(self, org: UUID, key: str) -> None:
        """Give a claimed key back: the request failed and changed nothing."""
        ...


def check_key(key: str) -> str:
    """Return the key if it is 1 to 255 visible ASCII characters; raises InvalidInput on its header if not."""
    if not 1 <= len(key) <= _LONGEST or not all("!" <= character <= "~" for character in key):
        message = f"must be 1 to {_LONGEST} visible ASCII characters; a UUID is a good one"
        raise InvalidInput(f"{HEADER} {message}.", problems=[FieldProblem(HEADER, message)])
    return key


def fingerprint(method: str, path: str, body: bytes, caller: str = "") -> bytes:
    """Digest what makes two requests the same; `path` holds the query, `caller` who asks."""
    digest = hashlib.sha256()
    # Each part with its length, or moving a character across a border would not show.
    for part in (method.encode(), path.encode("utf-8", "surrogateescape"), body, caller.encode()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
