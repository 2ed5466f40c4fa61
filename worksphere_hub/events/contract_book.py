"""The contracts that events are held to when they are published, looked up so rarely that publishing stays fast.

What is known of an organization's contracts is at most `contract_seconds` old. The questions of all organizations that
come up while one question is on its way to the database are asked together by the next. A schema is read and compiled
when the first event of its type comes by, and the ones unused longest are forgotten first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from worksphere_hub import clock
from worksphere_hub.db.pool import Database
from worksphere_hub.events.contracts import Contract, compile_contract
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.events.store import QUERIES
from worksphere_hub.events.violations import Violation

_ORGANIZATIONS = 10_000


class Terms(NamedTuple):
    """Which version of a contract is in force, and how. The stamp tells versions of one number apart."""

    version: int
    enforcement: Literal["warn", "reject"]
    stamp: datetime


class _Page(NamedTuple):
    """What is known of one organization: the terms of its enforced types, until a monotonic time."""

    until: float
    terms: Mapping[str, Terms]


class _Message(msgspec.Struct):
    """As much of a message as a contract is about."""

    data: msgspec.Raw


_Key = tuple[UUID, str, Terms]
_decode_message = msgspec.json.Decoder(_Message).decode


class ContractBook:
    """One per process. `binds` is the fast question, `check` the whole one."""

    def __init__(self, database: Database, settings: EventSettings) -> None:
        self._database = database
        self._seconds = settings.contract_seconds
        self._room = settings.contract_bytes
        self._pages: OrderedDict[UUID, _Page] = OrderedDict()
        self._wanted: dict[UUID, asyncio.Future[Mapping[str, Terms]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._contracts: OrderedDict[_Key, Contract] = OrderedDict()
        self._loading: dict[_Key, asyncio.Task[Contract | None]] = {}
        self._used = 0

    def binds(self, org: UUID, event_type: str) -> bool:
        """Whether `check` has to be asked: False only when it is known that no contract binds events of this type."""
        page = self._pages.get(org)
        return page is None or event_type in page.terms or page.until <= clock.monotonic()

    async def check(self, org: UUID, event_type: str, data: bytes, where: str = "data") -> Violation | None:
        """How an event's data, as JSON, breaks the contract of its type; None when nothing is to be said.

        Raises Unavailable when the database is away and what is known is too old.
        """
        terms = (await self._terms(org)).get(event_type)
        if terms is None:
            return None
        contract = await self._contract((org, event_type, terms))
        problems = contract.problems(data, where) if contract is not None else ()
        return Violation(event_type, terms.version, terms.enforcement, problems) if problems else None

    async def _terms(self, org: UUID) -> Mapping[str, Terms]:
        page = self._pages.get(org)
        if page is not None and page.until > clock.monotonic():
            return page.terms
        future = self._wanted.get(org)
        if future is None:
            future = self._wanted[org] = asyncio.get_running_loop().create_future()
            # Whoever asked may have gone by the time it fails.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return await asyncio.shield(future)

    async def _read(self) -> None:
        while self._wanted:
            batch, self._wanted = self._wanted, {}
            # Counted from before the question: what changes while it is answered counts as after it.
            until = clock.monotonic() + self._seconds
            try:
                found = await self._ask(list(batch))
            except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits must hear of it
                for future in batch.values():
                    future.set_exception(error)
                continue
            for org, future in batch.items():
                self._keep(org, _Page(until, found[org]))
                future.set_result(found[org])

    async def _ask(self, orgs: list[UUID]) -> dict[UUID, dict[str, Terms]]:
        found: dict[UUID, dict[str, Terms]] = {org: {} for org in orgs}
        for row in await self._database.call(QUERIES.find_contracts, orgs):
            found[row["org_id"]][row["name"]] = Terms(row["version"], row["enforcement"], row["stamp"])
        return found

    def _keep(self, org: UUID, page: _Page) -> None:
        # Pages are in the order in which they were read, and what is in use is read every second.
        self._pages[org] = page
        self._pages.move_to_end(org)
        while len(self._pages) > _ORGANIZATIONS:
            self._pages.popitem(last=False)

    async def _contract(self, key: _Key) -> Contract | None:
        contract = self._contracts.get(key)
        if contract is not None:
            self._contracts.move_to_end(key)
            return contract
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key))
        # One publisher who gives up must not take the contract from the others.
        return await asyncio.shield(task)

    async def _load(self, key: _Key) -> Contract | None:
        org, event_type, terms = key
        try:
            async with self._database.tenant(org) as tx:
                row = await tx.row(QUERIES.event_type_version, org, event_type, terms.version)
            if row is None or row["created_at"] != terms.stamp:
                return None  # the type was deleted meanwhile, so nothing binds its events any more
            contract = await asyncio.to_thread(compile_contract, row["schema"])
        finally:
            del self._loading[key]
        self._contracts[key] = contract
        self._used += contract.size
        while self._used > self._room and len(self._contracts) > 1:
            _, forgotten = self._contracts.popitem(last=False)
            self._used -= forgotten.size
        return contract


async def check_unchecked(book: ContractBook, org: UUID, event_type: str, body: bytes) -> Violation | None:
    """Check an event that came in past the API, from SQL, by the message that is stored of it.

    For the worker: `reject` can only mean there that the event is not delivered, since it is committed already.
    """
    if not book.binds(org, event_type):
        return None
    return await book.check(org, event_type, bytes(_decode_message(body).data))
