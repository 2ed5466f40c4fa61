"""Rotate the master key: wrap everything anew that another one wraps. Safe to stop, to repeat and to run twice."""

from worksphere_hub.accounts.key_store import PostgresKeyStore, rewrap_all
from worksphere_hub.app.deployment import Deployment, pepper_key
from worksphere_hub.db.pool import Database
from worksphere_hub.security.envelope import Wrapper
from worksphere_hub.security.vault import MasterKeys, Vault

_READ = "select master_key_id, pepper from hub.deployment"
_WRITE = """
update hub.deployment set master_key_id = $1, master_key_check = $2, pepper = $3 where master_key_id = $4
"""


async def rotate_master_key(database: Database, deployment: Deployment, keys: MasterKeys) -> int:
    """Wrap every data key, and last the deployment's own, under the current master key; answers how many data keys.

    The deployment's row goes last: until it is written, a process with only the old key still starts.
    """
    vault = Vault(keys, PostgresKeyStore(database), deployment=deployment.id.hex)
    count = await rewrap_all(database, vault, keys.current.kek_id)
    row = (await database.call(_READ))[0]
    if row["master_key_id"] != keys.current.kek_id:
        wrapper = Wrapper(keys, deployment.id.hex)
        after = wrapper.rewrap(pepper_key(deployment.id, row["pepper"], row["master_key_id"]))
        await database.call(_WRITE, keys.current.kek_id, keys.current.kcv, after.wrapped, row["master_key_id"])
    return count
