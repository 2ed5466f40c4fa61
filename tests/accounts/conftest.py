"""A whole API of this room on a fresh database, with organizations, people and keys made as a test needs them."""

from collections.abc import AsyncIterator, Iterator

import argon2
import asyncpg
import pytest

from tests.accounts.office import Office, open_office
from worksphere_hub.security.passwords import PasswordHasher


@pytest.fixture(scope="session")
def passwords() -> Iterator[PasswordHasher]:
    """Argon2id as cheap as it gets: these tests are about what is checked, not about how hard."""
    cheap = argon2.Parameters(
        type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
    )
    hasher = PasswordHasher(parameters=cheap)
    yield hasher
    hasher.close()


@pytest.fixture
async def office(database, passwords) -> AsyncIterator[Office]:
    """The API of this room, and the owner's connection beside it."""
    admin = await asyncpg.connect(database.admin_url)
    try:
        async with open_office(database.app_url, admin, passwords) as opened:
            yield opened
    finally:
        await admin.close()
