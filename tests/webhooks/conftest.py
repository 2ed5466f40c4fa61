"""A worker's dispatcher in this process, on a fresh database, with one organization and receivers that misbehave."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from tests.security.hostile import HostileReceiver
from worksphere_hub import clock, ids
from worksphere_hub.accounts import permissions
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.db.pool import Database
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.contract_book import ContractBook
from worksphere_hub.events.message import EventInput, prepare
from worksphere_hub.events.models import Accepted
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.signing import new_secret
from worksphere_hub.security.vault import MasterKey, MasterKeys, Vault
from worksphere_hub.webhooks.breaker import BreakerSettings
from worksphere_hub.webhooks.configuration import merged
from worksphere_hub.webhooks.courier import Courier
from worksphere_hub.webhooks.directory import open_directory
from worksphere_hub.webhooks.dispatch import Dispatcher, Parts
from worksphere_hub.webhooks.endpoint_secrets import NewKeys, mint, rotate
from worksphere_hub.webhooks.endpoints import insert
from worksphere_hub.webhooks.health import Health
from worksphere_hub.webhooks.models import Configuration
from worksphere_hub.webhooks.record import Recorder
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.settings import WebhookSettings

LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))
QUICK = WebhookSettings(schedule=(0.05, 0.05), jitter=0.0, lease=1.0, attempt_timeout=2.0, idle_poll=0.05, drain=5.0)


class Engine:
    """Everything a delivery needs, and an eye on the database."""

    def __init__(self, admin: asyncpg.Connection, app: Database, worker: Database, receiver: HostileReceiver) -> None:
        self.admin = admin
        self.app = app
        self.worker = worker
        self.receiver = receiver
        self.org = ids.new()
        self.secret = new_secret()
        keys = MasterKeys(MasterKey(secrets.token_bytes(32)))
        self.vault = Vault(keys, PostgresKeyStore(app))
        self.worker_vault = Vault(keys, PostgresKeyStore(worker))
        self.acceptor = Acceptor(app, EventSettings())
        self.egress = EgressClient(LOOPBACK, connect_timeout=1.0)
        person = ids.new()
        self.principal = Principal("person", self.org, self.org, person, person, "person:x", permissions.NAMES)

    @property
    def services(self) -> Services:
        """What the API's side of the room works with."""
        return Services(
            self.app, self.vault, self.egress, self.acceptor, QUICK, open_directory(self.app, self.vault, QUICK)
        )

    async def rotate(self, endpoint: UUID, **wanted: Any) -> NewKeys:
        """Give an endpoint new signing keys."""
        return await rotate(self.services, self.principal, endpoint, secret=None, **wanted)

    async def endpoint(
        self,
        path: str | None = "/ok",
        *,
        event_types: tuple[str, ...] = ("*",),
        url: str | None = None,
        org: UUID | None = None,
        **settings: Any,
    ) -> UUID:
        """Add an endpoint at one of the receiver's behaviours, configured by the names of its columns."""
        org = org or self.org
        wanted = merged(
            Configuration(),
            {"url": url or (self.receiver.url(path) if path else None), "event_types": event_types, **settings},
        )
        keys = await mint(self.vault, org, wanted.signatures, self.secret)
        async with self.app.tenant(org) as tx:
            return (await insert(tx, org, wanted, list(keys.sealed), limit=10_000)).id

    async def publish(
        self,
        event_type: str = "invoice.paid",
        data: bytes = b'{"n":1}',
        key: str | None = None,
        *,
        org: UUID | None = None,
        **fields: Any,
    ) -> Accepted:
        """Accept one event."""
        given = EventInput(event_type, msgspec.Raw(data), key, **fields)
        return await self.acceptor.accept(prepare(given, org or self.org, clock.now(), EventSettings()))

    @asynccontextmanager
    async def dispatching(self, settings: WebhookSettings = QUICK) -> AsyncIterator[Dispatcher]:
        """A worker's dispatcher, stopped gracefully at the end of the block."""
        async with AsyncExitStack() as stack:
            egress = EgressClient(LOOPBACK, connect_timeout=1.0, total_timeout=settings.attempt_timeout)
            stack.push_async_callback(egress.close)
            dispatcher = Dispatcher(
                Parts(
                    database=self.worker,
                    courier=Courier(
                        self.worker,
                        egress,
                        open_directory(self.worker, self.worker_vault, settings),
                        ContractBook(self.worker, EventSettings()),
                        settings,
                    ),
                    health=Health(
                        self.worker,
                        BreakerSettings(
                            settings.breaker_failures, settings.breaker_pause, settings.breaker_longest_pause
                        ),
                        settings.disable_after,
                    ),
                    recorder=Recorder(self.worker, batch=100, on_recorded=lambda *_: None),
                    ear=Ear(None),
                    settings=settings,
                )
            )
            task = asyncio.create_task(dispatcher.run())
            try:
                yield dispatcher
            finally:
                dispatcher.stop()
                await task

    async def until(self, query: str, wanted: object, *args: object, within: float = 20.0) -> None:
        """Return once a query's first value is as wanted."""
        found: object = None
        try:
            async with asyncio.timeout(within):
                while (found := await self.admin.fetchval(query, *args)) != wanted:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{query} answered {found}, not {wanted}") from None

    async def until_settled(self, within: float = 20.0) -> None:
        """Return once no delivery is pending."""
        await self.until("select count(*) from hub.webhook_deliveries where state = 'pending'", 0, within=within)

    async def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = await self.admin.fetch("select state, count(*) from hub.webhook_deliveries group by state")
        return {row["state"]: row["count"] for row in rows}

    def told(self, event_type: str) -> list[dict[str, Any]]:
        """The data of the hub's own events of a type that arrived, in order."""
        messages = [msgspec.json.decode(request.body) for request in self.receiver.requests]
        return [message["data"] for message in messages if message["type"] == event_type]

    async def attempts(self) -> list[asyncpg.Record]:
        """All attempts, in order."""
        return await self.admin.fetch("select * from hub.webhook_event_logs order by id")


@pytest.fixture
async def engine(database) -> AsyncIterator[Engine]:
    """An organization, a receiver that misbehaves on request, and the two logins."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(HostileReceiver())
        admin = await asyncpg.connect(database.admin_url)
        stack.push_async_callback(admin.close)
        app = await Database.open(database.app_url, application="test api", size=4)
        stack.push_async_callback(app.close)
        worker = await Database.open(database.worker_url, application="test worker", size=4)
        stack.push_async_callback(worker.close)
        made = Engine(admin, app, worker, receiver)
        stack.push_async_callback(made.egress.close)
        await admin.execute("insert into hub.organizations (id, slug, name) values ($1, 'acme', 'Acme')", made.org)
        yield made
