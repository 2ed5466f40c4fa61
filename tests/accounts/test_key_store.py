"""The vault's keys in the real table."""

import asyncio

import pytest

from tests.accounts.office import Office
from worksphere_hub import ids
from worksphere_hub.accounts.key_store import PostgresKeyStore, rewrap_all
from worksphere_hub.db.pool import Database
from worksphere_hub.security.envelope import Wrapper
from worksphere_hub.security.master_key import MasterKey, MasterKeys
from worksphere_hub.security.vault import KeyStore, MasterKeyMissing, Place, Vault

OLD, NEW = MasterKey(bytes(range(32))), MasterKey(bytes(range(100, 132)))
PLACE = Place("things", "secret_sealed", "1")


@pytest.fixture
def store(office: Office) -> KeyStore:
    return PostgresKeyStore(office.database)


async def test_the_one_who_comes_second_is_given_the_first_one_s_key(office, store):
    org = await office.organization()
    wrapper = Wrapper(MasterKeys(OLD), "hub")
    offered = [wrapper.new_key(org, "cred", 1) for _ in range(6)]
    kept = await asyncio.gather(*(store.add_key(key) for key in offered))
    assert len(set(kept)) == 1
    assert kept[0] in offered
    assert list(await store.load_keys(org, "cred")) == [kept[0]]


async def test_a_key_belongs_to_one_organization_and_purpose(office, store):
    one, two = await office.organization(), await office.organization()
    await Vault(MasterKeys(OLD), store).seal(one, "cred", PLACE, b"x")
    names = ((one, "cred"), (one, "payload"), (two, "cred"))
    assert [len(await store.load_keys(org, purpose)) for org, purpose in names] == [1, 0, 0]
    async with office.database.tenant(two) as tx:
        assert await tx.value("select count(*) from hub.organization_keys") == 0


async def test_two_processes_that_seal_first_at_the_same_time_read_each_other(office, store):
    org = await office.organization()
    vaults = [Vault(MasterKeys(OLD), PostgresKeyStore(office.database)) for _ in range(4)]
    sealed = await asyncio.gather(*(vault.seal(org, "cred", PLACE, b"secret") for vault in vaults))
    for vault in vaults:
        for each in sealed:
            assert await vault.open(org, "cred", PLACE, each) == b"secret"


async def test_an_organization_that_is_not_there_gets_no_key(office, store):
    with pytest.raises(Exception, match="foreign key"):
        await Vault(MasterKeys(OLD), store).seal(ids.new(), "cred", PLACE, b"x")


async def test_rewrapping_needs_the_old_master_key_and_leaves_nothing_under_it(house, office, store):
    orgs = [await office.organization() for _ in range(3)]
    before = Vault(MasterKeys(OLD), store)
    sealed = {org: await before.seal(org, "cred", PLACE, org.bytes) for org in orgs}
    both, only_new = Vault(MasterKeys(NEW, (OLD,)), store), Vault(MasterKeys(NEW), store)
    with pytest.raises(MasterKeyMissing):
        await only_new.open(orgs[0], "cred", PLACE, sealed[orgs[0]])
    worker = await Database.open(house.worker_url, application="test", size=2)
    try:
        counts = await asyncio.gather(*(rewrap_all(worker, both, NEW.kek_id) for _ in range(2)))
        assert sum(counts) == 3
        assert await rewrap_all(worker, both, NEW.kek_id) == 0
    finally:
        await worker.close()
    for org in orgs:
        assert await Vault(MasterKeys(NEW), store).open(org, "cred", PLACE, sealed[org]) == org.bytes
