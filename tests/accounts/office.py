"""Make organizations, people and keys, and ask the API as one of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import asyncpg

from tests.http.driving import Answer, build, call
from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap, permissions, routes
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.accounts.attempts import Attempts
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.db.pool import Database
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.http.server import Server
from worksphere_hub.security import tokens
from worksphere_hub.security.master_key import MasterKey, MasterKeys
from worksphere_hub.security.passwords import PasswordHasher
from worksphere_hub.security.vault import Vault

PEPPER = b"a pepper of enough bytes"
PASSWORD = "correct horse battery"
# What was looked up is not believed at all, so that a test sees a change at once; other tests say otherwise.
SETTINGS = AccountSettings(freshness=0.0)


@dataclass
class Office:
    """One API process of this room."""

    database: Database
    admin: asyncpg.Connection
    passwords: PasswordHasher
    vault: Vault
    settings: AccountSettings
    app: Server
    state: dict[str, Any] = field(default_factory=dict)
    made: int = 0

    def with_settings(self, **changes: Any) -> "Office":
        """Another process on the same database, with other settings."""
        settings = replace(self.settings, **changes)
        other = replace(self, settings=settings, state={})
        other.state = _state(self.database, self.passwords, self.vault, settings)
        return other

    @property
    def authenticator(self) -> Authenticator:
        return self.state["authenticator"]

    @property
    def accounts(self) -> Accounts:
        return self.state["accounts"]

    async def organization(self, *, operator: bool = False) -> UUID:
        """A new organization with the built-in roles."""
        slug = f"org-{self._number()}"
        made = await bootstrap.create_organization(self.database, slug=slug, name=slug.title(), operator=operator)
        return made.id

    async def person(self, org: UUID, role: str) -> UUID:
        """A member, who has the password PASSWORD."""
        number = self._number()
        hashed = await self.passwords.hash(PASSWORD)
        person = await self.admin.fetchval(
            "insert into hub.people (email, name, password_hash) values ($1, $2, $3) returning id",
            f"p{number}@example.com", f"Person {number}", hashed,
        )  # fmt: skip
        await self.join(org, person, role)
        return person

    async def join(self, org: UUID, person: UUID, role: str) -> None:
        """Make a person a member."""
        await self.admin.execute(
            "insert into hub.members (org_id, person_id, role) values ($1, $2, $3)", org, person, role
        )

    async def email(self, person: UUID) -> str:
        return await self.admin.fetchval("select email from hub.people where id = $1", person)

    async def session(self, org: UUID, person: UUID) -> str:
        """A session token, without the trouble of signing in."""
        token = tokens.mint_token(tokens.SESSION_PREFIX)
        await self.admin.execute(
            "insert into hub.sessions (org_id, person_id, digest, expires_at)"
            " values ($1, $2, $3, now() + interval '1 day')",
            org, person, token.digest,
        )  # fmt: skip
        return token.text.reveal()

    async def signed_in(self, org: UUID, role: str) -> str:
        """A session token of a new member."""
        return await self.session(org, await self.person(org, role))

    async def key(self, org: UUID, *scopes: str, creator: UUID | None = None, **new: Any) -> tuple[str, UUID]:
        """An API key's text and id, with all possible scopes unless some are given."""
        wanted = NewKey("test", list(scopes) or None, **new)
        made = await bootstrap.create_key(self.database, PEPPER, org, wanted, replace(SETTINGS, key_limit=100_000))
        if creator is not None:
            await self.admin.execute("update hub.api_keys set created_by = $1 where id = $2", creator, made.thing.id)
        return made.secret.reveal(), made.thing.id

    async def role(self, org: UUID, *allowed: str) -> str:
        """A role of the organization's own."""
        name = f"role-{self._number()}"
        await self.admin.execute(
            "insert into hub.roles (org_id, name, permissions) values ($1, $2, $3)", org, name, list(allowed)
        )
        return name

    async def ask(self, token: str | None, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `hub_organization="org_..."` and the like become headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        content = b""
        if body is not None:
            sent["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return await call(self.app, method, path, body=content, headers=sent, state=self.state)

    async def audited(self, org: UUID, action: str | None = None) -> list[asyncpg.Record]:
        """Entries of the audit log, oldest first."""
        return await self.admin.fetch(
            "select * from hub.audit_log where org_id = $1 and ($2::text is null or action = $2) order by id",
            org, action,
        )  # fmt: skip

    def _number(self) -> int:
        self.made += 1
        return self.made


def public(prefix: str, value: UUID) -> str:
    return ids.encode(prefix, value)


def permissions_of(role: str, *, operator: bool = False) -> frozenset[str]:
    return frozenset(permissions.built_in_roles(operator=operator)[role])


@asynccontextmanager
async def open_office(app_url: str, admin: asyncpg.Connection, passwords: PasswordHasher) -> AsyncIterator[Office]:
    """Open the API on a database."""
    database = await Database.open(app_url, application="test", size=4)
    vault = Vault(MasterKeys(MasterKey(bytes(range(32)))), PostgresKeyStore(database))
    try:
        app = build(routers=routes.ROUTERS)
        yield Office(database, admin, passwords, vault, SETTINGS, app, _state(database, passwords, vault, SETTINGS))
    finally:
        await database.close()


def _state(database: Database, passwords: PasswordHasher, vault: Vault, settings: AccountSettings) -> dict[str, Any]:
    return {
        "database": database,
        "authenticator": Authenticator(database, PEPPER, RateLimiter(), settings),
        "answers": PostgresAnswers(database, vault),
        "accounts": Accounts(database, PEPPER, passwords, Attempts(settings), settings),
    }
