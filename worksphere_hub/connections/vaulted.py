"""Credentials, sealed and opened. A sealed one opens in its own connection and slot only."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from worksphere_hub.connections.models import Fresh, Held
from worksphere_hub.security.vault import Place, Vault

PURPOSE = "cred"
_TABLE = "connection_credentials"


async def seal(vault: Vault, org: UUID, connection: UUID, fresh: Fresh) -> bytes:
    """A credential's content, sealed."""
    return await vault.seal(org, PURPOSE, _place(connection, fresh.slot), msgspec.json.encode(fresh.content))


async def unseal(vault: Vault, org: UUID, connection: UUID, held: Held) -> Mapping[str, Any]:
    """A stored credential's content."""
    return msgspec.json.decode(await vault.open(org, PURPOSE, _place(connection, held.slot), held.sealed))


async def seal_text(vault: Vault, org: UUID, place: tuple[str, str, str], text: str) -> bytes:
    """Any other secret of this room; `place` is table, column and row."""
    return await vault.seal(org, PURPOSE, Place(*place), text.encode())


async def unseal_text(vault: Vault, org: UUID, place: tuple[str, str, str], sealed: bytes) -> str:
    """The same, opened."""
    return (await vault.open(org, PURPOSE, Place(*place), sealed)).decode()


def _place(connection: UUID, slot: str) -> Place:
    return Place(_TABLE, "sealed", f"{connection.hex}/{slot}")
