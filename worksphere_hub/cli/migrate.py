"""`worksphere-hub migrate`: bring a database forward."""

import asyncio

from worksphere_hub.app.deployment import found, master_keys
from worksphere_hub.app.settings import InvalidSetting, load_settings
from worksphere_hub.cli.screen import say, working
from worksphere_hub.db import migrate as database


def migrate() -> None:
    """Create or upgrade the schema on HUB_OWNER_URL (else HUB_DATABASE_URL), and note the master key."""
    settings = load_settings()
    url = settings.owner_url or settings.database_url
    if url is None:
        raise InvalidSetting("Set HUB_OWNER_URL to the database's owner, e.g. postgresql://owner:password@host/hub.")
    keys = master_keys(settings)
    with working("Migrating"):
        applied = asyncio.run(database.migrate(url.reveal(), progress=lambda name: say(f"Applying {name}")))
        asyncio.run(found(url.reveal(), keys))
    say(f"{len(applied)} migrations applied" if applied else "Nothing to do: the database is up to date")
