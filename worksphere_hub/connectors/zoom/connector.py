"""Zoom: users, meetings, recordings and participants; meetings made and changed; events."""

from worksphere_hub.connectors.zoom.actions import actions
from worksphere_hub.connectors.zoom.inbound import ZoomInbound
from worksphere_hub.connectors.zoom.streams import streams
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside

CONNECTOR = Connector(manifest_beside(__file__), streams(), actions(), ZoomInbound())
