"""What a program hands to the client, and what it gets back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worksphere_hub.client.errors import Problem


@dataclass(frozen=True, slots=True)
class Event:
    """One event to publish. `data` is anything JSON can say; with `id`, your own, publishing again does nothing."""

    type: str
    data: Any
    id: str | None = None
    occurred_at: datetime | None = None
    channels: Sequence[str] | None = None
    ordering_key: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """An event that is stored. `replayed`: it was before, and this is the answer from then."""

    id: str
    accepted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of a batch that was not stored, and why."""

    code: str
    detail: str
    problems: tuple[Problem, ...] = ()
