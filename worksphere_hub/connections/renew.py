"""Renew a credential: once, whoever asks and however many processes do, and whatever dies on the way.

Nothing is held while the provider is asked but a lease in a row; see database/schema/30_connections/315 for the steps.
"""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from worksphere_hub import clock
from worksphere_hub.connections import condition, issue, renewal, scopes, store
from worksphere_hub.connections.clients import client_for
from worksphere_hub.connections.errors import ClientMissing, RenewalBusy
from worksphere_hub.connections.models import Connection, Fresh, Held, Subject
from worksphere_hub.connections.provider import Provider, TokenRefused, Unanswered, chance
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.token_answer import Grant, granted
from worksphere_hub.connections.token_request import Asking, Client
from worksphere_hub.connections.vaulted import seal, seal_text
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.security.vault import Vault
from worksphere_hub.telemetry.logs import wide

_SHORTEST_LOOK = 0.02
# What became of an earlier intent is as unknown as before.
_NOTHING_KNOWN = False
_LONGEST_LOOK = 0.5
_INTERRUPTED = " An earlier renewal had been interrupted, so its answer may have been lost."


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to renew one credential for a while, with everything that takes."""

    subject: Subject
    held: Held
    client: Client

    @property
    def connection(self) -> Connection:
        """Whose credential it is."""
        return self.subject.connection

    @property
    def name(self) -> tuple[UUID, UUID, str]:
        """The row."""
        return self.connection.org, self.connection.id, self.held.slot

    @property
    def mark(self) -> tuple[UUID, UUID, str, int, int]:
        """The row, the version and the fence: what every further step asks to be still true."""
        return *self.name, self.held.version, self.held.fence


class Renewer:
    """Renews credentials. One a process; callers of one credential share one attempt."""

    def __init__(self, database: Database, vault: Vault, provider: Provider, settings: ConnectionSettings) -> None:
        self._database = database
        self._vault = vault
        self._provider = provider
        self._settings = settings
        self._running: dict[tuple[UUID, UUID, str, int], asyncio.Task[None]] = {}

    async def renew(self, org: UUID, connection: UUID, held: Held, *, refused: bool = False) -> None:
        """See to it that the version that was seen is replaced, by whomever; returns when it is or cannot be now.

        The caller reads the credential again. `refused`: the API does not take the access token, whatever its time.
        Raises RenewalBusy when somebody else takes too long over it.
        """
        key = (org, connection, held.slot, held.version)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._renew(org, connection, held, refused=refused))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # Shielded: a caller that goes away must not take an answer with it that can be had only once.
        await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is under way: an answer that is not stored would be lost."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _renew(self, org: UUID, connection: UUID, seen: Held, *, refused: bool) -> None:
        deadline = clock.monotonic() + self._settings.renewal_wait
        pause = _SHORTEST_LOOK
        while True:
            lease = await self._lease(org, connection, seen)
            if lease is not None:
                await self._spend(lease, refused=refused)
                return
            if await self._moved_on(org, connection, seen):
                return
            if clock.monotonic() > deadline:
                raise RenewalBusy(retry_after=5.0)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    async def _lease(self, org: UUID, connection: UUID, seen: Held) -> Lease | None:
        """Take the lease and read all that is needed; the transaction is over before anybody is called."""
        settings = self._settings
        async with self._database.tenant(org) as tx:
            row = await tx.row(
                QUERIES.lease_credential, org, connection, seen.slot, seen.version, store.interval(settings.lease)
            )
            if row is None:
                return None
            sealed = await store.read(tx, await store.find(tx, org, connection), with_client=True)
        held = store.held_of(row)
        try:
            subject = await store.opened(self._vault, sealed)
            return Lease(subject, held, await client_for(self._vault, subject, sealed.client))
        except HubError as failure:
            wait = store.interval(renewal.wait_after(held.failures + 1, chance()))
            mark = (org, connection, held.slot, held.version, held.fence)
            async with self._database.tenant(org) as tx:
                await tx.run(QUERIES.release_credential, *mark, failure.code, wait, _NOTHING_KNOWN)
            raise

    async def _moved_on(self, org: UUID, connection: UUID, seen: Held) -> bool:
        """Whether there is nothing to wait for: another version, none, a dead one, or one not to be tried yet."""
        async with self._database.tenant(org) as tx:
            row = await tx.row(QUERIES.credential_of, org, connection, seen.slot)
        if row is None or row["version"] != seen.version or row["dead_at"] is not None:
            return True
        return row["retry_at"] is not None and row["retry_at"] > clock.now()

    async def _spend(self, lease: Lease, *, refused: bool) -> None:
        held, now = lease.held, clock.now()
        uncertain = held.intent_fence is not None
        ends = None if refused else held.expires_at
        if uncertain and not refused and not renewal.may_spend_again(_rotation(lease), ends, now):
            await self._defer(lease, now)
            return
        with wide("credential.renewed", **_facts(lease), uncertain=uncertain) as line:
            if not await self._intend(lease, now):
                line.fail("lease_lost")
                return
            try:
                fresh, grant = await self._ask(lease)
            except (TokenRefused, Unanswered, HubError) as failure:
                line.fail(_word(failure))
                await self._failed(lease, failure, uncertain=uncertain)
                return
            # First thing, before anything else can go wrong: it is the only copy.
            if not await self._store(lease, fresh):
                line.fail("superseded")
                return
            if grant is not None or lease.connection.status == "failing":
                await self._settle(lease, grant)

    async def _defer(self, lease: Lease, now: datetime) -> None:
        """Leave a refresh token of unknown fate alone while the access token still works."""
        ends = lease.held.expires_at
        due = now + timedelta(hours=1) if ends is None else max(ends - renewal.MARGIN, now)
        async with self._database.tenant(lease.connection.org) as tx:
            await tx.run(QUERIES.defer_credential, *lease.mark, due)

    async def _intend(self, lease: Lease, now: datetime) -> bool:
        spent = str(lease.subject.contents[lease.held.slot].get("refresh_token", ""))
        intent: dict[str, Any] = {
            "spends": hashlib.sha256(spent.encode()).hexdigest(), "at": now.isoformat(), "by": os.getpid()
        }  # fmt: skip
        org, connection, slot = lease.name
        place = ("connection_credentials", "sealed_intent", f"{connection.hex}/{slot}")
        sealed = await seal_text(self._vault, org, place, msgspec.json.encode(intent).decode())
        async with self._database.tenant(org) as tx:
            return await tx.row(QUERIES.intend, *lease.name, lease.held.fence, sealed) is not None

    async def _ask(self, lease: Lease) -> tuple[Fresh, Grant | None]:
        subject, held, method = lease.subject, lease.held, lease.subject.method
        if held.renewal == "steps":
            exchanged = await self._provider.exchange(subject)
            return issue.from_steps(exchanged.captured, exchanged.expires_in, clock.now()), None
        assert isinstance(method, OAuth2)
        asking = Asking(method, lease.client, subject.values(held.slot), clock.epoch())
        before = subject.contents[held.slot]
        wanted = scopes.by_slot(method, scopes.wanted(method, subject.connection.requested_scopes))[held.slot]
        post = asking.renew(before["refresh_token"], wanted) if held.renewal == "refresh" else asking.obtain(wanted)
        grant = await self._provider.grant(subject, lease.client, post, only=held.slot)
        spread = (self._settings.keep_alive, chance())
        return issue.renewed(method, held, before, grant, clock.now(), spread), grant

    async def _store(self, lease: Lease, fresh: Fresh) -> bool:
        org, connection, _ = lease.name
        sealed = await seal(self._vault, org, connection, fresh)
        previous = store.interval(self._settings.previous_time)
        async with self._database.tenant(org) as tx:
            stored = await tx.row(
                QUERIES.store_renewed, *lease.mark, sealed, fresh.obtained_at, fresh.expires_at, fresh.due_at, previous
            )
        return stored is not None

    async def _settle(self, lease: Lease, grant: Grant | None) -> None:
        """What follows from a renewal that worked: scopes as they are now, and an end of trouble."""
        before = lease.connection
        method = lease.subject.method
        async with self._database.tenant(before.org) as tx:
            connection = await store.find(tx, before.org, before.id, lock=True)
            if isinstance(method, OAuth2) and grant is not None and len(method.slots) == 1:
                held = granted(grant, connection.granted_scopes)
                if held != connection.granted_scopes:
                    await tx.run(QUERIES.set_scopes, connection.org, connection.id, held, scopes.missing(method, held))
            if connection.status == "failing":
                await condition.become(tx, connection, "connected", None, self._settings.check_every)
                await condition.feel(tx, connection, "healthy", None)

    async def _failed(self, lease: Lease, failure: TokenRefused | Unanswered | HubError, *, uncertain: bool) -> None:
        kind, known = _verdict(failure)
        connection = lease.connection
        given_up = (
            connection.status == "failing"
            and (clock.now() - connection.health_since).total_seconds() > self._settings.give_up_after
        )
        async with self._database.tenant(connection.org) as tx:
            now = await store.find(tx, connection.org, connection.id, lock=True)
            if kind == "dead" or given_up:
                if await tx.row(QUERIES.bury_credential, *lease.mark, _word(failure)) is None:
                    return
                why = (_word(failure), _dead_sentence(failure, uncertain=uncertain))
                await condition.become(tx, now, "needs_reauthorization", why, None)
                await condition.feel(tx, now, "unhealthy", why)
                return
            asked = failure.retry_after if isinstance(failure, TokenRefused) else None
            wait = renewal.wait_after(lease.held.failures + 1, chance(), asked)
            await tx.run(QUERIES.release_credential, *lease.mark, _word(failure), store.interval(wait), known)
            if kind != "transient" and now.status == "connected":
                why = (_word(failure), _trouble_sentence(kind, failure))
                await condition.become(tx, now, "failing", why, self._settings.check_every)
                await condition.feel(tx, now, "unhealthy", why)


def _rotation(lease: Lease) -> str:
    method = lease.subject.method
    return method.rotation if isinstance(method, OAuth2) and lease.held.renewal == "refresh" else "none"


def _facts(lease: Lease) -> dict[str, object]:
    return {
        "org": lease.connection.org.hex, "connection_id": lease.connection.id.hex, "slot": lease.held.slot,
        "version": lease.held.version,
    }  # fmt: skip


def _word(failure: TokenRefused | Unanswered | HubError) -> str:
    return failure.cause if isinstance(failure, Unanswered) else failure.code


def _verdict(failure: TokenRefused | Unanswered | HubError) -> tuple[str, bool]:
    """What a failure means, and whether it is known what the provider made of the request."""
    if isinstance(failure, TokenRefused):
        kind = failure.kind if failure.kind in {"dead", "transient", "operator"} else "ours"
        return kind, failure.status < 500
    if isinstance(failure, Unanswered):
        return "transient", failure.unsent
    return ("operator" if isinstance(failure, ClientMissing) else "ours"), True


def _dead_sentence(failure: TokenRefused | Unanswered | HubError, *, uncertain: bool) -> str:
    sentence = f"The provider does not take the credential any more ({_word(failure)}). Authorize the connection again."
    return sentence + _INTERRUPTED if uncertain else sentence


def _trouble_sentence(kind: str, failure: TokenRefused | Unanswered | HubError) -> str:
    if kind == "operator":
        return (
            f"The provider refuses the OAuth client ({_word(failure)}). Check its id, its secret and its redirect URI."
        )
    return f"The provider does not understand the renewal ({_word(failure)}). Check the integration's manifest."
