"""The vault's data keys in PostgreSQL, each organization's under its own row-level security."""

from collections.abc import Sequence
from uuid import UUID

from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.security.vault import Vault, WrappedKey


class PostgresKeyStore:
    """Keeps wrapped data keys (the vault's KeyStore)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_keys(self, org: UUID, purpose: str) -> Sequence[WrappedKey]:
        """Every key of the organization for this purpose, of any version and state."""
        async with self._database.tenant(org) as tx:
            return [_key_of(row) for row in await tx.rows(QUERIES.organization_keys, org, purpose)]

    async def add_key(self, key: WrappedKey) -> WrappedKey:
        """Store a key and return it; when its version is taken, return the one that is there."""
        name = (key.org, key.purpose, key.version)
        async with self._database.tenant(key.org) as tx:
            await tx.run(QUERIES.insert_organization_key, *name, key.wrapped, key.kek_id, key.state)
            # A statement of its own: only a new snapshot sees the row of whoever was first.
            row = await tx.row(QUERIES.organization_key, *name)
        assert row is not None
        return _key_of(row)


async def rewrap_all(database: Database, vault: Vault, master_key_id: str) -> int:
    """Wrap every data key under the current master key, `master_key_id`; answers how many. For a worker's login.

    May be stopped and run again, and run twice at once: a key that somebody else has rewrapped is left alone.
    """
    count = 0
    while rows := await database.call(QUERIES.stale_organization_keys, master_key_id):
        for row in rows:
            before = _key_of(row)
            after = vault.rewrap(before)
            name = (before.org, before.purpose, before.version)
            done = await database.call(
                QUERIES.rewrap_organization_key, *name, before.wrapped, after.wrapped, after.kek_id
            )
            count += done[0][0]
    return count


def _key_of(row: Row) -> WrappedKey:
    return WrappedKey(
        org=row["org_id"],
        purpose=row["purpose"],
        version=row["version"],
        wrapped=row["wrapped"],
        kek_id=row["master_key_id"],
        state=row["state"],
    )
