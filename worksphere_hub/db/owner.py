"""Single statements as the owner of the schema, for what the hub's own logins may not do."""

from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Database, Row


async def call_as_owner(owner_url: str, query: str, *args: object) -> list[Row]:
    """Connect, run one statement, disconnect."""
    with translated():
        database = await Database.open(owner_url, application="worksphere-hub owner", size=1)
        try:
            return await database.call(query, *args)
        finally:
            await database.close()
