"""A list of records that can be read: as a whole, or what changed since the last time."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worksphere_hub.sdk.api import Api

Record = Mapping[str, Any]
# Whatever a stream needs to go on: plain JSON, at most some kilobytes, without secrets.
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, those that are gone, and where to go on should everything stop after this page.

    `state` covers this page and all before it, and no more: whoever has stored the page may store it. A deletion is the
    values of the primary key, in its order.
    """

    records: Sequence[Record]
    state: State
    deleted: Sequence[tuple[Any, ...]] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """What a stream is like.

    `incremental` ones can be read from a state on; `deletes` says whether they tell what is gone (else only a whole
    read that was finished does). `schema` is the JSON Schema of a record; a field that is not in it is new.
    """

    title: str
    primary_key: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cursor_field: str | None = None
    incremental: bool = False
    deletes: bool = False
    scopes: tuple[str, ...] = ()


class Stream(ABC):
    """One stream of a connector. It has no state of its own: the same object may serve many connections at once."""

    def __init__(self, name: str, kind: Kind) -> None:
        self.name = name
        self.kind = kind

    @abstractmethod
    def read(self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None) -> AsyncIterator[Page]:
        """Read everything, or from `state` on. Reading a page twice gives the same records under the same keys.

        `only` are the stream's own parameters, such as a channel. Raises ConnectorFailed; StateExpired says to begin
        anew without a state.
        """

    async def describe(self, api: Api) -> Kind:
        """What the stream is like for this account, where that differs from one to the next."""
        del api
        return self.kind


def key_of(kind: Kind, record: Record) -> tuple[Any, ...]:
    """The values of a record's primary key, in its order."""
    return tuple(record.get(name) for name in kind.primary_key)
