"""Microsoft Teams: teams, channels, messages by delta, replies, chats; messages written; subscriptions kept alive."""

from worksphere_hub.connectors.microsoft_teams.actions import actions
from worksphere_hub.connectors.microsoft_teams.inbound import TeamsInbound
from worksphere_hub.connectors.microsoft_teams.streams import streams
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside

CONNECTOR = Connector(manifest_beside(__file__), streams(), actions(), TeamsInbound())
