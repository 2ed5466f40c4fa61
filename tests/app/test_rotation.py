"""The master key: founded once, checked at every start, rotated without losing anything."""

import asyncio
import secrets

import pytest

from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.app.deployment import NotFounded, found, load
from worksphere_hub.app.rotation import rotate_master_key
from worksphere_hub.db.pool import Database
from worksphere_hub.http.rates import RateLimiter
from worksphere_hub.security.vault import MasterKey, MasterKeyMissing, MasterKeys, Place, Vault

PLACE = Place("table", "column", "row")


@pytest.fixture
async def logins(database):
    app = await Database.open(database.app_url, application="test", size=2)
    worker = await Database.open(database.worker_url, application="test", size=2)
    yield app, worker
    await app.close()
    await worker.close()


def fresh():
    return MasterKey(secrets.token_bytes(32))


async def test_a_database_is_founded_once_and_knows_its_key(database, logins):
    app, _ = logins
    with pytest.raises(NotFounded):
        await load(app, MasterKeys(fresh()))
    keys = MasterKeys(fresh())
    assert await asyncio.gather(*(found(database.admin_url, keys) for _ in range(3))) in (
        [True, False, False],
        [False, True, False],
        [False, False, True],
    )
    deployment = await load(app, keys)
    assert len(deployment.pepper) == 32
    with pytest.raises(MasterKeyMissing):
        await load(app, MasterKeys(fresh()))


async def test_rotating_keeps_every_secret_and_key_readable(database, logins):
    app, worker = logins
    old, new = fresh(), fresh()
    await found(database.admin_url, MasterKeys(old))
    before = await load(app, MasterKeys(old))
    vault = Vault(MasterKeys(old), PostgresKeyStore(app), deployment=before.id.hex)
    sealed = {}
    for number in range(5):
        org = (await bootstrap.create_organization(app, slug=f"org-{number}", name="Org")).id
        sealed[org] = await vault.seal(org, "cred", PLACE, f"secret {number}".encode())
    key = await bootstrap.create_key(app, before.pepper, next(iter(sealed)), NewKey("test"))

    both = MasterKeys(new, (old,))
    counts = await asyncio.gather(*(rotate_master_key(worker, before, both) for _ in range(2)))
    assert sum(counts) == 5
    assert await rotate_master_key(worker, before, both) == 0

    after = await load(app, MasterKeys(new))
    assert (after.id, after.pepper) == (before.id, before.pepper)
    vault = Vault(MasterKeys(new), PostgresKeyStore(app), deployment=after.id.hex)
    for number, (org, secret) in enumerate(sealed.items()):
        assert await vault.open(org, "cred", PLACE, secret) == f"secret {number}".encode()
    authenticator = Authenticator(app, after.pepper, RateLimiter(), AccountSettings())
    principal = await authenticator.authenticate(f"Bearer {key.secret.reveal()}")
    assert ids.encode("org", principal.org)
    with pytest.raises(MasterKeyMissing):
        await load(app, MasterKeys(old))
