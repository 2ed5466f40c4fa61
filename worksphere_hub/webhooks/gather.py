"""PURE: gather the items of an endpoint until there are enough to go together, or the first has waited long enough."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

Item = TypeVar("Item")


@dataclass(slots=True)
class _Batch(Generic[Item]):
    """What waits for an endpoint, and the moment at which it goes however few it is."""

    due: float
    items: list[Item] = field(default_factory=list[Item])


class Gatherer(Generic[Item]):
    """At most one open batch for each endpoint, in which the order of the items is that of their coming.

    Moments are seconds of one clock, the monotonic one; a batch leaves with its `size`th item, or `wait` seconds after
    its first. Whoever takes a batch out owns it: nothing is in two.
    """

    def __init__(self, size: int, wait: float) -> None:
        self._size = size
        self._wait = wait
        self._open: dict[UUID, _Batch[Item]] = {}

    def __len__(self) -> int:
        """How many items wait."""
        return sum(len(batch.items) for batch in self._open.values())

    def add(
        self, endpoint: UUID, item: Item, now: float, *, size: int | None = None, wait: float | None = None
    ) -> list[Item] | None:
        """Take an item in; answers the batch that it made full.

        `size` and `wait` are the endpoint's own, where it has any. They may change while a batch is open: the smaller
        size holds at once, and a later item may make its batch leave earlier but never later.
        """
        due = now + (self._wait if wait is None else wait)
        batch = self._open.get(endpoint)
        if batch is None:
            batch = self._open[endpoint] = _Batch[Item](due)
        batch.due = min(batch.due, due)
        batch.items.append(item)
        if len(batch.items) < (self._size if size is None else size):
            return None
        return self._open.pop(endpoint).items

    def due(self, now: float) -> list[tuple[UUID, list[Item]]]:
        """Take out the batches that have waited long enough, the longest due first."""
        ready = [(endpoint, batch) for endpoint, batch in self._open.items() if batch.due <= now]
        ready.sort(key=lambda each: each[1].due)
        for endpoint, _ in ready:
            del self._open[endpoint]
        return [(endpoint, batch.items) for endpoint, batch in ready]

    def next_due(self) -> float | None:
        """The moment at which the next batch has waited long enough; None when nothing waits."""
        return min((batch.due for batch in self._open.values()), default=None)

    def flush(self) -> list[tuple[UUID, list[Item]]]:
        """Take out everything, the longest waiting first."""
        return self.due(float("inf"))
