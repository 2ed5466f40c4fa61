"""PURE: which endpoints are known to be in use, and when to look for others.

A claim walks the index of what is due, which is quick as long as what ended is cleared from it. A transaction that is
held open elsewhere, a backup's say, keeps that from happening, and the walk grows longer with every delivery. So while
a walk takes its time, the endpoints that the worker knows are claimed by name, from where the last claim of each
stopped; and the longer walks are, the smaller a part of the time they get.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from worksphere_hub.webhooks.models import Claim

_MOST = 256
# A walk of this length, in seconds, is followed by a rest as long as itself, one of half of it by half of that, and so
# on, up to ten times its length and three seconds: an event of an endpoint that is not known waits for no longer.
_EVEN = 0.05
_MOST_TIMES = 10.0
_LONGEST_REST = 3.0
# What was accepted a moment earlier may be committed a moment later.
_MARGIN = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint, and the moment before which nothing of it is due as far as is known."""

    org: UUID
    endpoint: UUID
    floor: datetime


class Known:
    """What a worker has claimed of late, by endpoint. Moments of `now` are seconds on the monotonic clock."""

    def __init__(self) -> None:
        self._floors: OrderedDict[tuple[UUID, UUID], datetime] = OrderedDict()
        self._walk_at = 0.0

    def may_walk(self, now: float) -> bool:
        """Whether the walk has rested."""
        return now >= self._walk_at

    def places(self, busy: Sequence[UUID]) -> list[Place]:
        """What to claim by name, the longest untouched first."""
        passed_over = set(busy)
        return [
            Place(org, endpoint, floor)
            for (org, endpoint), floor in self._floors.items()
            if endpoint not in passed_over
        ]

    def took(self, claims: Sequence[Claim]) -> None:
        """Hear what a claim brought."""
        for claim in claims:
            place = (claim.org, claim.endpoint)
            floor = claim.due_at - _MARGIN
            known = self._floors.get(place)
            self._floors[place] = floor if known is None else max(known, floor)
            self._floors.move_to_end(place)
        while len(self._floors) > _MOST:
            self._floors.popitem(last=False)

    def walked(self, began: float, ended: float) -> None:
        """Hear how long a walk took."""
        length = ended - began
        self._walk_at = ended + min(length * min(length / _EVEN, _MOST_TIMES), _LONGEST_REST)
