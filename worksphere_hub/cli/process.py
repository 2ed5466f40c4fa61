"""Run one long-lived process of the hub."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from worksphere_hub.app.settings import Settings, load_settings
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.telemetry import logs, traces


def run(main: Callable[[Settings], Awaitable[None]]) -> None:
    """Load the settings, open the logs, run until it ends."""
    settings = load_settings()
    logs.configure(settings.log_level, json=settings.log_json, redact=redact_fields)
    tracing = traces.start(redact_fields) if settings.traces else None

    async def until_done() -> None:
        # What is loaded by now stays for good: looking through it for garbage, as often as a busy process would,
        # costs more than anything it could find.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        await main(settings)

    try:
        _run(until_done)
    finally:
        if tracing is not None:
            traces.stop(tracing)


def _run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    if sys.platform == "win32":
        asyncio.run(main())
    else:
        import uvloop  # noqa: PLC0415 - does not exist on Windows

        uvloop.run(main())
