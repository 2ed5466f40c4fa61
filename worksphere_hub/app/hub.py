"""Open and close what a process works with, in order."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.app import deployment
from worksphere_hub.app.settings import InvalidSetting, Settings
from worksphere_hub.db.checks import require_fit
from worksphere_hub.db.migrate import require_current
from worksphere_hub.db.pool import Database
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.redact import Secret
from worksphere_hub.security.reroutes import InvalidReroute, Reroutes
from worksphere_hub.security.vault import Vault
from worksphere_hub.telemetry.metrics import Metrics, create_metrics

# Bytes of an answer that is read whole: tokens, verifications.
_PROVIDER_ANSWER = 1_048_576


@dataclass(frozen=True, slots=True)
class Hub:
    """What every process of the hub has."""

    settings: Settings
    database: Database
    deployment: deployment.Deployment
    vault: Vault
    egress: EgressClient
    provider_egress: EgressClient
    metrics: Metrics


@asynccontextmanager
async def open_hub(settings: Settings, *, role: str) -> AsyncGenerator[Hub]:
    """Open a process that acts as `role` (hub_app or hub_worker); refuses a database or key it cannot trust."""
    url = settings.database_url
    if url is None:
        raise InvalidSetting("HUB_DATABASE_URL is not set. Set it, or use `worksphere-hub up`, which brings its own.")
    keys = deployment.master_keys(settings)
    await require_current(url.reveal())
    await require_fit(url.reveal(), role)
    async with AsyncExitStack() as stack:
        database = await Database.open(
            url.reveal(),
            application=f"worksphere-hub {role}",
            size=settings.database_connections,
            statement_timeout=settings.database_timeout,
        )
        stack.push_async_callback(database.close)
        this = await deployment.load(database, keys)
        egress = EgressClient(
            egress_policy(settings),
            connect_timeout=settings.webhooks.connect_timeout,
            total_timeout=settings.webhooks.attempt_timeout,
            body_limit=settings.webhooks.response_limit,
            proxy=egress_proxy(settings),
        )
        stack.push_async_callback(egress.close)
        # Providers answer more than receivers of webhooks do, and take longer over it.
        provider_egress = EgressClient(
            egress_policy(settings),
            connect_timeout=settings.webhooks.connect_timeout,
            total_timeout=settings.connections.call_timeout,
            body_limit=_PROVIDER_ANSWER,
            proxy=egress_proxy(settings),
            reroutes=egress_reroutes(settings),
        )
        stack.push_async_callback(provider_egress.close)
        vault = Vault(keys, PostgresKeyStore(database), deployment=this.id.hex)
        yield Hub(settings, database, this, vault, egress, provider_egress, create_metrics())


def egress_proxy(settings: Settings) -> Secret | None:
    """The proxy that everything goes out through, if the operator names one."""
    proxy = settings.egress.proxy
    if proxy is None:
        return None
    parts = urlsplit(proxy.reveal())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidSetting("HUB_EGRESS_PROXY must be a URL such as http://login:password@proxy.internal:3128.")
    return proxy


def egress_reroutes(settings: Settings) -> Reroutes:
    """The stand-ins that the operator has put in the place of providers."""
    try:
        return Reroutes(settings.egress.reroutes, egress_policy(settings).allowed_networks)
    except InvalidReroute as refused:
        raise InvalidSetting(f"HUB_EGRESS_REROUTES: {refused}") from None


def egress_policy(settings: Settings) -> EgressPolicy:
    """The settings' say on where the hub may connect to."""
    try:
        networks = tuple(ip_network(text.strip()) for text in settings.egress.allow)
    except ValueError as error:
        raise InvalidSetting(f"HUB_EGRESS_ALLOW: {error}.") from None
    return EgressPolicy(
        allowed_networks=networks,
        allow_http=settings.egress.http,
        ports=frozenset(settings.egress.ports),
        direct_ports=frozenset(settings.egress.direct_ports),
    )
