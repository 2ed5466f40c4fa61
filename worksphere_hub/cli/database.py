"""The database, for commands that work on it without a running API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from worksphere_hub.app.deployment import Deployment, load, master_keys
from worksphere_hub.app.embedded import API_LOGIN, reach
from worksphere_hub.app.settings import Settings, load_settings
from worksphere_hub.db.pool import Database


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database, and what is known of it."""

    settings: Settings
    database: Database
    deployment: Deployment


@asynccontextmanager
async def opened(login: str = API_LOGIN) -> AsyncGenerator[Opened]:
    """Open HUB_DATABASE_URL, or as `login` the embedded server of the hub that runs in HUB_HOME."""
    settings = reach(load_settings(), login)
    assert settings.database_url is not None
    database = await Database.open(settings.database_url.reveal(), application="worksphere-hub cli", size=2)
    try:
        yield Opened(settings, database, await load(database, master_keys(settings)))
    finally:
        await database.close()
