"""Organizations that offer, install and review, over HTTP on a real socket."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from tests.accounts.office import PEPPER, SETTINGS
from tests.http.driving import Answer, build, exchange, serving
from tests.sdk.manifest.samples import base
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.catalog import routes
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.settings import CatalogSettings
from worksphere_hub.db.pool import Database
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.security.vault import MasterKey, MasterKeys, Vault

SETTLED = {"subdomain": "acme"}


@dataclass(frozen=True)
class Party:
    """An organization and its key, which may do everything that a key may."""

    org: UUID
    key: str

    @property
    def public_id(self) -> str:
        return ids.encode("org", self.org)


class Market:
    """The API of this room behind a real server, with the organization that runs the hub and two of its customers."""

    def __init__(self, admin: asyncpg.Connection, app: Database, port: int) -> None:
        self.admin = admin
        self.app = app
        self.port = port
        self.operator = self.acme = self.other = Party(UUID(int=0), "")

    async def party(self, *, operator: bool = False, scopes: list[str] | None = None) -> Party:
        """Another organization."""
        name = f"org-{secrets.token_hex(4)}"
        made = await bootstrap.create_organization(self.app, slug=name, name=name, operator=operator)
        return Party(made.id, await self.key(made.id, scopes))

    async def key(self, org: UUID, scopes: list[str] | None = None) -> str:
        """A key of an organization, with all scopes unless some are given."""
        return (await bootstrap.create_key(self.app, PEPPER, org, NewKey("test", scopes), SETTINGS)).secret.reveal()

    async def ask(self, who: Party | str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request over a connection of its own."""
        content = b"" if body is None else json.dumps(body).encode()
        key = who if isinstance(who, str) else who.key
        lines = [f"{method} {path} HTTP/1.1", "host: hub", f"authorization: Bearer {key}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(content)}"]
        raw = await exchange(self.port, "\r\n".join([*lines, "", ""]).encode() + content)
        head, _, text = raw.partition(b"\r\n\r\n")
        found = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
        return Answer(int(head.split()[1]), found, text)

    async def done(self, who: Party | str, method: str, path: str, body: Any = None) -> Any:
        """One request that succeeds; answers its JSON."""
        answer = await self.ask(who, method, path, body)
        assert answer.status in {200, 201, 204}, (method, path, answer.json())
        return answer.json() if answer.body else None

    async def refused(self, who: Party | str, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """One request that does not; answers status and code."""
        answer = await self.ask(who, method, path, body)
        return answer.status, answer.json()["code"]

    async def published(self, who: Party, **changes: Any) -> dict[str, Any]:
        """A published version of an integration."""
        made = await self.done(who, "POST", "/v1/integrations", {"manifest": base(**changes)})
        return await self.done(who, "POST", f"/v1/integrations/{made['id']}/publish")

    async def listed(self, who: Party | None = None, visibility: str = "public", **changes: Any) -> dict[str, Any]:
        """A listing, of the operator's and public unless said otherwise."""
        who = who or self.operator
        made = await self.published(who, **changes)
        return await self.done(who, "POST", "/v1/marketplace", {"integration_id": made["id"], "visibility": visibility})

    async def installed(self, who: Party, slug: str = "tickets", **body: Any) -> dict[str, Any]:
        """An instance from a listing."""
        wanted = {"settings": SETTLED, **body}
        return await self.done(who, "POST", f"/v1/marketplace/{slug}/install", wanted)

    async def audited(self, org: UUID) -> list[str]:
        """What the audit log tells, oldest first, the making of the organization and its keys apart."""
        rows = await self.admin.fetch("select action from hub.audit_log where org_id = $1 order by id", org)
        begun = ("organization.", "api_key.")
        return [row["action"] for row in rows if not row["action"].startswith(begun)]

    async def events(self, org: UUID) -> list[tuple[str, dict[str, Any]]]:
        """Published events, oldest first: type and data."""
        rows = await self.admin.fetch("select type, body from hub.webhook_events where org_id = $1 order by id", org)
        return [(row["type"], json.loads(row["body"])["data"]) for row in rows]

    async def together(self, *asked: tuple[Any, ...]) -> list[Answer]:
        """Several requests at once."""
        return list(await asyncio.gather(*(self.ask(*each) for each in asked)))


@asynccontextmanager
async def open_hall(app_url: str, settings: CatalogSettings) -> AsyncIterator[tuple[Database, int]]:
    """Open the API on a database; yields it and the server's port."""
    database = await Database.open(app_url, application="test", size=8)
    vault = Vault(MasterKeys(MasterKey(bytes(range(32)))), PostgresKeyStore(database))

    @asynccontextmanager
    async def lifespan(_):
        yield {
            "database": database,
            "authenticator": Authenticator(database, PEPPER, RateLimiter(), SETTINGS),
            "answers": PostgresAnswers(database, vault),
            "catalog": Catalog(database, settings),
        }

    try:
        async with serving(build(routes.ROUTERS, lifespan=lifespan)) as port:
            yield database, port
    finally:
        await database.close()
