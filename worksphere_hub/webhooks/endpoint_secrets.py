"""An endpoint's signing keys and the credentials it is shown: minted, sealed, rotated."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.security.signing import new_secret, parse_secret
from worksphere_hub.security.signing_ed25519 import new_signing_key, parse_signing_key
from worksphere_hub.security.vault import Vault
from worksphere_hub.webhooks.directory import secret_place
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.receiver_auth import Credentials
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A key or a credential, sealed to the row it will be in. `public_key` is the public half of a v1a key."""

    id: UUID
    kind: str
    sealed: bytes
    public_key: str | None = None


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Fresh signing keys. `secret` is the v1 secret in clear, to be shown once; `public_key` that of the v1a key."""

    sealed: tuple[SealedSecret, ...]
    secret: str | None
    public_key: str | None


async def mint(vault: Vault, org: UUID, signatures: tuple[str, ...], secret: str | None = None) -> NewKeys:
    """Make a key for each kind of signature, or take the given v1 secret. Raises SecretRefused."""
    made: list[SealedSecret] = []
    public_key = None
    if "v1" in signatures:
        secret = secret or new_secret()
        parse_secret(secret)
        made.append(await _seal(vault, org, "v1", secret))
    else:
        secret = None
    if "v1a" in signatures:
        text = new_signing_key()
        public_key = parse_signing_key(text).public_text
        made.append(await _seal(vault, org, "v1a", text, public_key))
    return NewKeys(tuple(made), secret, public_key)


async def seal_credentials(vault: Vault, org: UUID, credentials: Credentials) -> SealedSecret:
    """Seal what a receiver is shown."""
    return await _seal(vault, org, "auth", msgspec.json.encode(credentials).decode())


async def put(tx: Transaction, org: UUID, endpoint: UUID, secret: SealedSecret) -> None:
    """Store a sealed secret."""
    await tx.run(QUERIES.insert_secret, org, endpoint, secret.id, secret.kind, secret.sealed, secret.public_key)


async def rotate(
    services: Services, principal: Principal, endpoint: UUID, *, overlap: timedelta, secret: str | None
) -> NewKeys:
    """Give an endpoint new signing keys. The old ones sign beside them for `overlap`; zero revokes them at once."""
    async with services.database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.endpoint_by_id, principal.org, endpoint)
    if row is None:
        raise EndpointNotFound
    keys = await mint(services.vault, principal.org, tuple(row["signatures"]), secret)
    until = clock.now() + overlap
    async with services.database.tenant(principal.org) as tx:
        if await tx.row(QUERIES.endpoint_for_change, principal.org, endpoint) is None:
            raise EndpointNotFound
        for each in keys.sealed:
            await tx.run(QUERIES.expire_secrets, principal.org, endpoint, each.kind, until)
            await put(tx, principal.org, endpoint, each)
        await tx.run(QUERIES.touch_endpoint, principal.org, endpoint)
        await audit.record(
            tx,
            principal,
            "endpoint.secret_rotated",
            target_kind="endpoint",
            target_id=ids.encode("whe", endpoint),
            changes={"old_keys_until": [None, until.isoformat()]},
        )
    return keys


async def list_keys(tx: Transaction, org: UUID, endpoint: UUID) -> list[Row]:
    """An endpoint's signing keys that have not expired, newest first, without what is sealed."""
    return await tx.rows(QUERIES.endpoint_keys, org, endpoint)


async def _seal(vault: Vault, org: UUID, kind: str, text: str, public_key: str | None = None) -> SealedSecret:
    secret_id = ids.new()
    return SealedSecret(
        secret_id, kind, await vault.seal(org, "cred", secret_place(secret_id), text.encode()), public_key
    )
