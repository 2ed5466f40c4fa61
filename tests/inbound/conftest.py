"""The API of this room and a worker's processor, on a fresh database with one organization."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.accounts.office import PEPPER, SETTINGS
from tests.http.driving import Answer, build, call, serving
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.bus.doorbell import Ear
from worksphere_hub.db.pool import Database
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.inbound import routes
from worksphere_hub.inbound.process import Processor
from worksphere_hub.inbound.receive import Doorkeeper
from worksphere_hub.inbound.refusals import Refusals
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.vault import MasterKey, MasterKeys, Vault

QUICK = InboundSettings(freshness=0.0, retry_wait=0.0, lease=30.0, idle_poll=0.05)
LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))
BASE = "https://hub.example.com"


class Reception:
    """One API process, one worker, one organization with a key that may do everything."""

    def __init__(self, admin: asyncpg.Connection, app: Database, worker: Database, settings: InboundSettings) -> None:
        self.admin = admin
        self.app = app
        self.worker = worker
        self.settings = settings
        self.org = UUID(int=0)
        self.key = ""
        self.vault = Vault(MasterKeys(MasterKey(secrets.token_bytes(32))), PostgresKeyStore(app))
        self.refusals = Refusals(app, pause=0.0)
        self.limiter = RateLimiter()
        self.egress = EgressClient(LOOPBACK, body_limit=8_388_608)
        self.stored = 0
        self.worker_url = ""

    def state(self, trusted: tuple[str, ...] = ("127.0.0.1",)) -> dict[str, Any]:
        doorkeeper = Doorkeeper(
            self.app, self.vault, self.refusals, self.settings, limiter=self.limiter, on_stored=self._count
        )
        return {
            "database": self.app,
            "authenticator": Authenticator(self.app, PEPPER, RateLimiter(), SETTINGS),
            "answers": PostgresAnswers(self.app, self.vault),
            "inbound": Inbound(self.app, self.vault, doorkeeper, self.egress, self.settings, trusted),
        }

    def _count(self) -> None:
        self.stored += 1

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str) -> Answer:
        """One request of the management API."""
        sent = {"authorization": f"Bearer {key or self.key}"} | {n.replace("_", "-"): v for n, v in headers.items()}
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            sent["content-type"] = "application/json"
        return await call(build(routes.ROUTERS), method, path, body=content, headers=sent, state=self.state())

    async def source(self, scheme: str | dict[str, Any] = "github", **given: Any) -> dict[str, Any]:
        """Create a source; answers what the API does."""
        verification = {"scheme": scheme} if isinstance(scheme, str) else scheme
        wanted = {"name": "a source", "verification": verification, "event_type": "provider.event", **given}
        answer = await self.ask("POST", "/v1/inbound-sources", wanted)
        assert answer.status == 201, answer.json()
        return answer.json()

    async def send(
        self, source: Mapping[str, Any], body: bytes = b"", headers: Mapping[str, str] | None = None, **extra: Any
    ) -> Answer:
        """What a provider does, without a socket."""
        method, query = extra.pop("method", "POST"), extra.pop("query", "")
        path = source["address"].removeprefix(BASE) + query
        state = self.state() | extra
        return await call(build(routes.ROUTERS), method, path, body=body, headers=headers, state=state)

    @asynccontextmanager
    async def serving(self, trusted: tuple[str, ...] = ("127.0.0.1",)) -> AsyncIterator[int]:
        """The same behind a real server; yields its port."""

        @asynccontextmanager
        async def lifespan(_):
            yield self.state(trusted)

        async with serving(build(routes.ROUTERS, lifespan=lifespan)) as port:
            yield port

    def processor(self, **changes: Any) -> Processor:
        """A worker's side."""
        settings = replace(self.settings, **changes)
        acceptor = Acceptor(self.worker, EventSettings())
        return Processor(self.worker, acceptor, Ear(None), settings, body_limit=1_048_576)

    async def process(self) -> int:
        """Process everything that is due."""
        total = 0
        while count := await self.processor().turn():
            total += count
        return total

    async def messages(self) -> list[asyncpg.Record]:
        return await self.admin.fetch("select * from hub.inbound_messages order by id")

    async def events(self) -> list[dict[str, Any]]:
        """Published events as their receivers will see them, oldest first."""
        rows = await self.admin.fetch("select body from hub.webhook_events order by id")
        return [json.loads(row["body"]) for row in rows]

    async def refused(self) -> dict[str, int]:
        """Counts of refusals by reason."""
        await self.refusals.close()
        rows = await self.admin.fetch("select reason, sum(count)::int as n from hub.inbound_refusals group by reason")
        return {row["reason"]: row["n"] for row in rows}

    async def endpoint(self) -> UUID:
        """An endpoint that wants everything."""
        endpoint = ids.new()
        await self.admin.execute(
            "insert into hub.webhook_endpoints (org_id, id, url) values ($1, $2, 'https://example.com/')",
            self.org, endpoint,
        )  # fmt: skip
        return endpoint

    async def organization(self) -> tuple[UUID, str]:
        """Another organization and its key."""
        name = f"org-{secrets.token_hex(4)}"
        made = await bootstrap.create_organization(self.app, slug=name, name=name, operator=False)
        key = await bootstrap.create_key(self.app, PEPPER, made.id, NewKey("test", None), SETTINGS)
        return made.id, key.secret.reveal()


@pytest.fixture
async def reception(database) -> AsyncIterator[Reception]:
    """A fresh one."""
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(database.admin_url)
        stack.push_async_callback(admin.close)
        app = await Database.open(database.app_url, application="test api", size=6)
        stack.push_async_callback(app.close)
        worker = await Database.open(database.worker_url, application="test worker", size=4)
        stack.push_async_callback(worker.close)
        made = Reception(admin, app, worker, replace(QUICK, public_url=BASE))
        made.worker_url = database.worker_url
        made.org, made.key = await made.organization()
        yield made
        await made.refusals.close()
        await made.egress.close()


async def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request over a socket of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body
