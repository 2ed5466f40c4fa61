"""Single statements as the owner of the schema, for what the hub's own logins may not do."""

from uuid import UUID

from worksphere_hub.db.failures import permitted
from worksphere_hub.db.pool import Database, Row


async def run_script_as_owner(owner_url: str, script: str, *, org: UUID) -> None:
    """Run several statements for one organization, in one transaction."""
    database = await Database.open(owner_url, application="worksphere-hub owner", size=1, statement_timeout=300)
    try:
        async with database.tenant(org) as tx:
            await tx.run(script)
    finally:
        await database.close()


async def call_as_owner(owner_url: str, query: str, *args: object) -> list[Row]:
    """Connect, run one statement, disconnect."""
    database = await Database.open(owner_url, application="worksphere-hub owner", size=1)
    try:
        with permitted("Do this as the role that owns the hub's schema."):
            return await database.call(query, *args)
    finally:
        await database.close()
