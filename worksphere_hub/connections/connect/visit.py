"""A visit to a connect page: who may act on it, what is done with what was sent, and how it ended."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Origin
from worksphere_hub.catalog import definitions
from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.connections import connections, flow_rules, flows, store
from worksphere_hub.connections.connect import sessions
from worksphere_hub.connections.errors import ConnectionDisabled, OtherBrowser, PageGone, StepBusy
from worksphere_hub.connections.models import Connection
from worksphere_hub.connections.schemas import AuthorizationOut, ConnectionCreate
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.vaulted import seal_text, unseal_text
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import HubError
from worksphere_hub.sdk.manifest.auth import AuthMethod
from worksphere_hub.security.tokens import token_digest
from worksphere_hub.telemetry.logs import wide

# How long a step keeps others out should its process die: longer than any request to a provider.
_BUSY = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that was opened: its row, what is to be connected, and the connection as far as there is one."""

    token: str
    row: Row
    definition: Definition
    connection: Connection | None
    organization: str

    @property
    def org(self) -> UUID:
        """The organization that made the page."""
        return self.row["org_id"]

    @property
    def id(self) -> UUID:
        """The session."""
        return self.row["id"]

    @property
    def done(self) -> bool:
        """Whether the account works."""
        return self.row["completed_at"] is not None

    @property
    def provider(self) -> str:
        """What the account is an account of."""
        return self.definition.manifest.name

    @property
    def product(self) -> str:
        """Who asks."""
        return self.row["product"] or self.organization

    @property
    def again(self) -> bool:
        """Whether a connection there was before is authorized anew."""
        return self.row["anew"]

    def ways(self) -> dict[str, AuthMethod]:
        """What can be chosen, by name."""
        known = self.definition.manifest.auth
        if self.again and self.connection is not None:
            return {name: way for name, way in known.items() if name == self.connection.auth_method}
        allowed = self.row["auth_methods"]
        return {name: way for name, way in known.items() if allowed is None or name in allowed}


@dataclass(frozen=True, slots=True)
class Return:
    """A browser back from a provider: the token of the page that it set out from, what it brings, and its cookie."""

    page: str
    came: flows.Arrival
    browser: str
    base: str


async def open_visit(room: Connections, token: str) -> Visit:
    """The page behind a token. Raises PageGone; ConnectionDisabled where nothing may be connected now."""
    digest = token_digest(sessions.TOKEN_PREFIX, token)
    rows = [] if digest is None else await room.database.call(QUERIES.open_connect_session, digest)
    if not rows:
        raise PageGone
    org: UUID = rows[0]["org_id"]
    async with room.database.tenant(org) as tx:
        row = await sessions.find(tx, org, rows[0]["id"])
        definition = await definitions.of_instance(tx, org, row["instance_id"])
        connection = await store.find(tx, org, row["connection_id"]) if row["connection_id"] else None
        name = await tx.value(QUERIES.organization_name, org)
    if definition is None or not definition.enabled or (connection is not None and not connection.enabled):
        raise ConnectionDisabled
    if row["anew"] and connection is None:
        raise PageGone  # somebody has deleted what it was for
    return Visit(token, row, definition, connection, str(name))


def require_browser(visit: Visit, browser: str | None) -> None:
    """Raises OtherBrowser if the page has been used in another one, PageGone if it has been used up there."""
    bound = visit.row["browser_digest"]
    if bound is None or (browser is not None and flow_rules.digest(browser) == bound):
        return
    raise PageGone if visit.done else OtherBrowser


async def begin(room: Connections, visit: Visit, browser: str, language: str | None, origin: Origin) -> None:
    """Take up what was sent. Raises OtherBrowser, StepBusy, PageGone."""
    bound = flow_rules.digest(browser)
    async with room.database.tenant(visit.org) as tx:
        begun = await tx.value(
            QUERIES.begin_connect_step, visit.org, visit.id, bound, _BUSY, language, room.settings.connect_steps
        )
        if begun is None:
            row = await sessions.find(tx, visit.org, visit.id)
            require_browser(replace(visit, row=row), browser)
            raise StepBusy if row["busy"] else PageGone
        if visit.row["browser_digest"] is None:
            await _audit(tx, visitor_of(visit, origin), "connect_session.used")


@asynccontextmanager
async def step(room: Connections, visit: Visit) -> AsyncGenerator[None]:
    """Whatever comes of the work inside, the next can begin; what went wrong is on the session for its maker to see."""
    try:
        yield
    except HubError as error:
        await end(room, visit, error.code)
        raise
    except Exception:
        await end(room, visit, "internal_error")
        raise


async def end(room: Connections, visit: Visit, problem: str | None, detail: str | None = None) -> None:
    """A step is over."""
    async with room.database.tenant(visit.org) as tx:
        await tx.run(QUERIES.end_connect_step, visit.org, visit.id, problem, detail and detail[:500], None)


