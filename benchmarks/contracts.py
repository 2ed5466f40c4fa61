"""What an event contract costs an event: python -m benchmarks.contracts. No database: what is known stays known."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from worksphere_hub import clock
from worksphere_hub.events.contract_book import ContractBook
from worksphere_hub.events.message import EventInput, prepare
from worksphere_hub.events.settings import EventSettings

ROUNDS, EVENTS = 5, 20_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = {
    "type": "object",
    "required": ["id", "amount", "customer", "lines"],
    "properties": {
        "id": {"type": "string", "pattern": "^in_[0-9]+$"},
        "amount": {"type": "integer", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "customer": {"$ref": "#/$defs/customer"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "integer"}}}},
    },
    "$defs": {"customer": {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}}},
}
DATA = {
    "id": "in_1",
    "amount": 5,
    "currency": "EUR",
    "customer": {"mail": "ada@example.com"},
    "lines": [{"price": number, "text": "x" * 60} for number in range(10)],
}


class Known:
    """A database that knows one organization's contract."""

    def __init__(self, org: UUID) -> None:
        self.org = org

    async def call(self, _: str, orgs: list[UUID]) -> list[dict[str, object]]:
        if self.org not in orgs:
            return []
        return [{"org_id": self.org, "name": "invoice.paid", "enforcement": "reject", "version": 1, "stamp": NOW}]

    @asynccontextmanager
    async def tenant(self, _: UUID):  # noqa: ANN201 - a stand-in
        yield self

    async def row(self, *_: object) -> dict[str, object]:
        return {"created_at": NOW, "schema": SCHEMA}


async def measure(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Print the median microseconds of CPU an event."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        await work()
        found.append((time.process_time() - began) / EVENTS * 1e6)
    print(f"| {name} | {statistics.median(found):.2f} us |")


async def main() -> None:
    """Measure what publishing does anyway, then what a contract adds."""
    settings = EventSettings(contract_seconds=1e9)
    bound, free = uuid4(), uuid4()
    book = ContractBook(Known(bound), settings)  # pyright: ignore[reportArgumentType] - a stand-in
    good = msgspec.json.encode(DATA)
    bad = msgspec.json.encode({**DATA, "amount": -1})
    await book.check(bound, "invoice.paid", good)
    await book.check(free, "invoice.paid", good)
    given = EventInput("invoice.paid", msgspec.Raw(good))

    async def unbound() -> None:
        for _ in range(EVENTS):
            if book.binds(free, "invoice.paid"):
                raise AssertionError

    print(f"{EVENTS:,} events of {len(good)} bytes, median of {ROUNDS} rounds\n\n| what | CPU an event |\n|---|---|")
    await measure("the loop itself", empty)
    await measure("writing the message, with or without contracts", lambda: write(given, free, settings))
    await measure("organization without event types", unbound)
    await measure("event that keeps to its contract", lambda: checked(book, bound, good))
    await measure("event that breaks it", lambda: checked(book, bound, bad))


async def empty() -> None:
    """Nothing, as often."""
    for _ in range(EVENTS):
        pass


async def write(given: EventInput, org: UUID, settings: EventSettings) -> None:
    """What every event costs on this way."""
    for _ in range(EVENTS):
        prepare(given, org, clock.now(), settings)


async def checked(book: ContractBook, org: UUID, data: bytes) -> None:
    """Ask as the publish route does."""
    for _ in range(EVENTS):
        if book.binds(org, "invoice.paid"):
            await book.check(org, "invoice.paid", data)


if __name__ == "__main__":
    asyncio.run(main())
