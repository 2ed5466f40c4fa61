"""Which deployment this is, and whether the master key at hand is the one its secrets are sealed under."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.app.settings import Settings
from worksphere_hub.db.owner import call_as_owner
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.security.envelope import Wrapper
from worksphere_hub.security.vault import ACTIVE, MasterKeys, WrappedKey, load_master_keys

_FOUND = "select hub.found_deployment($1, $2, $3, $4)"
_READ = "select id, master_key_id, master_key_check, pepper from hub.deployment"


class WrongMasterKey(HubError):
    """This is not the master key that the database's secrets are sealed under."""

    code = "wrong_master_key"


class NotFounded(HubError):
    """The database was migrated but never founded: it does not know its master key."""

    code = "not_founded"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment's id, and the key of the digests of API keys."""

    id: UUID
    pepper: bytes


def master_keys(settings: Settings) -> MasterKeys:
    """The master keys of the settings."""
    return load_master_keys(
        text=settings.master_key.reveal() if settings.master_key else None,
        path=settings.key_file,
        older=[key.reveal() for key in settings.older_master_keys],
    )


async def found(owner_url: str, keys: MasterKeys) -> bool:
    """Write the deployment's row if there is none; answers whether this call did."""
    deployment = ids.new()
    pepper = Wrapper(keys, deployment.hex).new_key(deployment, "index", 1)
    rows = await call_as_owner(owner_url, _FOUND, deployment, keys.current.kek_id, keys.current.kcv, pepper.wrapped)
    return rows[0][0]


async def load(database: Database, keys: MasterKeys) -> Deployment:
    """Read the deployment. Refuses a master key that would seal what nobody can open again."""
    rows = await database.call(_READ)
    if not rows:
        raise NotFounded("Run `worksphere-hub migrate` with the master key that this deployment is to have.")
    row = rows[0]
    known = keys.find(row["master_key_id"])
    if not hmac.compare_digest(known.kcv, row["master_key_check"]):
        raise WrongMasterKey("Its name fits, but its check value does not. Restore the right key.")
    deployment: UUID = row["id"]
    pepper = pepper_key(deployment, row["pepper"], row["master_key_id"])
    return Deployment(deployment, Wrapper(keys, deployment.hex).secret(pepper))


def pepper_key(deployment: UUID, wrapped: bytes, kek_id: str) -> WrappedKey:
    """The pepper as what it is: a data key of the deployment itself."""
    return WrappedKey(deployment, "index", 1, wrapped, kek_id, ACTIVE)
