"""Is this database fit for the hub?"""

import pytest

from worksphere_hub.db.checks import DatabaseUnfit, examine, judge, require_fit
from worksphere_hub.db.connect import connected
from worksphere_hub.db.failures import DatabaseRefused
from worksphere_hub.db.logins import ensure_login
from worksphere_hub.db.urls import with_login

GOOD = {
    "version": 180_001,
    "fsync": True,
    "full_page_writes": True,
    "synchronous_commit": "on",
    "encoding": "UTF8",
    "rolsuper": False,
    "rolbypassrls": False,
    "rolname": "hub_api",
    "owns_tables": False,
    "has_role": True,
}


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


def faults(findings):
    return {finding.name for finding in findings if not finding.fine}


def test_a_good_database_has_no_fault():
    findings = judge(GOOD, "hub_app")
    assert faults(findings) == set()
    assert len({finding.name for finding in findings}) == len(findings) == 9


@pytest.mark.parametrize(
    ("fact", "value", "name", "cure"),
    [
        ("version", 140_019, "version", "use 15 or newer"),
        ("version", 150_013, "minor version", "upgrade to 15.14"),
        ("version", 160_009, "minor version", "upgrade to 16.10"),
        ("version", 170_005, "minor version", "upgrade to 17.6"),
        ("encoding", "SQL_ASCII", "encoding", "UTF8"),
        ("fsync", False, "fsync", "fsync = on"),
        ("full_page_writes", False, "full_page_writes", "full_page_writes = on"),
        ("synchronous_commit", "off", "synchronous_commit", "alter role hub_api set synchronous_commit = on;"),
        ("rolsuper", True, "login", "plain login"),
        ("rolbypassrls", True, "login", "plain login"),
        ("owns_tables", True, "ownership", "another login"),
        ("has_role", False, "membership", "grant hub_app to hub_api;"),
    ],
)
def test_each_bad_fact_is_one_fault_with_its_cure(fact, value, name, cure):
    findings = judge(GOOD | {fact: value}, "hub_app")
    assert faults(findings) == {name}
    assert cure in next(finding.sentence for finding in findings if finding.name == name)


@pytest.mark.parametrize("version", [150_014, 160_010, 170_006, 180_000, 190_000])
def test_the_first_safe_minor_version_is_good(version):
    assert faults(judge(GOOD | {"version": version}, "hub_app")) == set()


@pytest.mark.parametrize("commit", ["local", "remote_write", "remote_apply"])
def test_a_commit_that_waits_for_this_server_at_least_is_good(commit):
    assert faults(judge(GOOD | {"synchronous_commit": commit}, "hub_app")) == set()


async def test_the_hubs_own_logins_are_fine(database):
    assert faults(await examine(database.app_url, "hub_app")) == set()
    assert faults(await examine(database.worker_url, "hub_worker")) == set()
    await require_fit(database.app_url, "hub_app")


async def test_the_owner_is_not_what_the_hub_should_run_as(database):
    assert faults(await examine(database.admin_url, "hub_app")) == {"login", "ownership"}
    with pytest.raises(DatabaseUnfit) as refused:
        await require_fit(database.admin_url, "hub_app")
    assert "bypasses row-level security" in refused.value.detail
    assert "owns tables" in refused.value.detail


async def test_a_login_of_the_wrong_role_is_found(database):
    assert faults(await examine(database.app_url, "hub_worker")) == {"membership"}
    assert faults(await examine(database.app_url, "no_such_role")) == {"membership"}


async def test_a_setting_of_the_login_itself_is_found(database):
    await ensure_login(database.admin_url, "hub_test_hasty", "hasty", ["hub_app"])
    url = with_login(database.admin_url, "hub_test_hasty", "hasty")
    async with connected(database.admin_url) as admin:
        await admin.execute("alter role hub_test_hasty set synchronous_commit = off")
    assert faults(await examine(url, "hub_app")) == {"synchronous_commit"}


async def test_a_database_in_another_encoding_is_found(database):
    async with connected(database.admin_url) as admin:
        name = f"{database.name}_ascii"
        await admin.execute(
            f"create database {name} encoding 'SQL_ASCII' locale_provider libc locale 'C' template template0"
        )
        try:
            url = database.cluster.url(name, "hub_api_login")
            assert "encoding" in faults(await examine(url, "hub_app"))
        finally:
            await admin.execute(f"drop database {name} with (force)")


async def test_a_login_that_is_not_let_in_is_said_so(database):
    with pytest.raises(DatabaseRefused, match="Password authentication failed"):
        await examine(with_login(database.app_url, "hub_api_login", "wrong"), "hub_app")
