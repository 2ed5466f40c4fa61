"""PURE: what a destination is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.signer import Signer

# What a destination's request is authorized with: keys to sign with, or a whole Authorization header.
Ready = Signer | str

_TOO_MUCH = 429
# What a success counts as that was none.
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Letter:
    """One message: what an HTTP receiver would get as its body and its `webhook-` headers.

    `key` keeps messages in order that have the same, where the destination does; None where no order is asked for.
    """

    event: UUID
    id: str
    body: bytes
    headers: Mapping[str, str]
    key: str | None = None

    @property
    def text(self) -> str:
        """The body, which is JSON or a JWE, as text."""
        return self.body.decode()

    @property
    def type(self) -> str | None:
        """The event's type, where the body still says it."""
        try:
            return msgspec.json.decode(self.body, type=_Typed).type
        except msgspec.MsgspecError:
            return None


class _Typed(msgspec.Struct):
    type: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer means: the status that counts, and what the destination said when it took nothing."""

    status: int
    problem: str | None = None


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """The configuration of one, with what is done by it."""

    # What `auth` may be for it.
    shown: ClassVar[frozenset[str]] = frozenset()
    # Whether it may be shown nothing at all.
    bare: ClassVar[bool] = False
    # Whether it takes text that is not JSON, as an encrypted body is.
    takes_text: ClassVar[bool] = True

    @property
    def address(self) -> str:
        """Where it is, for the guard, and for the record until there is a request."""
        raise NotImplementedError

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        """The request for a letter."""
        raise NotImplementedError

    def judge(self, status: int, body: bytes) -> Judgement:
        """What an answer means; as HTTP has it, where a destination does not say more."""
        del body
        return Judgement(status)


def refused(status: int, code: str, *, throttled: bool = False) -> Judgement:
    """A refusal by the destination's own word; one for too much counts as 429, whatever its status."""
    counts = _TOO_MUCH if throttled else status if status >= 300 else _REFUSED
    return Judgement(counts, code[:200] or None)
