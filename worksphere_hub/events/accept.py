"""Group commit: whatever arrives while one commit runs is written by the next.

No event waits for company: the first of a quiet moment is written at once. Under load the batch grows by itself to
what arrived during a commit, and one transaction carries hundreds.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.errors import HubError
from worksphere_hub.events import store
from worksphere_hub.events.errors import EventIdReused, OrganizationClosed, TooManyWaiting
from worksphere_hub.events.models import Accepted, NewEvent, public_id
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.http.errors import IdempotencyKeyReused

Outcome = Accepted | HubError


class Acceptor:
    """Takes events from many requests and commits them in batches. One per process."""

    def __init__(
        self,
        database: Database,
        settings: EventSettings,
        *,
        on_committed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_committed` is told how many events each commit stored, after it: the doorbell and the counters."""
        self._database = database
        self._settings = settings
        self._on_committed = on_committed
        self._waiting: deque[tuple[NewEvent, asyncio.Future[Outcome]]] = deque()
        self._flusher: asyncio.Task[None] | None = None

    async def accept(self, event: NewEvent) -> Accepted:
        """Return once the event, its deliveries and its idempotency record are committed; raise when it was refused."""
        outcome = await self._enqueue([event])[0]
        if isinstance(outcome, HubError):
            raise outcome
        return outcome

    async def accept_all(self, events: Sequence[NewEvent]) -> list[Outcome]:
        """Like `accept` for several; each has an outcome of its own, in the order given."""
        return list(await asyncio.gather(*self._enqueue(events)))

    async def close(self) -> None:
        """Wait until everything taken in is committed."""
        while self._flusher is not None and not self._flusher.done():
            await asyncio.wait([self._flusher])

    def _enqueue(self, events: Sequence[NewEvent]) -> list[asyncio.Future[Outcome]]:
        if len(self._waiting) + len(events) > self._settings.waiting_limit:
            raise TooManyWaiting(retry_after=1.0)
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Outcome]] = []
        for event in events:
            future: asyncio.Future[Outcome] = loop.create_future()
            futures.append(future)
            self._waiting.append((event, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = loop.create_task(self._flush())
        return futures

    async def _flush(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._settings.commit_batch)
            batch = [self._waiting.popleft() for _ in range(size)]
            await self._commit(batch)

    async def _commit(self, batch: list[tuple[NewEvent, asyncio.Future[Outcome]]]) -> None:
        try:
            rows = await store.accept(self._database, [event for event, _ in batch], self._settings.key_days)
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiting request must hear of it
            if len(batch) > 1 and not is_passing(error):
                # One event that the database cannot store must not take the others down with it.
                for one in batch:
                    await self._commit([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        unstored = {row["id"].hex: row for row in rows} if rows else {}
        for event, future in batch:
            if not future.done():
                future.set_result(_outcome(event, unstored.get(event.id)))
        self._on_committed(len(batch) - len(unstored))


def _outcome(event: NewEvent, row: Row | None) -> Outcome:
    if row is None:
        return Accepted(event.key or f"evt_{event.id}", event.accepted_at)
    if row["first_id"] is None:
        return OrganizationClosed()
    if row["same_request"]:
        first: UUID = row["first_id"]
        return Accepted(public_id(first, row["first_key"]), row["first_accepted_at"], replayed=True)
    if event.key is not None:
        return EventIdReused(
            f"Another event was accepted as {ids.encode('evt', row['first_id'])} under this id. "
            "Give each event an id of its own."
        )
    return IdempotencyKeyReused("Send the same request again, or take another key.")
