"""Run one long-lived process of the hub."""

import asyncio
import gc
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
        # What is loaded by now stays for good: looking through it for garbage, as often as a busy process would,
        # costs more than anything it could find.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        await main(settings)

    if sys.platform == "win32":
        asyncio.run(until_done())
    else:
        import uvloop  # noqa: PLC0415 - does not exist on Windows

        uvloop.run(until_done())
