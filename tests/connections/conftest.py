"""The API of this room and a worker's upkeep, on a fresh database, with an authorization server beside them."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from hashlib import sha256
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import asyncpg
import pytest

from tests.accounts.office import PEPPER, SETTINGS
from tests.conftest import HubDatabase, fresh_database
from tests.connections import authority as authorities
from tests.connections.authority import CLIENT, SECRET, Authority
from tests.http.driving import Answer, build, call
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.connections import routes
from worksphere_hub.connections.models import INSTANCE
from worksphere_hub.connections.services import Connections, open_connections
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.connections.upkeep import Upkeep
from worksphere_hub.db.pool import Database
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.http.server import Server
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.vault import MasterKey, MasterKeys, Vault

QUICK = ConnectionSettings(refused_pause=0.0, public_url="https://hub.example.com")
LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))


@cache
def application() -> Server:
    """One for all tests: what it works with comes with each call."""
    return build(routes.ROUTERS)


class Desk:
    """One API process, one worker, one organization with a key that may do everything."""

    def __init__(self, admin: asyncpg.Connection, app: Database, worker: Database, egress: EgressClient) -> None:
        self.admin = admin
        self.app = app
        self.worker = worker
        self.egress = egress
        self.org = UUID(int=0)
        self.key = ""
        self.master = MasterKeys(MasterKey(secrets.token_bytes(32)))
        self.vault = Vault(self.master, PostgresKeyStore(app))
        self.settings = QUICK
        self.authority = Authority()
        self.database: HubDatabase | None = None
        self.rooms: list[Connections] = []

    def room(self, **changes: Any) -> Connections:
        """One API process's side; each call is another process."""
        made = open_connections(self.app, self.vault, self.egress, replace(self.settings, **changes))
        self.rooms.append(made)
        return made

    async def calls(self) -> list[asyncpg.Record]:
        """What was called through connections so far."""
        for room in self.rooms:
            await room.calls.close()
        return await self.admin.fetch("select * from hub.connection_requests where org_id = $1 order by id", self.org)

    def upkeep(self, **changes: Any) -> Upkeep:
        """A worker's side."""
        vault = Vault(self.master, PostgresKeyStore(self.worker))
        return Upkeep(open_connections(self.worker, vault, self.egress, replace(self.settings, **changes)))

    def state(self, **changes: Any) -> dict[str, Any]:
        return {
            "database": self.app,
            "authenticator": Authenticator(self.app, PEPPER, RateLimiter(), SETTINGS),
            "answers": PostgresAnswers(self.app, self.vault),
            "connections": self.room(**changes),
        }

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, *, headers: Any = None, **changes: Any
    ) -> Answer:
        """One request of the management API; `changes` are of the settings."""
        sent = {"authorization": f"Bearer {key or self.key}", **(headers or {})}
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            sent["content-type"] = "application/json"
        state = self.state(**changes)
        return await call(application(), method, path, body=content, headers=sent, state=state)

    async def browse(self, url: str, cookies: dict[str, str] | None = None, **changes: Any) -> Answer:
        """What a browser does: follow a link to the hub with its cookies."""
        parts = urlsplit(url)
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return await call(application(), "GET", path, headers=headers, state=self.state(**changes))

    async def organization(self, *, operator: bool = False) -> tuple[UUID, str]:
        """Another organization and its key."""
        name = f"org-{secrets.token_hex(4)}"
        made = await bootstrap.create_organization(self.app, slug=name, name=name, operator=operator)
        key = await bootstrap.create_key(self.app, PEPPER, made.id, NewKey("test", None), SETTINGS)
        return made.id, key.secret.reveal()

    def method(self, **given: Any) -> dict[str, Any]:
        """OAuth at the test's own authorization server."""
        base = self.authority.base
        return {
            "type": "oauth2",
            "label": "OAuth",
            "authorize_url": f"{base}/authorize",
            "token_url": f"{base}/token",
            "revoke_url": f"{base}/revoke",
            "rotation": self.authority.rotation,
            "scopes": {
                "read": {"sentence": "Read.", "required": True},
                "write": {"sentence": "Write."},
            },
            **given,
        }

    def manifest(self, *methods: dict[str, Any], **given: Any) -> dict[str, Any]:
        """A manifest of the test's own authorization server and API."""
        return {
            "slug": "example",
            "name": "Example",
            "version": "1.0.0",
            "category": "api",
            "summary": "An example.",
            "hosts": [f"127.0.0.1:{self.authority.port}"],
            "auth": {
                f"way{number}" if number else "main": each for number, each in enumerate(methods or [self.method()])
            },
            "api": {"base_url": f"{self.authority.base}/v1"},
            "verification": {"path": "/me", "account_key": "id", "account_label": "name"},
            **given,
        }

    async def integration(self, manifest: dict[str, Any], owner: UUID | None = None, **given: Any) -> UUID:
        """Define an integration."""
        found = ids.new()
        row = {"visibility": "private", "state": "published", **given}
        await self.admin.execute(
            "insert into hub.integrations (org_id, id, slug, version, name, category, manifest, manifest_digest,"
            " visibility, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            owner or self.org, found, manifest["slug"], manifest["version"], manifest["name"], manifest["category"],
            json.dumps(manifest), sha256(json.dumps(manifest).encode()).digest(), row["visibility"], row["state"],
        )  # fmt: skip
        return found

    async def instance(
        self, integration: UUID, owner: UUID | None = None, org: UUID | None = None, settings: Any = None
    ) -> str:
        """Install an integration; answers the instance's public id."""
        found = ids.new()
        await self.admin.execute(
            "insert into hub.integration_instances (org_id, id, integration_org_id, integration_id, name, status,"
            " settings) values ($1, $2, $3, $4, $5, 'enabled', $6)",
            org or self.org, found, owner or self.org, integration, f"Instance {found.hex}", json.dumps(settings or {}),
        )  # fmt: skip
        return ids.encode(INSTANCE, found)

    async def installed(self, *methods: dict[str, Any], **given: Any) -> str:
        """An instance of a manifest with these ways of authorizing."""
        return await self.instance(await self.integration(self.manifest(*methods, **given)))

    async def client(self, instance: str, **given: Any) -> dict[str, Any]:
        """Register the client that the authorization server knows."""
        wanted = {"instance_id": instance, "auth_method": "main", "client_id": CLIENT, "client_secret": SECRET, **given}
        answer = await self.ask("POST", "/v1/oauth-clients", wanted)
        assert answer.status == 201, answer.body
        return answer.json()

    async def connection(self, instance: str, **given: Any) -> dict[str, Any]:
        """Create a connection."""
        answer = await self.ask("POST", "/v1/connections", {"instance_id": instance, "name": "Acme", **given})
        assert answer.status == 201, answer.body
        return answer.json()

    async def departed(self, connection: dict[str, Any], **wanted: Any) -> tuple[dict[str, str], dict[str, str]]:
        """Open a link; answers the query of the authorize URL and the browser's cookies."""
        answer = await self.ask("POST", f"/v1/connections/{connection['id']}/authorize", wanted)
        assert answer.status == 200, answer.body
        left = await self.browse(answer.json()["url"])
        assert left.status == 303, left.body
        name, _, rest = left.headers["set-cookie"].partition("=")
        return dict(parse_qsl(urlsplit(left.headers["location"]).query)), {name: rest.partition(";")[0]}

    async def authorized(self, instance: str | None = None, **given: Any) -> dict[str, Any]:
        """A connection that its owner has agreed to."""
        if instance is None:
            instance = await self.installed()
            await self.client(instance)
        connection = await self.connection(instance, **given)
        query, cookies = await self.departed(connection)
        back = f"{query['redirect_uri']}?state={query['state']}&code={self.authority.authorize(query)}"
        answer = await self.browse(back, cookies)
        assert answer.status == 200, answer.body
        return await self.shown(connection)

    async def shown(self, connection: dict[str, Any]) -> dict[str, Any]:
        answer = await self.ask("GET", f"/v1/connections/{connection['id']}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def stored(self, connection: dict[str, Any], slot: str = "main") -> asyncpg.Record | None:
        """A row of its credentials."""
        return await self.admin.fetchrow(
            "select * from hub.connection_credentials where connection_id = $1 and slot = $2",
            uuid_of(connection), slot,
        )  # fmt: skip

    async def run_out(self, connection: dict[str, Any]) -> None:
        """Let its access token's time be over."""
        await self.admin.execute(
            "update hub.connection_credentials set expires_at = now() - interval '1 second',"
            " obtained_at = now() - interval '1 hour' where connection_id = $1", uuid_of(connection),
        )  # fmt: skip

    async def events(self) -> list[dict[str, Any]]:
        """The hub's own events so far, oldest first."""
        rows = await self.admin.fetch("select body from hub.webhook_events where org_id = $1 order by id", self.org)
        return [json.loads(row["body"]) for row in rows]


def uuid_of(connection: dict[str, Any]) -> UUID:
    """The bare id of a connection as the API shows it."""
    found = ids.parse("con", connection["id"])
    assert found is not None
    return found


@pytest.fixture(scope="module")
async def shared_database(cluster) -> AsyncIterator[HubDatabase]:
    """One database for all tests of a file: each has an organization of its own, and a database takes a second."""
    async for found in fresh_database(cluster):
        yield found


@pytest.fixture
async def desk(shared_database) -> AsyncIterator[Desk]:
    """A fresh one, on a database that nothing of earlier tests is due in."""
    database = shared_database
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(database.admin_url)
        stack.push_async_callback(admin.close)
        await admin.execute("delete from hub.api_connections")
        app = await Database.open(database.app_url, application="test api", size=8)
        stack.push_async_callback(app.close)
        worker = await Database.open(database.worker_url, application="test worker", size=4)
        stack.push_async_callback(worker.close)
        egress = await stack.enter_async_context(EgressClient(LOOPBACK, body_limit=1_048_576))
        made = Desk(admin, app, worker, egress)
        made.database = database
        made.authority = await stack.enter_async_context(authorities.running())
        made.org, made.key = await made.organization()
        yield made
        for room in made.rooms:
            await room.calls.close()
