"""Run one long-lived process of the hub."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from worksphere_hub.app.settings import Settings, load_settings
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.telemetry import logs


def run(main: Callable[[Settings], Awaitable[None]]) -> None:
    """Load the settings, open the logs, run until it ends."""
    settings = load_settings()
    logs.configure(settings.log_level, json=settings.log_json, redact=redact_fields)

    async def until_done() -> None:
        await main(settings)

    if sys.platform == "win32":
        asyncio.run(until_done())
    else:
        import uvloop  # noqa: PLC0415 - does not exist on Windows

        uvloop.run(until_done())
