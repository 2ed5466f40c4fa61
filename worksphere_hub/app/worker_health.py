"""The health of a worker over HTTP, for whoever gives it a port."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from worksphere_hub.app.hub import Hub
from worksphere_hub.http.limits import Limits
from worksphere_hub.http.listen import listen
from worksphere_hub.http.server import create_app


async def serve_health(hub: Hub) -> None:
    """Serve /healthz, /readyz and /metrics on HUB_WORKER_PORT until cancelled."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
        yield {}

    async def database_answers() -> str | None:
        await hub.database.call("select 1")
        return None

    app = create_app(
        routers=(),
        raw_routes={},
        metrics=hub.metrics,
        readiness={"database": database_answers},
        limits=Limits(),
        lifespan=lifespan,
    )
    await listen(app, host=hub.settings.host, port=hub.settings.worker_port, limits=Limits(), signals=False)
