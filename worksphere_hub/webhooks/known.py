"""PURE: which endpoints are known to be in use, and when it is time to look for others.

A claim walks the index of what is due, which is quick as long as what ended is cleared from it. A transaction that is
held open elsewhere, a backup's say, keeps that from happening, and the walk grows longer with every delivery. Then the
endpoints that the worker knows are claimed by name from where the last claim of each stopped, and the walk, which finds
the others, keeps to a small part of the time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from worksphere_hub.webhooks.models import Claim

_MOST = 256
# A walk is slow when it takes longer than this, and longer than this for each delivery that it brought. In seconds.
_SLOW = 0.02
_SLOW_EACH = 0.000_2
# A slow walk is made again after so many times its own length.
_REST = 10.0
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

    def places(self, now: float, busy: Sequence[UUID]) -> list[Place] | None:
        """What to claim by name, the longest untouched first; None when it is time to walk."""
        if now >= self._walk_at:
            return None
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

    def walked(self, began: float, ended: float, count: int) -> None:
        """Hear how long a walk took that brought `count` deliveries."""
        length = ended - began
        slow = length > max(_SLOW, count * _SLOW_EACH)
        self._walk_at = ended + length * _REST if slow else 0.0
