"""One connection outside any pool."""

import pytest

from worksphere_hub.db.connect import connected
from worksphere_hub.db.failures import DatabaseRefused


@pytest.fixture
def database(shared):
    """All tests here make do with one."""
    return shared


async def test_it_is_closed_at_the_end_of_the_block(database):
    async with connected(database.app_url) as connection:
        assert await connection.fetchval("select current_user") == "hub_api_login"
    assert connection.is_closed()


async def test_it_is_closed_after_a_failure_too(database):
    with pytest.raises(ZeroDivisionError):
        async with connected(database.app_url) as connection:
            raise ZeroDivisionError
    assert connection.is_closed()


async def test_a_login_that_is_not_let_in_is_a_sentence(cluster):
    with pytest.raises(DatabaseRefused, match="does not exist"):
        async with connected(cluster.url("no_such_database")):
            pass
