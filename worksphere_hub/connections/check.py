"""Test a connection by its manifest's verification call, and write down what that said."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.catalog import definitions
from worksphere_hub.connections import condition, scopes, store
from worksphere_hub.connections.broker import Broker, Ready
from worksphere_hub.connections.connectors import connector_for
from worksphere_hub.connections.direct_api import DirectAccountApi
from worksphere_hub.connections.errors import ConnectionDisabled, NotConnected
from worksphere_hub.connections.models import Connection
from worksphere_hub.connections.placement import Outgoing, place
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.verify import Verdict, request_of, verdict
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.errors import HubError
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.direct import Account
from worksphere_hub.sdk.errors import AuthFailed, ConnectorFailed
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.sdk.manifest.template import TemplateFailed
from worksphere_hub.security.egress import EgressClient, EgressFailed


@dataclass(frozen=True, slots=True)
class Task:
    """A check in hand."""

    org: UUID
    id: UUID
    connection: UUID
    fence: int


@dataclass(frozen=True, slots=True)
class _Seen:
    verdict: Verdict
    status: int | None
    checked: bool = True


async def soon(tx: Transaction, org: UUID, connection: UUID) -> None:
    """Have a connection tested by a worker as soon as there is one."""
    await tx.run(QUERIES.check_soon, org, connection)


class Checker:
    """Tests connections."""

    def __init__(self, database: Database, broker: Broker, egress: EgressClient, settings: ConnectionSettings) -> None:
        self._database = database
        self._broker = broker
        self._egress = egress
        self._settings = settings

    async def now(self, org: UUID, connection: UUID, requested_by: str | None, cause: str = "request") -> Row:
        """Test a connection at once; should this process die over it, a worker takes it up. Answers the check."""
        task = Task(org, ids.new(), connection, 1)
        async with self._database.tenant(org) as tx:
            await store.find(tx, org, connection)
            lease = store.interval(self._settings.check_lease)
            await tx.run(QUERIES.insert_check, org, task.id, connection, cause, requested_by, lease)
        await self.run(task)
        async with self._database.tenant(org) as tx:
            row = await tx.row(QUERIES.check_by_id, org, connection, task.id)
        assert row is not None
        return row

    async def run(self, task: Task) -> bool:
        """Test, and write down what came of it; False when the check belongs to another by then."""
        started = clock.monotonic()
        seen = await self._look(task)
        told = seen.verdict
        milliseconds = round((clock.monotonic() - started) * 1000)
        outcome = "healthy" if told.code is None else "unhealthy"
        async with self._database.tenant(task.org) as tx:
            finished = await tx.row(
                QUERIES.finish_check, task.org, task.id, task.fence, outcome, told.code, told.reason, seen.status,
                milliseconds,
            )  # fmt: skip
            if finished is None:
                return False
            if not seen.checked:
                return True
            connection = await store.find(tx, task.org, task.connection, lock=True)
            why = None if told.code is None else (told.code, told.reason or "")
            await condition.feel(tx, connection, outcome, why, checked=True)
            if told.code is None:
                await tx.run(QUERIES.set_account, task.org, task.connection, told.account_key, told.account_label)
                await self._settle(tx, connection, told)
            elif told.refused and connection.status == "connected":
                await condition.become(tx, connection, "failing", why, self._settings.check_every)
        return True

    async def _settle(self, tx: Transaction, connection: Connection, told: Verdict) -> None:
        """A check that went well ends `failing`; scopes that the provider names are the ones that count."""
        if told.scopes is not None:
            subject_scopes = told.scopes
            lacking = await self._lacking(tx, connection, subject_scopes)
            await tx.run(QUERIES.set_scopes, connection.org, connection.id, subject_scopes[:500], lacking)
            if lacking:
                why = ("missing_scopes", f"The account's owner did not grant: {', '.join(lacking)}."[:500])
                await condition.become(tx, connection, "needs_reauthorization", why, None)
                return
        if connection.status == "failing":
            await condition.become(tx, connection, "connected", None, self._settings.check_every)

    async def _lacking(self, tx: Transaction, connection: Connection, held: list[str]) -> list[str]:
        definition = await definitions.of_instance(tx, connection.org, connection.instance)
        method = definition.manifest.auth.get(connection.auth_method) if definition else None
        return scopes.missing(method, held) if isinstance(method, OAuth2) else []

    async def _look(self, task: Task) -> _Seen:
        try:
            ready = await self._broker.ready(task.org, task.connection)
            async with self._database.tenant(task.org) as tx:
                connector = await connector_for(tx, ready.subject.definition)
            if connector.check is not None:
                return await self._let_check(connector.check, ready)
            if ready.subject.verification is None or ready.subject.definition.manifest.api is None:
                return _Seen(Verdict(None, None), None)
            seen = await self._ask(ready)
            if seen.status != 403 and seen.verdict.refused:
                # As for any call: one renewal, and once more. Some refuse with 200.
                before = ready.version
                ready = await self._broker.ready(task.org, task.connection, ready.slot, refused=before)
                seen = seen if ready.version == before else await self._ask(ready)
        except (ConnectionDisabled, NotConnected) as refused:
            return _Seen(Verdict(refused.code, refused.detail), None, checked=False)
        except HubError as refused:
            return _Seen(Verdict(refused.code, refused.detail[:500]), None)
        except (TemplateFailed, ExpressionFailed, ConnectorFailed) as failed:
            return _Seen(Verdict("manifest", f"The verification call cannot be made: {failed}"[:500]), None)
        return seen

    async def _let_check(self, check: Callable[[Api], Awaitable[Account]], ready: Ready) -> _Seen:
        """Where a manifest's call does not do, its connector says whose account it is."""
        api = DirectAccountApi(self._egress, ready, self._settings)
        try:
            async with asyncio.timeout(self._settings.call_timeout):
                account = await boundary.told("check", lambda: check(api))
        except TimeoutError:
            return _Seen(Verdict("timeout", "The other side took too long to answer."), None)
        except ConnectorFailed as failure:
            return _Seen(Verdict(failure.code, failure.detail[:500], isinstance(failure, AuthFailed)), None)
        return _Seen(Verdict(None, None, account_key=account.key[:300], account_label=account.label[:300]), None)

    async def _ask(self, ready: Ready) -> _Seen:
        subject = ready.subject
        manifest = subject.definition.manifest
        assert manifest.api is not None
        verification = subject.verification
        assert verification is not None
        values = subject.values(ready.slot)
        bare = request_of(manifest.api, verification, values)
        subject.hosts().require(bare.url)
        request: Outgoing = place(subject.method, bare, values, clock.epoch())
        subject.hosts().require(request.url)
        try:
            reply = await self._egress.send(
                request.method, request.url, headers=request.headers, body=request.body,
                total_timeout=float(manifest.api.timeout_seconds),
            )  # fmt: skip
        except EgressFailed as failure:
            return _Seen(Verdict(failure.cause, failure.detail), None)
        headers = {name.lower(): value for name, value in reply.headers}
        return _Seen(verdict(verification, reply.status, headers, reply.body), reply.status)
