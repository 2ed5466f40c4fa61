"""Configure the web server that carries the application."""

from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from worksphere_hub.http.limits import Limits
from worksphere_hub.http.protocol import bounded_protocol

_LOCAL_PROXIES = ("127.0.0.1", "::1")


def server_config(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    limits: Limits,
    trusted_proxies: Sequence[str] = _LOCAL_PROXIES,
    grace_seconds: int = 20,
) -> uvicorn.Config:
    """Configure uvicorn for this application; run it with `uvicorn.Server(config).run()` or `.serve()`.

    `trusted_proxies` are addresses or networks whose X-Forwarded-* is believed. `grace_seconds` is how long
    running requests may take once the process is asked to stop.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded_protocol(limits),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,  # lines go where telemetry.logs sends them
        access_log=False,  # http.access writes the line of a request
        server_header=False,
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=65,  # longer than a load balancer's usual 60 s, so that it closes first
        timeout_graceful_shutdown=grace_seconds,
    )
