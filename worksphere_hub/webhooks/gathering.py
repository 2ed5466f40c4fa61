"""Deliveries to endpoints that take batches, gathered until a batch is full or its first has waited long enough."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from worksphere_hub.webhooks.hand import Job
from worksphere_hub.webhooks.models import Claim


class Gathering:
    """Makes jobs out of claims. Those of endpoints without batches pass through, each a job of its own."""

    def __init__(self, on_due: Callable[[Sequence[Job]], None]) -> None:
        """`on_due` is given the batches whose time is up."""
        self._on_due = on_due
        self._batches: dict[UUID, Job] = {}
        self._timers: dict[UUID, asyncio.TimerHandle] = {}
        self.size = 0

    def add(self, claims: Iterable[Claim]) -> list[Job]:
        """Take claims in; answers the jobs that need not wait."""
        jobs: list[Job] = []
        for claim in claims:
            size = claim.batch_size
            if size is None or size == 1:
                jobs.append([claim])
                continue
            batch = self._batches.setdefault(claim.endpoint, [])
            batch.append(claim)
            self.size += 1
            if len(batch) >= size:
                jobs.append(self._close(claim.endpoint))
            elif len(batch) == 1:
                wait = (claim.batch_wait_ms or 0) / 1000
                self._timers[claim.endpoint] = asyncio.get_running_loop().call_later(wait, self._due, claim.endpoint)
        return jobs

    def waiting(self) -> list[Claim]:
        """What has been taken in and not been made a job."""
        return [claim for batch in self._batches.values() for claim in batch]

    def abandon(self) -> list[Claim]:
        """Give up everything that waits; answers it."""
        return [claim for endpoint in list(self._batches) for claim in self._close(endpoint)]

    def _due(self, endpoint: UUID) -> None:
        self._on_due([self._close(endpoint)])

    def _close(self, endpoint: UUID) -> Job:
        timer = self._timers.pop(endpoint, None)
        if timer is not None:
            timer.cancel()
        batch = self._batches.pop(endpoint)
        self.size -= len(batch)
        return batch