async def connection_for(room: Connections, visit: Visit, way: str, origin: Origin) -> Connection:
    """The connection that a chosen way is for: the one there is, else a new one."""
    made = visit.connection
    if made is not None and (made.auth_method == way or visit.again):
        return made
    visitor = visitor_of(visit, origin)
    if made is not None:
        # Another way was chosen before, and led nowhere.
        await connections.delete(room, visitor, made.id)
    wanted = ConnectionCreate(
        instance_id=ids.encode("inst", visit.row["instance_id"]), name=visit.row["name"], auth_method=way
    )
    connection = await connections.create(room, visitor, wanted)
    async with room.database.tenant(visit.org) as tx:
        await tx.run(QUERIES.set_connect_connection, visit.org, visit.id, connection.id)
    return connection


async def leave(room: Connections, visit: Visit, connection: Connection, base: str) -> flows.Departure:
    """Off to the provider's consent page. The page stays good until the browser can be back."""
    errand = flows.Errand(visit.org, connection.id, visit.row["begun_by"], page=visit.id)
    departure = await flows.depart(room, errand, base)
    async with room.database.tenant(visit.org) as tx:
        await tx.run(QUERIES.extend_connect_session, visit.org, visit.id, timedelta(seconds=departure.seconds + 60))
        await tx.run(QUERIES.end_connect_step, visit.org, visit.id, None, None, None)
    return departure


async def land(room: Connections, back: Return, origin: Origin) -> None:
    """A browser that set out from a page is back. What comes of it is on the page, whatever it is."""
    try:
        visit = await open_visit(room, back.page)
        async with room.database.tenant(visit.org) as tx:
            if await tx.value(QUERIES.begin_connect_landing, visit.org, visit.id, _BUSY) is None:
                return  # done by now, or this very answer came a moment ago and is being looked into
        async with step(room, visit):
            landed = await flows.arrive(room, back.came, back.browser, back.base)
            if landed.page != visit.id:
                await end(room, visit, None)
            elif landed.status == "refused":
                await end(room, visit, "refused", landed.code)
            elif landed.status == "failed":
                await end(room, visit, "provider_refused", landed.code)
            else:
                await settle(room, visit, landed.connection, origin)
    except HubError as error:
        with wide("connect_page.landing_failed") as line:
            line.caught(error)


async def get_code(room: Connections, visit: Visit, connection: Connection) -> None:
    """Get a code to type in, to be shown by the page until that was done."""
    async with room.database.tenant(visit.org) as tx:
        before = await tx.value(QUERIES.credential_versions, visit.org, connection.id)
    told = await flows.begin_device(room, visit.org, connection.id)
    text = json.dumps({"before": before, "told": told.model_dump(mode="json")})
    sealed = await seal_text(room.vault, visit.org, _place(visit), text)
    async with room.database.tenant(visit.org) as tx:
        await tx.run(QUERIES.extend_connect_session, visit.org, visit.id, told.expires_at - clock.now())
        await tx.run(QUERIES.end_connect_step, visit.org, visit.id, None, None, sealed)


async def code_of(room: Connections, visit: Visit, origin: Origin) -> AuthorizationOut | None:
    """The code that is still to be typed in; once it was, the account is tested. None when there is none any more."""
    if visit.row["sealed_device"] is None or visit.connection is None or visit.done:
        return None
    kept = json.loads(await unseal_text(room.vault, visit.org, _place(visit), visit.row["sealed_device"]))
    async with room.database.tenant(visit.org) as tx:
        waiting = await tx.value(QUERIES.device_flow_open, visit.org, visit.connection.id)
        versions = await tx.value(QUERIES.credential_versions, visit.org, visit.connection.id)
    if versions != kept["before"]:
        await settle(room, visit, visit.connection.id, origin)
        return None
    if not waiting:
        await end(room, visit, "code_over")
        return None
    return AuthorizationOut.model_validate(kept["told"])


async def settle(room: Connections, visit: Visit, connection_id: UUID, origin: Origin) -> None:
    """Test what was connected: the page is done, or says why not."""
    async with room.database.tenant(visit.org) as tx:
        connection = await store.find(tx, visit.org, connection_id)
    if connection.status == "needs_reauthorization":
        await end(room, visit, connection.status_code or connection.status, ", ".join(connection.missing_scopes))
        return
    visitor = visitor_of(visit, origin)
    check = await room.checker.now(visit.org, connection_id, visitor.id, cause="authorization")
    async with room.database.tenant(visit.org) as tx:
        connection = await store.find(tx, visit.org, connection_id)
        if check["outcome"] == "healthy" and connection.status == "connected":
            await tx.run(QUERIES.complete_connect_session, visit.org, visit.id)
            await _audit(tx, visitor, "connect_session.completed")
            return
    if connection.status == "needs_reauthorization":
        await end(room, visit, connection.status_code or connection.status, ", ".join(connection.missing_scopes))
    else:
        await end(room, visit, "test_failed", check["code"])


def visitor_of(visit: Visit, origin: Origin) -> audit.Visitor:
    """Whoever acts on the page, for the audit log."""
    return audit.Visitor(visit.org, ids.encode(sessions.PREFIX, visit.id), visit.row["begun_by"], origin)


async def _audit(tx: Transaction, visitor: audit.Visitor, action: str) -> None:
    await audit.record_visitor(tx, visitor, action, target_kind="connect_session", target_id=visitor.id)


def _place(visit: Visit) -> tuple[str, str, str]:
    return "connect_sessions", "sealed_device", visit.id.hex
