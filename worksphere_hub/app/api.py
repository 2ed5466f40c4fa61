"""The API process: one table of routers, and what stands behind them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from worksphere_hub.accounts import routes as account_routes
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.services import open_accounts
from worksphere_hub.app import start_page
from worksphere_hub.app.hub import Hub, open_hub
from worksphere_hub.app.settings import Settings
from worksphere_hub.bus.doorbell import Bell
from worksphere_hub.catalog import builtin
from worksphere_hub.catalog import routes as catalog_routes
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.connections import routes as connection_routes
from worksphere_hub.connections.proxy_routes import ProxyDoor, proxy_routes
from worksphere_hub.connections.services import open_connections
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.contract_book import ContractBook
from worksphere_hub.http.limits import Limits, RateLimiter
from worksphere_hub.http.listen import listen
from worksphere_hub.http.server import Server, create_app
from worksphere_hub.inbound import routes as inbound_routes
from worksphere_hub.inbound.receive import Doorkeeper
from worksphere_hub.inbound.refusals import Refusals
from worksphere_hub.inbound.sources import Inbound
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.telemetry.metrics import create_metrics
from worksphere_hub.webhooks import routes as webhook_routes
from worksphere_hub.webhooks.directory import open_directory
from worksphere_hub.webhooks.event_types import EventTypes
from worksphere_hub.webhooks.publish import Publisher
from worksphere_hub.webhooks.publish_openapi import raw_routes
from worksphere_hub.webhooks.services import Services

ROUTERS: tuple[APIRouter, ...] = (
    start_page.router,
    *account_routes.ROUTERS,
    *webhook_routes.ROUTERS,
    *inbound_routes.ROUTERS,
    *catalog_routes.ROUTERS,
    *connection_routes.ROUTERS,
)

_TOUCH_SECONDS = 30.0


async def serve(settings: Settings) -> None:
    """Run an API process until it is told to stop; what it has accepted by then is committed."""
    async with open_hub(settings, role="hub_app") as hub, open_api(hub) as app:
        await builtin.load(Catalog(hub.database, settings.catalog))
        await listen(
            app,
            host=settings.host,
            port=settings.port,
            limits=_limits(settings),
            trusted_proxies=settings.trusted_proxies,
        )


@asynccontextmanager
async def open_api(hub: Hub) -> AsyncGenerator[Server]:
    """Build the application on an open hub."""
    settings = hub.settings
    bell = Bell(settings.run_folder)

    def committed(count: int) -> None:
        hub.metrics.events_accepted.inc(count)
        bell.ring()
        # One commit is one unit of work: at full speed a line for each event would cost more than the event.
        with wide("events.accepted", count=count):
            pass

    acceptor = Acceptor(hub.database, settings.events, on_committed=committed)
    authenticator = Authenticator(hub.database, hub.deployment.pepper, RateLimiter(), settings.accounts)
    accounts = open_accounts(hub.database, hub.deployment.pepper, settings.accounts)
    directory = open_directory(hub.database, hub.vault, settings.webhooks)
    services = Services(hub.database, hub.vault, hub.egress, acceptor, settings.webhooks, directory)
    publisher = Publisher(
        authenticator, acceptor, ContractBook(hub.database, settings.events), settings.events, hub.metrics
    )
    inbound_bell = Bell(settings.inbound_run_folder)
    refusals = Refusals(hub.database)
    connections = open_connections(hub.database, hub.vault, hub.provider_egress, settings.connections)
    state: dict[str, Any] = {
        "database": hub.database,
        "authenticator": authenticator,
        "accounts": accounts,
        "answers": PostgresAnswers(hub.database, hub.vault),
        "webhooks": services,
        "inbound": _inbound(hub, refusals, inbound_bell),
        "catalog": Catalog(hub.database, settings.catalog),
        "connections": connections,
        "event_types": EventTypes(hub.database, settings.events),
        "settings": settings,
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
        yield state

    async def database_answers() -> str | None:
        await hub.database.call("select 1")
        return None

    bare = raw_routes(publisher.publish, publisher.publish_batch)
    bare |= proxy_routes(ProxyDoor(authenticator, connections.proxy, connections.calls, settings.connections))
    app = create_app(
        routers=ROUTERS,
        raw_routes=bare,
        metrics=hub.metrics,
        readiness={"database": database_answers},
        limits=_limits(settings),
        lifespan=lifespan,
    )
    touching = asyncio.create_task(_keep_touching(authenticator))
    try:
        yield app
    finally:
        await acceptor.close()
        await refusals.close()
        await connections.close()
        touching.cancel()
        with suppress(asyncio.CancelledError):
            await touching
        await authenticator.flush_touches()
        accounts.passwords.close()
        bell.close()
        inbound_bell.close()


def _inbound(hub: Hub, refusals: Refusals, bell: Bell) -> Inbound:
    settings = hub.settings
    doorkeeper = Doorkeeper(
        hub.database, hub.vault, refusals, settings.inbound, limiter=RateLimiter(), on_stored=bell.ring
    )
    return Inbound(hub.database, hub.vault, doorkeeper, hub.egress, settings.inbound, settings.trusted_proxies)


def document() -> dict[str, Any]:
    """The OpenAPI document, without a database or a key."""

    async def nowhere(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("this application only describes itself")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
        yield {}

    described = create_app(
        routers=ROUTERS,
        raw_routes={**raw_routes(nowhere, nowhere), **proxy_routes(nowhere)},
        metrics=create_metrics(),
        readiness={},
        limits=Limits(),
        lifespan=lifespan,
    )
    return described.api.openapi()


async def _keep_touching(authenticator: Authenticator) -> None:
    while True:
        await asyncio.sleep(_TOUCH_SECONDS)
        await authenticator.flush_touches()


def _limits(settings: Settings) -> Limits:
    return Limits(body_bytes=settings.events.body_limit)
