"""The door: who is addressed, is it really the provider, store it, answer. What comes of it is the worker's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts.freshness import Fresh
from worksphere_hub.db.pool import Database
from worksphere_hub.http.errors import BodyTooLarge, RateLimited
from worksphere_hub.http.rates import RateLimiter
from worksphere_hub.inbound import store
from worksphere_hub.inbound.errors import NoSuchAddress, NotStoredInTime, NotVerified, SourceDisabled
from worksphere_hub.inbound.models import Door
from worksphere_hub.inbound.refusals import Refusals
from worksphere_hub.inbound.schemes.catalogue import Verification, scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Answer, Received, Refused
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.security.redact import REDACTED, redact_headers
from worksphere_hub.security.tokens import token_digest
from worksphere_hub.security.vault import Place, Vault

TOKEN_PREFIX = "hub_in_"  # noqa: S105 - what a token begins with is no token


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken: the message it is, whether it is new, and what it is answered with besides.

    A challenge that proves nothing is no message.
    """

    message: UUID | None
    new: bool
    answer: Answer | None = None


def secret_place(secret: UUID) -> Place:
    """Where a source's secret is sealed to."""
    return Place("inbound_source_secrets", "sealed", secret.hex)


class Doorkeeper:
    """One per API process."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        refusals: Refusals,
        settings: InboundSettings,
        *,
        limiter: RateLimiter,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_stored` hears of each message that a worker should see to: the doorbell."""
        self._database = database
        self._vault = vault
        self._limiter = limiter
        self._refusals = refusals
        self._settings = settings
        self._on_stored = on_stored
        self._doors = Fresh(self._look_up, seconds=settings.freshness)

    async def admit(self, token: str, announced: int, address: str | None) -> Door:
        """What stands at an address, before the body is read. Raises what answers for it when that is not wanted.

        `announced` is what the request says of its body's length, in bytes; `address` is the client's.
        """
        digest = token_digest(TOKEN_PREFIX, token)
        try:
            async with asyncio.timeout(self._settings.answer_within):
                door = None if digest is None else await self._doors.find(digest, clock.monotonic())
        except TimeoutError:
            raise NotStoredInTime(retry_after=5.0) from None
        if door is None:
            raise NoSuchAddress
        if not door.enabled:
            self.refuse(door, "disabled", address)
            raise SourceDisabled
        wait = self._limiter.take(f"inbound:{door.source.hex}", door.rate_limit, 2 * door.rate_limit, clock.monotonic())
        if wait > 0:
            self.refuse(door, "rate_limited", address)
            raise RateLimited(f"This address takes {door.rate_limit} requests a second.", retry_after=wait)
        if announced > door.size_limit:
            self.refuse(door, "too_large", address)
            raise BodyTooLarge(door.size_limit)
        return door

    def refuse(self, door: Door, reason: str, address: str | None) -> None:
        """Count a refused request for the source's owner."""
        self._refusals.note(door.org, door.source, reason, address)

    async def take(self, door: Door, received: Received, address: str | None) -> Taken:
        """Verify a request and store it, once. It is committed when this returns."""
        try:
            verified = verify(door.scheme, received, door.secrets)
        except Refused as refused:
            self.refuse(door, refused.reason, address)
            raise NotVerified from None
        if not verified.proven:
            return Taken(None, new=False, answer=verified.answer)
        names = (door.org, door.source, ids.new(), verified.event_id)
        body = received.body if verified.kept is None else verified.kept
        content = (received.method, _query(door.scheme, received), _headers(door.scheme, received), body)
        seen_until = clock.now() + timedelta(days=self._settings.seen_days)
        verdict = "verified" if verified.answer is None else "handshake"
        try:
            async with asyncio.timeout(self._settings.answer_within):
                message, new = await store.store_message(self._database, names, seen_until, content, verdict)
        except TimeoutError:
            raise NotStoredInTime(retry_after=5.0) from None
        if new and verified.answer is None:
            self._on_stored()
        return Taken(message, new, verified.answer or verified.acknowledgement)

    async def _look_up(self, digest: bytes) -> Door | None:
        row = await store.find_door(self._database, digest)
        if row is None:
            return None
        secrets = [
            (await self._vault.open(row["org_id"], "cred", secret_place(secret), sealed)).decode()
            for secret, sealed in zip(row["secret_ids"], row["sealed"], strict=True)
        ]
        return Door(
            org=row["org_id"],
            source=row["id"],
            scheme=scheme_of(row["scheme"], row["config"]),
            enabled=row["status"] == "enabled",
            size_limit=row["size_limit"],
            tolerance=row["tolerance"],
            rate_limit=row["rate_limit"],
            secrets=tuple(secrets),
        )


def _headers(scheme: Verification, received: Received) -> list[list[str]]:
    """What is stored of the headers: no credentials, no signatures."""
    hidden = scheme.hidden_headers()
    return [
        [name, REDACTED if name in hidden else redact_headers({name: value})[name]] for name, value in received.headers
    ]


def _query(scheme: Verification, received: Received) -> str:
    hidden = scheme.hidden_parameters()
    if not hidden:
        return received.query
    parts = [(part, part.partition("=")[0]) for part in received.query.split("&")]
    return "&".join(f"{name}={REDACTED}" if unquote_plus(name) in hidden else part for part, name in parts)
