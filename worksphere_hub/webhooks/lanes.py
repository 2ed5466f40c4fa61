"""PURE: which of the deliveries in a worker's hand may be sent now, so that no endpoint takes more than its share."""

from collections import deque
from collections.abc import Iterable
from uuid import UUID

from worksphere_hub.webhooks.models import Claim


class Lanes:
    """A queue for each endpoint, of which at most `width` deliveries are being sent at a time.

    An endpoint is busy, and no more of it is wanted, while half of that again is waiting for its turn: enough to go on
    with while the next are claimed.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._fill = max(1, width // 2)
        self._waiting: dict[UUID, deque[Claim]] = {}
        self._running: dict[UUID, int] = {}
        self.size = 0

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """Take claims in; answers those that may start at once."""
        started: list[Claim] = []
        for claim in claims:
            self.size += 1
            running = self._running.get(claim.endpoint, 0)
            if running < self._width:
                self._running[claim.endpoint] = running + 1
                started.append(claim)
            else:
                self._waiting.setdefault(claim.endpoint, deque()).append(claim)
        return started

    def finish(self, endpoint: UUID) -> Claim | None:
        """One of an endpoint's is done; answers the next that may start in its place."""
        self.size -= 1
        waiting = self._waiting.get(endpoint)
        if waiting:
            following = waiting.popleft()
            if not waiting:
                del self._waiting[endpoint]
            return following
        self._running[endpoint] -= 1
        if not self._running[endpoint]:
            del self._running[endpoint]
        return None

    def busy(self) -> list[UUID]:
        """Endpoints that have their fill: no more of theirs should be claimed."""
        return [endpoint for endpoint, waiting in self._waiting.items() if len(waiting) >= self._fill]

    def is_busy(self, endpoint: UUID) -> bool:
        """Whether this endpoint has its fill."""
        return len(self._waiting.get(endpoint, ())) >= self._fill

    def waiting(self) -> list[Claim]:
        """What is in hand and has not started."""
        return [claim for waiting in self._waiting.values() for claim in waiting]

    def abandon(self) -> list[Claim]:
        """Give up everything that has not started; answers it."""
        left = self.waiting()
        self._waiting.clear()
        self.size -= len(left)
        return left
