"""A database as a connector: its streams are its tables."""

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.direct import Account, direct
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.stream import Stream
from worksphere_hub.sdk.tables.actions import actions
from worksphere_hub.sdk.tables.session import Open
from worksphere_hub.sdk.tables.stream import stream_of


class Database(Connector):
    """A connector of which everything is known but how a session is opened."""

    __slots__ = ("_open",)
    _open: Open

    def __init__(self, manifest: Manifest, opened: Open) -> None:
        super().__init__(manifest, actions=actions(opened), check=self._account, direct=True)
        # What it is built on does not change once it is made.
        object.__setattr__(self, "_open", opened)

    async def discover(self, api: Api) -> dict[str, Stream]:
        """Every table and view that has a key: without one no row can be told from another."""
        async with self._open(direct(api)) as session:
            found = await session.tables()
        return {table.stream: stream_of(table, api.settings, self._open) for table in found if table.key}

    async def _account(self, api: Api) -> Account:
        async with self._open(direct(api)) as session:
            return await session.account()
