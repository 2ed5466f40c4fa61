"""Webhooks without a provider of their own: send to any address, take in from any sender."""

from worksphere_hub.connectors.webhook.actions import actions
from worksphere_hub.connectors.webhook.inbound import WebhookInbound
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside

CONNECTOR = Connector(manifest_beside(__file__), actions=actions(), inbound=WebhookInbound())
