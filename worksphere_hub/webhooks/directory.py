"""What a worker knows of endpoints: how to send to them, read once per change of an endpoint."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from worksphere_hub import clock
from worksphere_hub.clouds.signer import signer_of
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.security.encrypted_body import read_receiver_key
from worksphere_hub.security.signing import parse_secret
from worksphere_hub.security.signing_ed25519 import parse_signing_key
from worksphere_hub.security.vault import Place, Vault
from worksphere_hub.webhooks.destinations.catalogue import read_destination
from worksphere_hub.webhooks.endpoint_rows import configuration_of
from worksphere_hub.webhooks.models import Claim, Configuration
from worksphere_hub.webhooks.receiver_auth import Credentials, Http, ReceiverAuth
from worksphere_hub.webhooks.retry import RetryPolicy, ScheduleRetry, read_policy
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.shape import Shape
from worksphere_hub.webhooks.store import QUERIES
from worksphere_hub.webhooks.targets import Target

_SIZE = 20_000


def secret_place(secret: UUID) -> Place:
    """Where an endpoint's key or credential is sealed to."""
    return Place("webhook_endpoint_secrets", "sealed", secret.hex)


@dataclass(frozen=True, slots=True)
class _Known:
    updated_at: datetime
    # Until a key that is being rotated out expires.
    until: datetime | None
    target: Target


def open_directory(database: Database, vault: Vault, settings: WebhookSettings) -> "Directory":
    """A directory in which endpoints without a retry policy have the operator's."""
    return Directory(database, vault, ScheduleRetry(settings.schedule, jitter=settings.jitter))


class Directory:
    """Targets by endpoint. A claim says when its endpoint last changed, so what is cached is never stale."""

    def __init__(self, database: Database, vault: Vault, default_policy: RetryPolicy) -> None:
        self._database = database
        self._vault = vault
        self._default_policy = default_policy
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._loading: dict[UUID, asyncio.Task[_Known | None]] = {}

    async def target(self, claim: Claim) -> Target | None:
        """Where and how to send this; None when the endpoint is gone by now."""
        return await self.find(claim.org, claim.endpoint, claim.endpoint_updated_at)

    async def find(self, org: UUID, endpoint: UUID, updated_at: datetime | None) -> Target | None:
        """What is needed to send to an endpoint, no older than `updated_at`; None when it is gone by now."""
        known = self._known.get(endpoint)
        if (
            known is not None
            and updated_at is not None
            and known.updated_at >= updated_at
            and (known.until is None or clock.now() < known.until)
        ):
            return known.target
        # One read for all the deliveries that wait for the same endpoint.
        task = self._loading.get(endpoint)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(org, endpoint))
            self._loading[endpoint] = task
            task.add_done_callback(lambda _: self._loading.pop(endpoint, None))
        found = await asyncio.shield(task)
        return found.target if found else None

    async def _load(self, org: UUID, endpoint: UUID) -> _Known | None:
        async with self._database.tenant(org) as tx:
            row = await tx.row(QUERIES.endpoint_target, org, endpoint)
            secrets = await tx.rows(QUERIES.endpoint_secrets, org, endpoint) if row else []
        if row is None:
            self._known.pop(endpoint, None)
            return None
        opened = [
            (secret["kind"], await self._vault.open(org, "cred", secret_place(secret["id"]), secret["sealed"]))
            for secret in secrets
        ]
        until = min((secret["expires_at"] for secret in secrets if secret["expires_at"]), default=None)
        found = _Known(row["updated_at"], until, self._make(row, opened))
        self._known[endpoint] = found
        self._known.move_to_end(endpoint)
        while len(self._known) > _SIZE:
            self._known.popitem(last=False)
        return found

    def _make(self, row: Row, opened: list[tuple[str, bytes]]) -> Target:
        wanted = configuration_of(row)
        both = {kind: [text for name, text in opened if name == kind] for kind in ("v1", "v1a", "auth")}
        shown = msgspec.json.decode(both["auth"][0], type=Credentials) if both["auth"] else None
        destination = None if wanted.destination is None else read_destination(wanted.destination)
        return Target(
            url=(wanted.url or "") if destination is None else destination.address,
            destination=destination,
            ready=signer_of(shown),
            method=wanted.method,
            headers=tuple((wanted.headers or {}).items()),
            keys=tuple(parse_secret(text.decode()) for text in both["v1"] if "v1" in wanted.signatures),
            asymmetric_keys=tuple(
                parse_signing_key(text.decode()) for text in both["v1a"] if "v1a" in wanted.signatures
            ),
            shape=shape_of(wanted),
            receiver_key=read_receiver_key(wanted.encryption_key) if wanted.encryption_key else None,
            auth=ReceiverAuth(shown) if isinstance(shown, Http) else None,
            policy=read_policy(wanted.retry_policy) if wanted.retry_policy else self._default_policy,
            on_exhausted=wanted.on_exhausted,
        )


def shape_of(wanted: Configuration) -> Shape | None:
    """How an endpoint's messages are shaped; None when they go out as they are."""
    if not (wanted.filter or wanted.transform or wanted.thin or wanted.compression):
        return None
    return Shape(
        filter=load_expression(wanted.filter) if wanted.filter else None,
        transform=load_expression(wanted.transform) if wanted.transform else None,
        thin=wanted.thin,
        compression="gzip" if wanted.compression else None,
    )
