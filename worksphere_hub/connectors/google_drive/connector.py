"""Google Drive: files by the feed of changes, shared drives, uploads that go on, sharing; channels that are renewed."""

from worksphere_hub.connectors.google_drive.actions import actions
from worksphere_hub.connectors.google_drive.inbound import DriveInbound
from worksphere_hub.connectors.google_drive.streams import streams
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside

CONNECTOR = Connector(manifest_beside(__file__), streams(), actions(), DriveInbound())
