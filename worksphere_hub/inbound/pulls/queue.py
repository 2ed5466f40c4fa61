"""PURE: what a queue is that messages are fetched from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.clouds.credentials import AwsKeys, ServiceAccount, SharedKey
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.signer import Signer

# A host of one's own in place of the provider's.
EndpointUrl = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^https?://[^/?#@\s]+/?$")]
Shown = type[AwsKeys] | type[ServiceAccount] | type[SharedKey]
Credential = AwsKeys | ServiceAccount | SharedKey


class PullRefused(Exception):
    """The queue gave nothing, and says why by a word of its own."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message in hand until it is acknowledged by its `receipt`, or the queue takes it back."""

    id: str
    body: bytes
    attributes: Mapping[str, str]
    receipt: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of a queue's; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Queue(BaseModel, ABC):
    """One queue. Its credential is the source's secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # What `type` the credential has.
    shown: ClassVar[Shown]

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, for the guard."""

    @abstractmethod
    def receive(self, signer: Signer, now: datetime, wait: int, most: int) -> Outgoing:
        """The request for `most` messages at most, which may wait for so many seconds for something to come."""

    @abstractmethod
    def read(self, answer: Answered) -> list[Fetched]:
        """What came. Raises PullRefused."""

    @abstractmethod
    def acknowledge(self, signer: Signer, now: datetime, fetched: Sequence[Fetched]) -> list[Outgoing]:
        """The requests that say that these are kept; none of them is given to anybody again."""


def read_credential(queue: Queue, text: str) -> Credential:
    """A queue's credential from its JSON. Raises ValueError, without a part of it."""
    try:
        return msgspec.json.decode(text.encode(), type=queue.shown)
    except msgspec.MsgspecError as error:
        # msgspec quotes no values, only paths and what was expected there.
        raise ValueError(str(error)[:300]) from None


def refusal(status: int, code: str) -> PullRefused:
    """A refusal by its status and the queue's own word."""
    return PullRefused(code or f"status_{status}", f"The queue answered {status}{f': {code}' if code else ''}.")
