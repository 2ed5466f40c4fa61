"""Deliveries to endpoints that take batches, gathered until a batch is full or its first has waited long enough."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from worksphere_hub import clock
from worksphere_hub.webhooks.gather import Gatherer
from worksphere_hub.webhooks.hand import Job
from worksphere_hub.webhooks.models import Claim


class Gathering:
    """Makes jobs out of claims. Those of endpoints without batches pass through, each a job of its own."""

    def __init__(self, on_due: Callable[[Sequence[Job]], None]) -> None:
        """`on_due` is given the batches whose time is up."""
        self._on_due = on_due
        self._gatherer: Gatherer[Claim] = Gatherer(1, 0.0)
        self._waiting: dict[tuple[object, object], Claim] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def size(self) -> int:
        """How many deliveries wait."""
        return len(self._waiting)

    def add(self, claims: Iterable[Claim]) -> list[Job]:
        """Take claims in; answers the jobs that need not wait."""
        jobs: list[Job] = []
        for claim in claims:
            size = claim.batch_size
            if size is None or size == 1:
                jobs.append([claim])
                continue
            self._waiting[(claim.event, claim.endpoint)] = claim
            wait = (claim.batch_wait_ms or 0) / 1000
            full = self._gatherer.add(claim.endpoint, claim, clock.monotonic(), size=size, wait=wait)
            if full is not None:
                jobs.append(self._taken(full))
        if self._waiting:
            self._set_timer()
        return jobs

    def waiting(self) -> list[Claim]:
        """What has been taken in and not been made a job."""
        return list(self._waiting.values())

    def abandon(self) -> list[Claim]:
        """Give up everything that waits; answers it."""
        if self._timer is not None:
            self._timer.cancel()
        return [claim for _, batch in self._gatherer.flush() for claim in self._taken(batch)]

    def _due(self) -> None:
        self._timer = None
        self._on_due([self._taken(batch) for _, batch in self._gatherer.due(clock.monotonic())])
        self._set_timer()

    def _set_timer(self) -> None:
        moment = self._gatherer.next_due()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            pause = max(0.0, moment - clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(pause, self._due)

    def _taken(self, batch: Job) -> Job:
        for claim in batch:
            del self._waiting[(claim.event, claim.endpoint)]
        return batch
