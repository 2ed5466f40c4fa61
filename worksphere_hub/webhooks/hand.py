"""PURE: which of the deliveries in a worker's hand may be sent now, so that nobody takes more than a share."""

from collections import Counter, deque
from collections.abc import Iterable
from uuid import UUID

from worksphere_hub.webhooks.models import Claim

# Deliveries of one endpoint that go in one request: one, unless the endpoint takes batches.
Job = list[Claim]


class Hand:
    """A queue for each endpoint, of which at most `width` requests are under way at a time.

    An endpoint is busy, and no more of it is wanted, while half of that again is waiting for its turn: enough to go on
    with while the next are claimed. An organization is busy while it fills `org_share` deliveries of the hand, so that
    its receivers, should they all hang, leave room for the others'.
    """

    def __init__(self, width: int, org_share: int) -> None:
        self._width = width
        self._fill = max(1, width // 2)
        self._org_share = org_share
        self._waiting: dict[UUID, deque[Job]] = {}
        self._running: dict[UUID, int] = {}
        self._orgs: Counter[UUID] = Counter()
        self.size = 0

    def add(self, jobs: Iterable[Job]) -> list[Job]:
        """Take jobs in; answers those that may start at once."""
        started: list[Job] = []
        for job in jobs:
            endpoint = job[0].endpoint
            self.size += len(job)
            self._orgs[job[0].org] += len(job)
            running = self._running.get(endpoint, 0)
            if running < self._width:
                self._running[endpoint] = running + 1
                started.append(job)
            else:
                self._waiting.setdefault(endpoint, deque()).append(job)
        return started

    def finish(self, job: Job) -> Job | None:
        """One of an endpoint's jobs is done; answers the next that may start in its place."""
        endpoint = job[0].endpoint
        self._leave(job)
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

    def busy_orgs(self) -> list[UUID]:
        """Organizations that have their fill."""
        return [org for org, count in self._orgs.items() if count >= self._org_share]

    def is_busy(self, claim: Claim) -> bool:
        """Whether this delivery's endpoint or organization has its fill."""
        return len(self._waiting.get(claim.endpoint, ())) >= self._fill or self._orgs[claim.org] >= self._org_share

    def waiting(self) -> list[Claim]:
        """What is in hand and has not started."""
        return [claim for waiting in self._waiting.values() for job in waiting for claim in job]

    def abandon(self) -> list[Claim]:
        """Give up everything that has not started; answers it."""
        jobs = [job for waiting in self._waiting.values() for job in waiting]
        self._waiting.clear()
        for job in jobs:
            self._leave(job)
        return [claim for job in jobs for claim in job]

    def _leave(self, job: Job) -> None:
        self.size -= len(job)
        org = job[0].org
        self._orgs[org] -= len(job)
        if not self._orgs[org]:
            del self._orgs[org]
