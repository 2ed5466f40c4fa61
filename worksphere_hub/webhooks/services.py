"""What the API's side of this room works with."""

from dataclasses import dataclass

from worksphere_hub.db.pool import Database
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.security.vault import Vault
from worksphere_hub.webhooks.directory import Directory
from worksphere_hub.webhooks.settings import WebhookSettings


@dataclass(frozen=True, slots=True)
class Services:
    """The database and all that reaches beyond it."""

    database: Database
    vault: Vault
    egress: EgressClient
    acceptor: Acceptor
    settings: WebhookSettings
    directory: Directory
