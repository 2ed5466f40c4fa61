"""SQLite: tables and views as streams, rows written by their key."""

from worksphere_hub.connectors.sqlite.session import opened
from worksphere_hub.sdk.manifest.beside import manifest_beside
from worksphere_hub.sdk.tables.connector import Database

CONNECTOR = Database(manifest_beside(__file__), opened)
