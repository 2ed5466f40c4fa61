"""What the API's side of this room works with."""

from dataclasses import dataclass

from worksphere_hub.connections.broker import Broker
from worksphere_hub.connections.budget import Budgets
from worksphere_hub.connections.call_log import CallLog
from worksphere_hub.connections.check import Checker
from worksphere_hub.connections.provider import Provider
from worksphere_hub.connections.proxy import Proxy
from worksphere_hub.connections.renew import Renewer
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.db.pool import Database
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.security.vault import Vault


@dataclass(frozen=True, slots=True)
class Connections:
    """`request.state.connections`; workers have one, too. To be closed when the process ends."""

    database: Database
    vault: Vault
    egress: EgressClient
    provider: Provider
    renewer: Renewer
    broker: Broker
    checker: Checker
    proxy: Proxy
    calls: CallLog
    settings: ConnectionSettings

    async def close(self) -> None:
        """Let renewals that are under way end, and write the calls down that were made."""
        await self.renewer.close()
        await self.calls.close()


def open_connections(
    database: Database, vault: Vault, egress: EgressClient, settings: ConnectionSettings
) -> Connections:
    """Put the room together."""
    provider = Provider(egress, timeout=settings.token_timeout)
    renewer = Renewer(database, vault, provider, settings)
    broker = Broker(database, vault, renewer, settings)
    checker = Checker(database, broker, egress, settings)
    proxy = Proxy(broker, egress, Budgets(database), settings)
    return Connections(database, vault, egress, provider, renewer, broker, checker, proxy, CallLog(database), settings)
