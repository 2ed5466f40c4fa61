"""A connection, ready to be called with: its credential opened, and renewed where it has to be."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from worksphere_hub import clock
from worksphere_hub.connections import renewal, store
from worksphere_hub.connections.errors import (
    ConnectionDisabled,
    NeedsReauthorization,
    NotConnected,
    ProviderUnavailable,
)
from worksphere_hub.connections.models import ENTERED, Held, Subject
from worksphere_hub.connections.renew import Renewer
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Database
from worksphere_hub.sdk.manifest.auth import Custom, OAuth2
from worksphere_hub.security.vault import Vault


@dataclass(frozen=True, slots=True)
class Ready:
    """A connection that can be called with now; `version` is that of the credential in `slot`."""

    subject: Subject
    slot: str
    version: int


class Broker:
    """Hands out connections that are ready."""

    def __init__(self, database: Database, vault: Vault, renewer: Renewer, settings: ConnectionSettings) -> None:
        self._database = database
        self._vault = vault
        self._renewer = renewer
        self._settings = settings

    async def ready(self, org: UUID, connection: UUID, slot: str = "main", *, refused: int | None = None) -> Ready:
        """Open a connection for calls. `refused` is the version that the API has just not taken: it is replaced.

        Raises ConnectionNotFound, ConnectionDisabled, NotConnected, NeedsReauthorization, ProviderUnavailable.
        """
        subject = await self._open(org, connection)
        held = self._credential(subject, slot)
        if held is None:
            return Ready(subject, slot, 0)
        if not self._needs_renewal(held, refused):
            return Ready(subject, slot, held.version)
        await self._renewer.renew(org, connection, held, refused=refused == held.version)
        subject = await self._open(org, connection)
        after = self._credential(subject, slot)
        if after is None or (after.version == held.version and not _is_alive(after, refused)):
            raise _unavailable(after, clock.now())
        return Ready(subject, slot, after.version)

    async def refused(self, org: UUID, connection: UUID) -> None:
        """The API does not take what was handed out last: whether it takes it at all is tested soon, by a worker."""
        async with self._database.tenant(org) as tx:
            await tx.run(QUERIES.check_refused, org, connection, store.interval(self._settings.refused_pause))

    async def _open(self, org: UUID, connection: UUID) -> Subject:
        async with self._database.tenant(org) as tx:
            sealed = await store.read(tx, await store.find(tx, org, connection))
        subject = await store.opened(self._vault, sealed)
        if not subject.connection.enabled or not subject.definition.enabled:
            raise ConnectionDisabled
        return subject

    def _credential(self, subject: Subject, slot: str) -> Held | None:
        """What is called with; None where nothing but what was typed in is needed."""
        connection, method = subject.connection, subject.method
        if connection.status == "needs_reauthorization":
            raise NeedsReauthorization(connection.status_reason)
        if connection.status in {"pending", "disconnected"}:
            raise NotConnected("Authorize it, or enter its credential, first.")
        held = subject.held.get(slot)
        if isinstance(method, OAuth2) or (isinstance(method, Custom) and method.steps):
            if held is None:
                raise NotConnected(f"The account's owner has not authorized it for {slot!r}.")
            if held.dead_at is not None:
                raise NeedsReauthorization(connection.status_reason)
            return held
        if method.type != "none" and ENTERED not in subject.held:
            raise NotConnected("Enter its credential first.")
        return None

    def _needs_renewal(self, held: Held, refused: int | None) -> bool:
        if held.renewal is None:
            return False
        now = clock.now()
        if not renewal.is_usable(held.expires_at, now):
            return True
        # Renewed a moment ago and refused already: the API means something else, and would refuse the next one, too.
        renewed = (now - held.obtained_at).total_seconds()
        return refused == held.version and renewed > self._settings.refused_pause


def _is_alive(held: Held, refused: int | None) -> bool:
    return refused != held.version and renewal.is_usable(held.expires_at, clock.now())


def _unavailable(held: Held | None, now: datetime) -> ProviderUnavailable:
    wait = None if held is None or held.retry_at is None else max((held.retry_at - now).total_seconds(), 0.0)
    return ProviderUnavailable(
        "The credential has run out and could not be renewed; it will be tried again.", retry_after=wait or 15.0
    )
