"""What a worker knows of endpoints: where to send and what to sign with, read once per change of an endpoint."""

import asyncio
from collections import OrderedDict
from datetime import datetime
from uuid import UUID

from worksphere_hub.db.pool import Database
from worksphere_hub.security.signing import parse_secret
from worksphere_hub.security.vault import Place, Vault
from worksphere_hub.webhooks.models import Claim, Target
from worksphere_hub.webhooks.store import QUERIES

_SIZE = 20_000


def secret_place(secret: UUID) -> Place:
    """Where a signing secret is sealed to."""
    return Place("webhook_endpoint_secrets", "sealed", secret.hex)


class Directory:
    """Targets by endpoint. A claim says when its endpoint last changed, so what is cached is never stale."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._known: OrderedDict[UUID, tuple[datetime, Target]] = OrderedDict()
        self._loading: dict[UUID, asyncio.Task[tuple[datetime, Target] | None]] = {}

    async def target(self, claim: Claim) -> Target | None:
        """Where to send this; None when the endpoint is gone by now."""
        known = self._known.get(claim.endpoint)
        if known is not None and claim.endpoint_updated_at is not None and known[0] >= claim.endpoint_updated_at:
            return known[1]
        # One read for all the deliveries that wait for the same endpoint.
        task = self._loading.get(claim.endpoint)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(claim.org, claim.endpoint))
            self._loading[claim.endpoint] = task
            task.add_done_callback(lambda _: self._loading.pop(claim.endpoint, None))
        found = await asyncio.shield(task)
        return found[1] if found else None

    async def _load(self, org: UUID, endpoint: UUID) -> tuple[datetime, Target] | None:
        async with self._database.tenant(org) as tx:
            row = await tx.row(QUERIES.endpoint_target, org, endpoint)
        if row is None:
            self._known.pop(endpoint, None)
            return None
        keys = [
            parse_secret((await self._vault.open(org, "cred", secret_place(secret), sealed)).decode())
            for secret, sealed in zip(row["secret_ids"], row["sealed"], strict=True)
        ]
        found = (row["updated_at"], Target(row["url"], tuple(keys)))
        self._known[endpoint] = found
        self._known.move_to_end(endpoint)
        while len(self._known) > _SIZE:
            self._known.popitem(last=False)
        return found
