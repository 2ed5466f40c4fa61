"""One of several processes that want the same credential: `go <n>` on its input makes n callers ask at once."""

import asyncio
import json
import sys
from ipaddress import ip_network
from uuid import UUID

from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.connections.services import open_connections
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.security.egress import EgressClient, EgressPolicy
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.security.vault import MasterKey, MasterKeys, Vault
from worksphere_hub.telemetry.logs import configure


async def main(url: str, master: str, org: str, connection: str) -> None:
    """Answer each line of the input with one line: versions, tokens and errors."""
    database = await Database.open(url, application="contender", size=4)
    vault = Vault(MasterKeys(MasterKey(bytes.fromhex(master))), PostgresKeyStore(database))
    policy = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))
    async with EgressClient(policy, body_limit=1_048_576) as egress:
        room = open_connections(database, vault, egress, ConnectionSettings())
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        print("ready", flush=True)
        while line := await reader.readline():
            callers = int(line.split()[1])
            asked = [_ask(room.broker, UUID(hex=org), UUID(hex=connection)) for _ in range(callers)]
            print(json.dumps(await asyncio.gather(*asked)), flush=True)
    await database.close()


async def _ask(broker, org: UUID, connection: UUID) -> list[object]:
    try:
        ready = await broker.ready(org, connection)
    except HubError as error:
        return [None, error.code, error.detail]
    return [ready.version, ready.subject.contents["main"]["access_token"], None]


if __name__ == "__main__":
    configure("critical", json=True, redact=redact_fields)
    asyncio.run(main(*sys.argv[1:]))
