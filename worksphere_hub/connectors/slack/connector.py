"""Slack: channels, people, messages and files; messages written, changed and deleted; events first."""

from worksphere_hub.connectors.slack.actions import actions
from worksphere_hub.connectors.slack.inbound import SlackInbound
from worksphere_hub.connectors.slack.streams import streams
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside

CONNECTOR = Connector(manifest_beside(__file__), streams(), actions(), SlackInbound())
